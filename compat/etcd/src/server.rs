//! The three servers behind one handle: Debian's etcd 3.4 with its v2 keys, a current etcd, and Koinon.
//!
//! Invariant: a server is a process of its own with an empty data folder and ports chosen by the operating system, and it
//! is gone when its handle is dropped.

use std::env;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use koinon_testkit::{
    Error, Koinon, KoinonOptions, Process, ProcessOptions, Request, Response, Result, send, wait_until,
};
use tempfile::TempDir;

use crate::prepared::{current, debian};

/// A start takes a second; a busy two-core machine takes its time.
const READY_WITHIN: Duration = Duration::from_secs(60);
/// A port that was free a moment ago may be taken by somebody else; three times in a row is no accident.
const TRIES_MAX: usize = 3;
/// Limits the tests to one kind of server.
const ONLY_VARIABLE: &str = "KOINON_COMPAT_ONLY";

/// The servers that a run drives.
const ENABLED: &[Kind] = &[Kind::Current, Kind::Debian, Kind::Koinon];

/// Which server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A current etcd, built from Go modules: what v3 answers are compared with.
    Current,
    /// Debian's etcd 3.4: the last generation with v2, and what v2 answers are compared with.
    Debian,
    /// The product.
    Koinon,
}

/// Servers with the v3 API; the first is the original.
pub const V3: &[Kind] = &[Kind::Current, Kind::Debian, Kind::Koinon];
/// Servers with the v2 keys; the first is the original.
pub const V2: &[Kind] = &[Kind::Debian, Kind::Koinon];

impl Kind {
    /// As `KOINON_COMPAT_ONLY` has it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Debian => "debian",
            Self::Koinon => "koinon",
        }
    }

    /// Those of `among` that this run drives: the enabled ones, unless the environment names one.
    #[must_use]
    pub fn driven(among: &[Self]) -> Vec<Self> {
        let only = env::var(ONLY_VARIABLE).ok();
        let wanted = |kind: &Self| match &only {
            Some(name) => name == kind.name(),
            None => ENABLED.contains(kind),
        };
        among.iter().copied().filter(wanted).collect()
    }
}

/// A running server of any kind.
#[derive(Debug)]
pub struct Server {
    kind: Kind,
    address: SocketAddr,
    running: Running,
}

#[derive(Debug)]
enum Running {
    Koinon(Box<Koinon>),
    // `_folder` holds data and log and goes after the process that writes into it.
    Original { process: Process, folder: TempDir },
}

impl Server {
    /// Starts a server and waits until it takes requests.
    ///
    /// # Errors
    /// When something is missing or the server does not come up; the error carries its log.
    pub fn start(kind: Kind) -> Result<Self> {
        let mut tries = 1;
        loop {
            let started = match kind {
                Kind::Koinon => Self::start_koinon(),
                Kind::Current => Self::start_original(kind, current("etcd")?, &[]),
                Kind::Debian => Self::start_original(kind, debian("etcd")?, &["--enable-v2", "--logger=zap"]),
            };
            match started {
                Err(Error::Process { log, .. })
                    if log.contains("address already in use") && tries < TRIES_MAX =>
                {
                    tries += 1;
                }
                started => return started,
            }
        }
    }

    fn start_koinon() -> Result<Self> {
        let koinon = Koinon::start(&KoinonOptions::default().set("listen.etcd", "127.0.0.1:0"))?;
        Ok(Self {
            kind: Kind::Koinon,
            address: koinon.listener("etcd")?,
            running: Running::Koinon(Box::new(koinon)),
        })
    }

    fn start_original(kind: Kind, program: PathBuf, more: &[&str]) -> Result<Self> {
        let folder = tempfile::tempdir().map_err(|source| Error::File {
            path: env::temp_dir(),
            source,
        })?;
        let (address, peers) = (free_address()?, free_address()?);
        let mut command = Command::new(program);
        command
            .args(["--name", "default", "--data-dir"])
            .arg(folder.path().join("data"))
            .arg(format!("--listen-client-urls=http://{address}"))
            .arg(format!("--advertise-client-urls=http://{address}"))
            .arg(format!("--listen-peer-urls=http://{peers}"))
            .arg(format!("--initial-advertise-peer-urls=http://{peers}"))
            .arg(format!("--initial-cluster=default=http://{peers}"))
            .arg("--log-level=warn")
            .args(more)
            .current_dir(folder.path());
        let mut process = Process::start(ProcessOptions {
            name: format!("etcd ({})", kind.name()),
            command,
            log: folder.path().join("server.log"),
        })?;
        wait_for_answer(&mut process, address)?;
        Ok(Self {
            kind,
            address,
            running: Running::Original { process, folder },
        })
    }

    /// Which server this is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Where the server listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What clients are given as the endpoint.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The data folder, with which `etcdctl backup` works.
    #[must_use]
    pub fn data_folder(&self) -> PathBuf {
        match &self.running {
            Running::Koinon(koinon) => Path::join(koinon.data_folder(), "data"),
            Running::Original { folder, .. } => folder.path().join("data"),
        }
    }

    /// Sends one request on a connection of its own.
    ///
    /// # Errors
    /// When the connection fails or the answer is no HTTP; the error is followed by the server's log.
    pub fn send(&self, request: &Request) -> Result<Response> {
        send(self.address, request).map_err(|error| Error::Process {
            name: self.kind.name().to_owned(),
            what: format!("{} {}: {error}", request.method, request.path),
            log: self.log_end(),
        })
    }

    /// The end of what the server printed.
    #[must_use]
    pub fn log_end(&self) -> String {
        match &self.running {
            Running::Koinon(koinon) => koinon.log_end(),
            Running::Original { process, .. } => process.log_end(),
        }
    }
}

/// A port that was free a moment ago.
fn free_address() -> Result<SocketAddr> {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    TcpListener::bind(any)
        .and_then(|listener| listener.local_addr())
        .map_err(|source| Error::Connection { address: any, source })
}

/// Waits until the cluster has agreed on its version: only then are all of the server's own writes done.
fn wait_for_answer(process: &mut Process, address: SocketAddr) -> Result<()> {
    let agreed = || {
        let version = send(address, &Request::get("/version")).ok()?.json()?;
        let cluster = version["etcdcluster"].as_str()?.to_owned();
        let health = send(address, &Request::get("/health")).ok()?;
        (cluster.starts_with('3') && health.status == 200).then_some(())
    };
    let up = wait_until("the version of the cluster", READY_WITHIN, || {
        let ended = process.ended().map(|status| Err(format!("ended: {status}")));
        ended.or_else(|| agreed().map(Ok))
    });
    match up {
        Ok(Ok(())) => Ok(()),
        Ok(Err(what)) => Err(process.error(what)),
        Err(error) => Err(process.error(error.to_string())),
    }
}
