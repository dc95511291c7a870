//! The product under test: finds the `koinon` binary, starts `koinon dev` on ports that the operating system
//! chooses and an empty data folder, and waits until it says that it is ready.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

use crate::http::{Request, send};
use crate::process::{Process, ProcessOptions};
use crate::wait::wait_until;
use crate::{Error, Result};

/// Names the binary to test, so that a released build can be driven from a debug test.
const BINARY_VARIABLE: &str = "KOINON_BIN";
/// Start to ready is promised within 300 ms; a hundred times that says that something is wrong, not slow.
const READY_WITHIN: Duration = Duration::from_secs(30);

/// How to start `koinon dev`.
#[derive(Debug, Clone, Default)]
pub struct KoinonOptions {
    /// The binary; without one, see [`binary`].
    pub binary: Option<PathBuf>,
    /// Settings as in `--set key=value`; the listeners are set to port 0 already.
    pub settings: Vec<(String, String)>,
    /// More command line arguments.
    pub arguments: Vec<String>,
    /// A data folder to start on; without one, an empty one of its own.
    pub data_dir: Option<PathBuf>,
}

impl KoinonOptions {
    fn found_binary(&self) -> Result<PathBuf> {
        self.binary.clone().map_or_else(binary, Ok)
    }

    /// Adds a setting.
    #[must_use]
    pub fn set(mut self, key: &str, value: impl ToString) -> Self {
        self.settings.push((key.to_owned(), value.to_string()));
        self
    }
}

/// A running `koinon dev` with its own data folder; dropping it kills it and removes the folder.
#[derive(Debug)]
pub struct Koinon {
    process: Process,
    listeners: BTreeMap<String, SocketAddr>,
    // Dropped after the process, which writes into it.
    data: TempDir,
}

impl Koinon {
    /// Starts the binary and waits until it is ready.
    ///
    /// # Errors
    /// When there is no binary, when it ends, or when it is not ready in time; the error carries its log.
    pub fn start(options: &KoinonOptions) -> Result<Self> {
        let data = tempfile::tempdir().map_err(|source| Error::File {
            path: env::temp_dir(),
            source,
        })?;
        let data_dir = options.data_dir.clone();
        let data_dir = data_dir.unwrap_or_else(|| data.path().join("data"));
        let mut process = Process::start(ProcessOptions {
            name: "koinon dev".into(),
            command: command(&options.found_binary()?, data.path(), &data_dir, options),
            log: data.path().join("output.log"),
        })?;
        let listeners = wait_for_listeners(&mut process, &data_dir)?;
        let koinon = Self {
            process,
            listeners,
            data,
        };
        koinon.wait_ready()?;
        Ok(koinon)
    }

    /// The real address of a listener.
    ///
    /// # Errors
    /// [`Error::Process`] when there is no listener of that name.
    pub fn listener(&self, name: &str) -> Result<SocketAddr> {
        self.listeners.get(name).copied().ok_or_else(|| {
            let names: Vec<_> = self.listeners.keys().collect();
            self.process
                .error(format!("has no listener {name}, only {names:?}"))
        })
    }

    /// The running process.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// The process's data folder.
    pub fn data_folder(&self) -> &Path {
        self.data.path()
    }

    /// The end of what the process printed.
    pub fn log_end(&self) -> String {
        self.process.log_end()
    }

    fn wait_ready(&self) -> Result<()> {
        let admin = self.listener("admin")?;
        let probe = || send(admin, &Request::get("/readyz")).is_ok_and(|answer| answer.status == 200);
        wait_until("/readyz to answer 200", READY_WITHIN, || probe().then_some(()))
            .map_err(|error| self.process.error(error.to_string()))
    }
}

/// The binary under test: `KOINON_BIN`, or the newest one built beside the running test.
///
/// # Errors
/// [`Error::Missing`] says how to build it.
pub fn binary() -> Result<PathBuf> {
    if let Some(path) = env::var_os(BINARY_VARIABLE) {
        return existing(PathBuf::from(path));
    }
    let newest = built().into_iter().max_by_key(|path| modified(path));
    newest.ok_or_else(|| Error::Missing {
        what: "the koinon binary (target/release/koinon or target/debug/koinon)".into(),
        get: format!("build it with `cargo build --release -p koinon-cli` or name it in {BINARY_VARIABLE}"),
    })
}

fn existing(path: PathBuf) -> Result<PathBuf> {
    if path.is_file() {
        return Ok(path);
    }
    Err(Error::Missing {
        what: format!("the binary {} that {BINARY_VARIABLE} names", path.display()),
        get: "build it or name another one".into(),
    })
}

/// A test runs from `TARGET/PROFILE/deps/NAME`, so the binaries are in `TARGET/*/koinon`.
fn built() -> Vec<PathBuf> {
    let test = env::current_exe().unwrap_or_default();
    let target = test.ancestors().nth(3).unwrap_or(Path::new("target"));
    ["release", "debug"]
        .iter()
        .map(|profile| target.join(profile).join("koinon"))
        .filter(|path| path.is_file())
        .collect()
}

fn modified(path: &Path) -> SystemTime {
    fs::metadata(path)
        .and_then(|data| data.modified())
        .unwrap_or(SystemTime::UNIX_EPOCH)
}

fn command(binary: &Path, folder: &Path, data_dir: &Path, options: &KoinonOptions) -> Command {
    let mut command = Command::new(binary);
    command.arg("dev").arg("--data-dir").arg(data_dir);
    for listener in ["etcd", "eureka", "admin", "gateway"] {
        command.args(["--set", &format!("listen.{listener}=127.0.0.1:0")]);
    }
    for (key, value) in &options.settings {
        command.args(["--set", &format!("{key}={value}")]);
    }
    command.args(&options.arguments).current_dir(folder);
    command
}

fn wait_for_listeners(process: &mut Process, data_dir: &Path) -> Result<BTreeMap<String, SocketAddr>> {
    let file = data_dir.join("listeners.json");
    let found = wait_until("the listeners' addresses", READY_WITHIN, || {
        let ended = process.ended().map(|status| Err(format!("ended: {status}")));
        ended.or_else(|| read_listeners(&file).map(Ok))
    });
    match found {
        Ok(Ok(listeners)) => Ok(listeners),
        Ok(Err(what)) => Err(process.error(what)),
        Err(error) => Err(process.error(error.to_string())),
    }
}

/// `None` while the file is missing or half written.
fn read_listeners(file: &Path) -> Option<BTreeMap<String, SocketAddr>> {
    let text = fs::read_to_string(file).ok()?;
    let names: BTreeMap<String, String> = serde_json::from_str(&text).ok()?;
    names
        .into_iter()
        .map(|(name, address)| Some((name, address.parse().ok()?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects: a half-written or foreign listeners file is waited for, never misread.
    #[test]
    fn listeners_are_read_only_when_complete() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("listeners.json");
        assert!(read_listeners(&file).is_none());
        for broken in ["", "{\"eureka\":\"127.0", "{\"eureka\":\"nowhere\"}"] {
            fs::write(&file, broken).unwrap();
            assert!(read_listeners(&file).is_none(), "{broken}");
        }
        fs::write(&file, r#"{"admin":"127.0.0.1:1","eureka":"127.0.0.1:2"}"#).unwrap();
        assert_eq!(read_listeners(&file).unwrap()["eureka"].port(), 2);
    }
}
