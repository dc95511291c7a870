//! The two servers, each on an empty folder of the same disk, with everything that a user gets by default.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use koinon_testkit::{Process, ProcessOptions};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::engine::Engine;
use super::load::{Clients, just_do};
use super::wire::{self, Read};
use super::work::{Kind, Work, fillings, key};
use crate::error::{Error, Result};
use crate::options::Options;
use crate::report::KOINON;

pub(super) const ETCD: &str = "etcd";
/// Both, in the order in which they take their first turn.
pub(super) const NAMES: [&str; 2] = [KOINON, ETCD];
const FILL_CLIENTS: usize = 16;
const START_MAX: Duration = Duration::from_secs(60);
/// Between questions whether a server is there: fine beside a restart of a second.
const ASK_AGAIN: Duration = Duration::from_millis(2);
/// Koinon's listeners; all on ports of the system's choice.
const LISTENERS: [&str; 4] = ["etcd", "eureka", "admin", "gateway"];

/// How a server is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Asked,
    Killed,
}

/// A running server. Dropping it ends it and removes its folder.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) name: &'static str,
    address: SocketAddr,
    /// etcd does not choose its ports itself: its clients' and its peers'.
    ports: [u16; 2],
    binary: PathBuf,
    process: Process,
    // Dropped after the process, which writes into it.
    folder: TempDir,
}

impl Server {
    /// Starts one of [`NAMES`] and waits until it answers.
    pub(super) fn start(name: &'static str, options: &Options) -> Result<Self> {
        let binary = binary(name, options)?;
        let folder = folder(options)?;
        let ports = free_ports()?;
        let process = spawn(name, &binary, folder.path(), ports)?;
        let mut server = Self {
            name,
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, ports[0])),
            ports,
            binary,
            process,
            folder,
        };
        server.wait_answering()?;
        server.signal(Signal::STOP)?;
        Ok(server)
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Lets the server run while it is measured. Otherwise it is stopped: what it does in the background would spend the
    /// other's time.
    pub(super) fn awake<T>(&self, measure: impl FnOnce() -> Result<T>) -> Result<T> {
        self.signal(Signal::CONT)?;
        let measured = measure();
        self.signal(Signal::STOP)?;
        measured
    }

    /// Puts keys `0..count`, many in a transaction.
    pub(super) fn fill(&self, count: usize) -> Result<()> {
        let mut work = Work::new(Kind::Fill, count);
        // Those under way at the end are given up, so that many are done twice instead.
        let times = fillings(count) + FILL_CLIENTS;
        self.awake(|| just_do(self, Clients::new(FILL_CLIENTS), &mut work, times))
    }

    /// Ends the server and starts it on the same folder: the time from the start of the process to its first
    /// linearizable answer.
    pub(super) fn restart(&mut self, end: End) -> Result<Duration> {
        self.signal(Signal::CONT)?;
        match end {
            End::Asked => {
                self.process.terminate();
                self.process.wait(START_MAX)?;
            }
            End::Killed => self.process.kill(),
        }
        let _ = fs::remove_file(listeners(self.folder.path()));
        let started = Instant::now();
        self.process = spawn(self.name, &self.binary, self.folder.path(), self.ports)?;
        self.wait_answering()?;
        let took = started.elapsed();
        self.signal(Signal::STOP)?;
        Ok(took)
    }

    fn wait_answering(&mut self) -> Result<()> {
        let started = Instant::now();
        loop {
            if let Some(address) = self.found_address() {
                self.address = address;
                let asked = Engine::connect(address, 1).and_then(|mut engine| {
                    engine.ask_one(wire::RANGE, &wire::get(&key(0), Read::Linearizable))
                });
                if asked.is_ok() {
                    return Ok(());
                }
            }
            if let Some(status) = self.process.ended() {
                return Err(self.process.error(format!("ended: {status}")).into());
            }
            if started.elapsed() > START_MAX {
                return Err(self.process.error("does not answer").into());
            }
            std::thread::sleep(ASK_AGAIN);
        }
    }

    fn found_address(&self) -> Option<SocketAddr> {
        if self.name == ETCD {
            return Some(self.address);
        }
        let text = fs::read_to_string(listeners(self.folder.path())).ok()?;
        let names: serde_json::Value = serde_json::from_str(&text).ok()?;
        names.get("etcd")?.as_str()?.parse().ok()
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        let pid = i32::try_from(self.pid()).ok().and_then(Pid::from_raw);
        let sent = pid.map_or(Ok(()), |pid| kill_process(pid, signal));
        sent.map_err(|error| Error::io(format!("sending a signal to {}", self.name))(error.into()))
    }
}

/// A folder on the disk that is measured: a temporary one may be in memory, where a sync costs nothing.
pub(super) fn folder(options: &Options) -> Result<TempDir> {
    let parent = match (&options.data, options.koinon.parent()) {
        (Some(data), _) => data.as_path(),
        (None, Some(beside)) => beside,
        (None, None) => Path::new("."),
    };
    tempfile::Builder::new()
        .prefix("bench-kv-")
        .tempdir_in(parent)
        .map_err(Error::io(format!("making a folder in {}", parent.display())))
}

fn binary(name: &str, options: &Options) -> Result<PathBuf> {
    let (path, get) = if name == ETCD {
        let path = options.etcd.clone().unwrap_or_else(|| "etcd".into());
        (path, "cargo xtask bench kv")
    } else {
        (options.koinon.clone(), "cargo build --release")
    };
    let absolute = fs::canonicalize(&path);
    absolute.map_err(|_| Error::Missing {
        what: path.display().to_string(),
        get: get.into(),
    })
}

fn listeners(folder: &Path) -> PathBuf {
    folder.join("data").join("listeners.json")
}

fn spawn(name: &'static str, binary: &Path, folder: &Path, [client, peer]: [u16; 2]) -> Result<Process> {
    let mut command = Command::new(binary);
    let data = folder.join("data");
    if name == ETCD {
        let (client, peer) = (
            format!("http://127.0.0.1:{client}"),
            format!("http://127.0.0.1:{peer}"),
        );
        command.arg("--data-dir").arg(&data);
        command.args([
            "--listen-client-urls",
            &client,
            "--advertise-client-urls",
            &client,
        ]);
        command.args([
            "--listen-peer-urls",
            &peer,
            "--initial-advertise-peer-urls",
            &peer,
        ]);
        command.args([
            "--initial-cluster",
            &format!("default={peer}"),
            "--log-level",
            "error",
        ]);
    } else {
        command.arg("dev").arg("--data-dir").arg(&data);
        for listener in LISTENERS {
            command.args(["--set", &format!("listen.{listener}=127.0.0.1:0")]);
        }
    }
    command.current_dir(folder);
    Ok(Process::start(ProcessOptions {
        name: name.into(),
        command,
        log: folder.join("output.log"),
    })?)
}

/// Ports that were free a moment ago.
fn free_ports() -> Result<[u16; 2]> {
    let find = || -> std::io::Result<[u16; 2]> {
        let (one, other) = (
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?,
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?,
        );
        Ok([one.local_addr()?.port(), other.local_addr()?.port()])
    };
    find().map_err(Error::io("looking for free ports"))
}
