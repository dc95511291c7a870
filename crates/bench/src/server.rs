//! The servers under test as child processes: started on ports of the system's choice, ended when dropped.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::canned::LISTENING;
use crate::error::{Error, Result};
use crate::http::Connection;

/// A JVM on a busy small machine needs tens of seconds.
const START_MAX: Duration = Duration::from_secs(120);
/// Fine enough to time a start of some ten milliseconds.
const POLL: Duration = Duration::from_millis(1);

#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) name: &'static str,
    pub(crate) eureka: SocketAddr,
    /// Koinon's own API; the rival has none.
    pub(crate) admin: Option<SocketAddr>,
    /// From the start of the process to its first answer that it is ready.
    pub(crate) start: Duration,
    process: Process,
}

impl Server {
    /// `koinon dev` on an empty data directory.
    pub(crate) fn koinon(binary: &Path) -> Result<Self> {
        let scratch = Scratch::new("koinon")?;
        let data = scratch.0.join("data");
        let mut command = Command::new(binary);
        command.arg("dev").arg("--data-dir").arg(&data);
        command.args([
            "--set",
            "listen.etcd=127.0.0.1:0",
            "--set",
            "listen.eureka=127.0.0.1:0",
            "--set",
            "listen.admin=127.0.0.1:0",
            "--set",
            "listen.gateway=127.0.0.1:0",
        ]);
        let mut process = Process::spawn("koinon", command, scratch)?;
        let listeners = data.join("listeners.json");
        let (eureka, admin) = process.wait("write its listeners", || addresses(&listeners))?;
        let ready = b"GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
        let mut connection = Connection::new(admin);
        process.wait("become ready", || {
            connection
                .exchange(ready)
                .is_ok_and(|a| a.status == 200)
                .then_some(())
        })?;
        Ok(Self {
            name: "koinon",
            eureka,
            admin: Some(admin),
            start: process.started.elapsed(),
            process,
        })
    }

    /// A standalone Spring Cloud Eureka server as it is installed, with two settings in its favour: it does not try
    /// to replicate to a peer that does not exist, and Tomcat keeps connections open for more than 100 requests.
    pub(crate) fn eureka(jar: &Path) -> Result<Self> {
        if !jar.is_file() {
            return Err(Error::Missing {
                what: jar.display().to_string(),
                get: "cargo xtask test compat".into(),
            });
        }
        let mut command = Command::new("java");
        command.arg("-jar").arg(jar).args([
            "--server.address=127.0.0.1",
            "--server.port=0",
            "--server.tomcat.max-keep-alive-requests=-1",
            "--eureka.instance.hostname=localhost",
            "--eureka.client.register-with-eureka=false",
            "--eureka.client.fetch-registry=false",
        ]);
        let mut process = Process::spawn("eureka", command, Scratch::new("eureka")?)?;
        let log = process.log();
        let port = process.wait("listen", || tomcat_port(&fs::read_to_string(&log).ok()?))?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let apps = b"GET /eureka/apps HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/json\r\n\r\n";
        let mut connection = Connection::new(address);
        process.wait("answer", || {
            connection
                .exchange(apps)
                .is_ok_and(|a| a.status == 200)
                .then_some(())
        })?;
        Ok(Self {
            name: "eureka",
            eureka: address,
            admin: None,
            start: process.started.elapsed(),
            process,
        })
    }

    /// The server of prepared bytes, from this very program.
    pub(crate) fn canned() -> Result<Self> {
        let program = std::env::current_exe().map_err(Error::io("finding this program"))?;
        let mut command = Command::new(program);
        command.arg("canned");
        let mut process = Process::spawn("canned", command, Scratch::new("canned")?)?;
        let log = process.log();
        let port = process.wait("listen", || {
            number_after(&fs::read_to_string(&log).ok()?, LISTENING)
        })?;
        let eureka = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Ok(Self {
            name: "canned",
            eureka,
            admin: None,
            start: process.started.elapsed(),
            process,
        })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.child.id()
    }
}

/// A child process with the folder it writes to. Both go when this is dropped.
#[derive(Debug)]
struct Process {
    name: &'static str,
    child: Child,
    started: Instant,
    scratch: Scratch,
}

impl Process {
    fn spawn(name: &'static str, mut command: Command, scratch: Scratch) -> Result<Self> {
        let path = scratch.0.join("log");
        let log = File::create(&path).map_err(Error::io(path.display().to_string()))?;
        let errors = log.try_clone().map_err(Error::io(path.display().to_string()))?;
        command.stdin(Stdio::null()).stdout(log).stderr(errors);
        let program = command.get_program().to_string_lossy().into_owned();
        let started = Instant::now();
        let child = command
            .spawn()
            .map_err(Error::io(format!("starting {program}")))?;
        Ok(Self {
            name,
            child,
            started,
            scratch,
        })
    }

    fn log(&self) -> PathBuf {
        self.scratch.0.join("log")
    }

    /// Asks again and again until there is an answer, the process has ended or the time is over.
    fn wait<T>(&mut self, what: &str, mut ask: impl FnMut() -> Option<T>) -> Result<T> {
        while self.started.elapsed() < START_MAX {
            if let Some(answer) = ask() {
                return Ok(answer);
            }
            if let Some(status) = self.child.try_wait().map_err(Error::io(self.name))? {
                let log = self.scratch.keep();
                return Err(Error::Ended {
                    name: self.name.into(),
                    status: status.to_string(),
                    log,
                });
            }
            thread::sleep(POLL);
        }
        let (name, what, log) = (self.name.into(), what.into(), self.scratch.keep());
        Err(Error::Late {
            name,
            what,
            seconds: START_MAX.as_secs(),
            log,
        })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already, which is what we want.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A folder of this run, removed with it unless somebody should read what is in it.
#[derive(Debug)]
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Result<Self> {
        let nanos = std::time::SystemTime::UNIX_EPOCH
            .elapsed()
            .map_or(0, |since| since.as_nanos());
        let path = std::env::temp_dir().join(format!("koinon-bench-{name}-{}-{nanos}", std::process::id()));
        fs::create_dir_all(&path).map_err(Error::io(path.display().to_string()))?;
        Ok(Self(path))
    }

    /// Leaves the folder behind and names the log in it.
    fn keep(&mut self) -> PathBuf {
        std::mem::take(&mut self.0).join("log")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if !self.0.as_os_str().is_empty() {
            let _ = fs::remove_dir_all(&self.0);
        }
    }
}

/// The `eureka` and `admin` addresses, once the file is there and whole.
fn addresses(listeners: &Path) -> Option<(SocketAddr, SocketAddr)> {
    let json: serde_json::Value = serde_json::from_str(&fs::read_to_string(listeners).ok()?).ok()?;
    let address = |name: &str| json.get(name)?.as_str()?.parse().ok();
    Some((address("eureka")?, address("admin")?))
}

/// `Tomcat started on port 40123 (http) …`
fn tomcat_port(log: &str) -> Option<u16> {
    number_after(log, "Tomcat started on port")
}

/// The port behind these words, whatever punctuation stands between.
fn number_after(log: &str, words: &str) -> Option<u16> {
    let rest = log
        .split(words)
        .nth(1)?
        .trim_start_matches(['s', '(', ')', ':', ' ']);
    // The line must be whole, or the number may not be.
    let end = rest.find(|c: char| !c.is_ascii_digit())?;
    rest[..end].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects: the rival is driven on the port it chose, whatever the wording around the number.
    #[test]
    fn the_port_is_read_from_the_log() {
        assert_eq!(
            tomcat_port("x Tomcat started on port 40123 (http) with context path '/'"),
            Some(40_123)
        );
        assert_eq!(tomcat_port("Tomcat started on port(s): 8080 (http)"), Some(8080));
        assert_eq!(tomcat_port("Tomcat initialized with port 0 (http)"), None);
    }

    /// Protects: a server that ends at once is reported as such with its log, not waited for.
    #[test]
    fn a_server_that_ends_at_once_is_named() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo no such setting; exit 64"]);
        let mut process = Process::spawn("koinon", command, Scratch::new("test").unwrap()).unwrap();
        let error = process.wait("listen", || None::<()>).unwrap_err();
        let Error::Ended { status, log, .. } = error else {
            panic!("{error}")
        };
        assert!(status.contains("64"), "{status}");
        assert_eq!(fs::read_to_string(&log).unwrap(), "no such setting\n");
        fs::remove_dir_all(log.parent().unwrap()).unwrap();
    }
}
