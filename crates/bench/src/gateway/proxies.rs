//! The proxies under measurement, started on the proxies' core and known to forward.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use koinon_testkit::{Koinon, KoinonOptions, Process, ProcessOptions, Rival, RivalOptions, wait_until};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::engine::Engine;
use super::load::PATH;
use super::message::request;
use super::place::Place;
use super::registering::register;
use super::routes::RouteFile;
use crate::error::{Error, Result};
use crate::options::Options;
use crate::report::{KOINON, warn};

pub(super) const HAPROXY: &str = "haproxy";
pub(super) const NGINX: &str = "nginx";
pub(super) const SPRING: &str = "spring";
/// All, in the order in which they take their first turn.
pub(super) const NAMES: [&str; 4] = [KOINON, HAPROXY, NGINX, SPRING];

/// The client connections that each of them is told to take, all from one address.
pub(super) const CONNECTIONS_MAX: usize = 8_192;
/// The connections that Koinon's other listeners may have, so that open files are left for the gateway's.
const DOOR_CONNECTIONS_MAX: usize = 256;

/// A JVM on one core needs tens of seconds.
const START_MAX: Duration = Duration::from_secs(120);
/// Between questions whether a proxy forwards; not a pace of anything measured.
const ASK_AGAIN: Duration = Duration::from_millis(50);

/// A running proxy. Dropping it ends it.
#[derive(Debug)]
pub(super) struct Proxy {
    pub(super) name: &'static str,
    pub(super) address: SocketAddr,
    pub(super) pid: u32,
    /// Koinon's front door for registrations.
    pub(super) eureka: Option<SocketAddr>,
    _running: Running,
}

#[derive(Debug)]
#[expect(
    dead_code,
    reason = "held so that the processes and their folders live as long as the proxy"
)]
enum Running {
    Koinon(Koinon),
    Rival(Rival),
    Spring(Process, TempDir),
}

impl Proxy {
    /// Starts one of [`NAMES`] and waits until it forwards.
    pub(super) fn start(
        name: &'static str,
        options: &Options,
        place: Place,
        engine: &mut Engine,
        routes: &RouteFile,
    ) -> Result<Self> {
        warn(&format!("… starting {name}"));
        let upstreams = engine.upstreams()?;
        let proxy = place.start(|| match name {
            HAPROXY => Ok(Self::rival(Rival::haproxy(&rival_options(upstreams))?)),
            NGINX => Ok(Self::rival(Rival::nginx(&rival_options(upstreams))?)),
            SPRING => Self::spring(options, routes),
            _ => Self::koinon(options, routes, &upstreams),
        })?;
        proxy.wait_forwarding(engine)?;
        proxy.signal(Signal::STOP)?;
        Ok(proxy)
    }

    /// Lets the proxy run while it is measured. Otherwise it is stopped, or a JVM that goes on compiling would spend
    /// the others' time.
    pub(super) fn awake<T>(
        &self,
        engine: &mut Engine,
        measure: impl FnOnce(&mut Engine) -> Result<T>,
    ) -> Result<T> {
        self.signal(Signal::CONT)?;
        let measured = measure(engine);
        engine.disconnect();
        self.signal(Signal::STOP)?;
        measured
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw);
        let sent = pid.map_or(Ok(()), |pid| kill_process(pid, signal));
        sent.map_err(|error| Error::io(format!("sending a signal to {}", self.name))(error.into()))
    }

    fn rival(rival: Rival) -> Self {
        Self {
            name: rival.name(),
            address: rival.address(),
            pid: rival.id(),
            eureka: None,
            _running: Running::Rival(rival),
        }
    }

    /// `koinon dev` with one worker, the route file and two instances that registered themselves.
    fn koinon(options: &Options, routes: &RouteFile, upstreams: &[SocketAddr]) -> Result<Self> {
        let mut start = KoinonOptions::default()
            .set("listen.gateway", "127.0.0.1:0")
            .set("listen.connections_max", DOOR_CONNECTIONS_MAX)
            .set("gateway.connections_max", CONNECTIONS_MAX)
            .set("gateway.connections_per_address_max", CONNECTIONS_MAX)
            .set("gateway.workers", 1);
        start.arguments = vec!["--routes".into(), routes.path().display().to_string()];
        start.binary = Some(options.koinon.clone());
        let mut koinon = Koinon::start(&start)?;
        let eureka = koinon.listener("eureka")?;
        for upstream in upstreams {
            register(eureka, "orders", *upstream)?;
        }
        Ok(Self {
            name: KOINON,
            address: koinon.listener("gateway")?,
            pid: koinon.process().id(),
            eureka: Some(eureka),
            _running: Running::Koinon(koinon),
        })
    }

    /// Spring Cloud Gateway with one event loop, as the others have one.
    fn spring(options: &Options, routes: &RouteFile) -> Result<Self> {
        let jar = options.spring_jar.as_deref().unwrap_or(Path::new("gateway.jar"));
        if !jar.is_file() {
            return Err(Error::Missing {
                what: jar.display().to_string(),
                get: "cargo xtask bench gateway".into(),
            });
        }
        let folder = tempfile::tempdir().map_err(Error::io("making a folder for its output"))?;
        let mut command = Command::new("java");
        command
            .arg("-Dreactor.netty.ioWorkerCount=1")
            .arg("-jar")
            .arg(jar);
        command.arg(format!(
            "--spring.config.location=file:{}",
            routes.path().display()
        ));
        command.args(["--server.address=127.0.0.1", "--server.port=0"]);
        let mut process = Process::start(ProcessOptions {
            name: SPRING.into(),
            command,
            log: folder.path().join("output.log"),
        })?;
        let found = wait_until("Netty to listen", START_MAX, || match process.ended() {
            Some(status) => Some(Err(process.error(format!("ended: {status}")))),
            None => netty_port(&process.output()).map(Ok),
        });
        let port = found.map_err(|error| process.error(error.to_string()))??;
        Ok(Self {
            name: SPRING,
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
            pid: process.id(),
            eureka: None,
            _running: Running::Spring(process, folder),
        })
    }

    fn wait_forwarding(&self, engine: &mut Engine) -> Result<()> {
        let bytes = request(self.address, PATH);
        let started = Instant::now();
        loop {
            engine.connect(self.address, 1)?;
            let done = engine.ask(0, &bytes);
            engine.disconnect();
            match done {
                Ok(done) if done.status == 200 => return Ok(()),
                Ok(done) if started.elapsed() > START_MAX => {
                    return Err(Error::Answer {
                        request: format!("GET {PATH} through {}", self.name),
                        expected: format!("200 within {START_MAX:?}"),
                        got: done.status.to_string(),
                    });
                }
                Ok(_) => engine.idle(ASK_AGAIN)?,
                Err(error) => return Err(error),
            }
        }
    }
}

fn rival_options(upstreams: Vec<SocketAddr>) -> RivalOptions {
    RivalOptions {
        connections_max: CONNECTIONS_MAX,
        ..RivalOptions::new(upstreams)
    }
}

/// `Netty started on port 40123 (http)`
fn netty_port(log: &str) -> Option<u16> {
    let rest = log.split("Netty started on port ").nth(1)?;
    // The line must be whole, or the number may not be.
    let end = rest.find(|c: char| !c.is_ascii_digit())?;
    rest[..end].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects: the rival is driven on the port it chose.
    #[test]
    fn the_port_is_read_from_the_log() {
        assert_eq!(netty_port("x Netty started on port 40123 (http)"), Some(40_123));
        assert_eq!(netty_port("x Netty started on port 401"), None);
    }
}
