//! The proxies that Koinon's gateway is measured and compared with, as plain reverse proxies: HAProxy and nginx from
//! Debian, one worker each, round robin over the given endpoints, connections kept alive on both sides.
//!
//! They are found on the PATH, or where `cargo xtask` unpacks Debian's packages. nginx runs without its master
//! process, so that one process is all there is to measure and to end; the work of its worker is the same.
//!
//! Invariant: what they write goes into a folder that is removed with them.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::process::{Process, ProcessOptions};
use crate::wait::wait_until;
use crate::{Error, Result};

/// Where `cargo xtask` unpacks the packages, from the root of the repository.
const UNPACKED: &str = "target/compat/proxies";
const READY_WITHIN: Duration = Duration::from_secs(20);
/// A port that was free a moment ago may be taken by somebody else; three times in a row is no accident.
const TRIES_MAX: usize = 3;

/// What a rival proxies, and how much it must bear.
#[derive(Debug, Clone)]
pub struct RivalOptions {
    /// Where the requests go, in turns.
    pub upstreams: Vec<SocketAddr>,
    /// Downstream connections open at once.
    pub connections_max: usize,
    /// Upstream connections that stay open while idle.
    pub idle_max: usize,
    /// How long a silent connection stays open on either side.
    pub idle: Duration,
}

impl RivalOptions {
    /// For a test or a measurement of some hundred connections.
    pub fn new(upstreams: impl Into<Vec<SocketAddr>>) -> Self {
        Self {
            upstreams: upstreams.into(),
            connections_max: 8192,
            idle_max: 512,
            idle: Duration::from_secs(300),
        }
    }
}

/// A running HAProxy or nginx. Dropping it kills it.
#[derive(Debug)]
pub struct Rival {
    name: &'static str,
    address: SocketAddr,
    process: Process,
    // Dropped after the process, which writes into it.
    folder: TempDir,
}

impl Rival {
    /// Starts HAProxy.
    ///
    /// # Errors
    /// [`Error::Missing`] without the program, [`Error::Process`] when it does not start.
    pub fn haproxy(options: &RivalOptions) -> Result<Self> {
        Self::start("haproxy", |folder, port, command| {
            let file = folder.join("haproxy.cfg");
            command.arg("-db").arg("-f").arg(&file);
            (file, haproxy_config(options, port))
        })
    }

    /// Starts nginx.
    ///
    /// # Errors
    /// [`Error::Missing`] without the program, [`Error::Process`] when it does not start.
    pub fn nginx(options: &RivalOptions) -> Result<Self> {
        Self::start("nginx", |folder, port, command| {
            let file = folder.join("nginx.conf");
            // Its log before it has read where to log would go to a folder of the system.
            command.arg("-p").arg(folder).arg("-c").arg(&file);
            command.args(["-e", "stderr"]);
            (file, nginx_config(options, port))
        })
    }

    /// `haproxy` or `nginx`.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The running process.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// The one process that does the work.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Where its configuration and its output are.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn start(
        name: &'static str,
        configure: impl Fn(&Path, u16, &mut Command) -> (PathBuf, String),
    ) -> Result<Self> {
        let mut tries = 1;
        loop {
            match Self::try_start(name, &configure) {
                Err(Error::Process { .. }) if tries < TRIES_MAX => tries += 1,
                outcome => return outcome,
            }
        }
    }

    fn try_start(
        name: &'static str,
        configure: &impl Fn(&Path, u16, &mut Command) -> (PathBuf, String),
    ) -> Result<Self> {
        let folder = tempfile::tempdir().map_err(|source| Error::File {
            path: env::temp_dir(),
            source,
        })?;
        let address = free_address()?;
        let mut command = unpacked_program(name)?;
        let (path, text) = configure(folder.path(), address.port(), &mut command);
        fs::write(&path, text).map_err(|source| Error::File { path, source })?;
        let mut process = Process::start(ProcessOptions {
            name: name.into(),
            command,
            log: folder.path().join("output.log"),
        })?;
        wait_listening(&mut process, address)?;
        Ok(Self {
            name,
            address,
            process,
            folder,
        })
    }
}

/// A command for a program that `cargo xtask` unpacks where it is not installed: from the PATH, from where Debian has its
/// servers, or from there.
///
/// # Errors
/// [`Error::Missing`].
pub fn unpacked_program(name: &str) -> Result<Command> {
    let paths = env::var_os("PATH").unwrap_or_default();
    let system = env::split_paths(&paths).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    if let Some(path) = system.map(|folder| folder.join(name)).find(|path| path.is_file()) {
        return Ok(Command::new(path));
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(UNPACKED);
    let folders = ["usr/sbin", "usr/bin"].map(|folder| root.join(folder).join(name));
    let Some(path) = folders.into_iter().find(|path| path.is_file()) else {
        return Err(Error::Missing {
            what: format!("{name} (on the PATH or in {UNPACKED})"),
            get: format!(
                "`cargo xtask test compat` unpacks it on Debian; elsewhere install the package {name}"
            ),
        });
    };
    let mut command = Command::new(path);
    command.env("LD_LIBRARY_PATH", libraries(&root.join("usr/lib")));
    Ok(command)
}

/// The folders below `usr/lib`, one for each architecture.
fn libraries(folder: &Path) -> std::ffi::OsString {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    env::join_paths(entries.map(|entry| entry.path())).unwrap_or_default()
}

fn free_address() -> Result<SocketAddr> {
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let bound = TcpListener::bind(any).and_then(|listener| listener.local_addr());
    bound.map_err(|source| Error::Connection { address: any, source })
}

fn wait_listening(process: &mut Process, address: SocketAddr) -> Result<()> {
    let found = wait_until("a connection", READY_WITHIN, || match process.ended() {
        Some(status) => Some(Err(format!("ended: {status}"))),
        None => TcpStream::connect(address).is_ok().then_some(Ok(())),
    });
    match found {
        Ok(Ok(())) => Ok(()),
        Ok(Err(what)) => Err(process.error(what)),
        Err(error) => Err(process.error(error.to_string())),
    }
}

fn haproxy_config(options: &RivalOptions, port: u16) -> String {
    let idle = options.idle.as_secs();
    let mut text = format!(
        "global\n  nbthread 1\n  maxconn {connections}\n\
         defaults\n  mode http\n  timeout connect 5s\n  timeout client {idle}s\n  timeout server {idle}s\n  \
         timeout http-keep-alive {idle}s\n\
         frontend in\n  bind 127.0.0.1:{port}\n  default_backend out\n\
         backend out\n  balance roundrobin\n  http-reuse always\n",
        connections = options.connections_max,
    );
    for (number, upstream) in options.upstreams.iter().enumerate() {
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "  server s{number} {upstream} pool-max-conn {}",
            options.idle_max
        );
    }
    text
}

fn nginx_config(options: &RivalOptions, port: u16) -> String {
    let mut servers = String::new();
    for upstream in &options.upstreams {
        // Writing to a String cannot fail.
        let _ = writeln!(servers, "    server {upstream};");
    }
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|what| format!("  {what}_temp_path temp;\n"))
        .concat();
    format!(
        "daemon off;\nmaster_process off;\nworker_processes 1;\npid nginx.pid;\nerror_log stderr error;\n\
         worker_rlimit_nofile {files};\nevents {{ worker_connections {files}; }}\n\
         http {{\n  access_log off;\n{temporary}  keepalive_timeout {idle}s;\n  keepalive_requests 1000000000;\n  \
         upstream out {{\n{servers}    keepalive {idle_max};\n    keepalive_timeout {idle}s;\n    \
         keepalive_requests 1000000000;\n  }}\n  \
         server {{\n    listen 127.0.0.1:{port} backlog=4096;\n    location / {{\n      proxy_pass http://out;\n      \
         proxy_http_version 1.1;\n      proxy_set_header Connection \"\";\n    }}\n  }}\n}}\n",
        files = options.connections_max * 2,
        idle = options.idle.as_secs(),
        idle_max = options.idle_max,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects: a rival forwards to every endpoint it was given, in turns, and keeps what one process can bear.
    #[test]
    fn configurations_name_every_endpoint() {
        let upstreams: [SocketAddr; 2] = [([127, 0, 0, 1], 4001).into(), ([127, 0, 0, 1], 4002).into()];
        let options = RivalOptions::new(upstreams);
        let haproxy = haproxy_config(&options, 4000);
        let nginx = nginx_config(&options, 4000);
        for address in ["127.0.0.1:4000", "127.0.0.1:4001", "127.0.0.1:4002"] {
            assert!(haproxy.contains(address), "{haproxy}");
            assert!(nginx.contains(address), "{nginx}");
        }
        assert!(haproxy.contains("nbthread 1\n") && haproxy.contains("http-reuse always"));
        assert_eq!(nginx.matches('{').count(), nginx.matches('}').count());
    }

    /// Protects: whoever lacks a program learns its name and how to get it.
    #[test]
    fn a_missing_program_is_named() {
        let error = unpacked_program("no-such-proxy").unwrap_err().to_string();
        assert!(error.contains("no-such-proxy (on the PATH"), "{error}");
    }
}
