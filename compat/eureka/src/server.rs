//! The two servers behind one handle: Koinon and the original, started with the same settings under the names
//! that each of them has for them.
//!
//! Invariant: a server is a process of its own with ports chosen by the operating system, and it is gone when its
//! handle is dropped.

use std::env;
use std::net::{SocketAddr, TcpListener};
use std::process::Command;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use koinon_testkit::{
    Error, Koinon, KoinonOptions, Process, ProcessOptions, Request, Response, Result, send, wait_until,
};
use tempfile::TempDir;

use crate::prepared::{jar, java};

/// A JVM on a busy two-core machine takes its time.
const READY_WITHIN: Duration = Duration::from_secs(120);
/// Limits the tests to one kind of server.
const ONLY_VARIABLE: &str = "KOINON_COMPAT_ONLY";

/// Which server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The product.
    Koinon,
    /// The real Spring Cloud Eureka server.
    Original,
}

impl Kind {
    /// The servers that this run is about: both, unless the environment says one.
    pub fn all() -> Vec<Self> {
        match env::var(ONLY_VARIABLE).as_deref() {
            Ok("koinon") => vec![Self::Koinon],
            Ok("original") => vec![Self::Original],
            Ok(_) | Err(_) => vec![Self::Koinon, Self::Original],
        }
    }
}

/// The registry's rules that the stories shorten. The defaults are Eureka's own but for self-preservation, which
/// would keep everything in tests this small, and the delta's timer, which would keep nothing comparable.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Whether evictions stop when too few heartbeats arrive.
    pub self_preservation: bool,
    /// How often expired leases are looked for.
    pub eviction_interval_ms: u64,
    /// What one client is expected to send: one heartbeat in this time.
    pub expected_renewal_interval_s: u64,
    /// Which part of the expected heartbeats must arrive.
    pub renewal_percent_threshold: f64,
    /// How long a change stays in the delta.
    pub delta_retention_ms: u64,
    /// How often the delta is cleaned.
    pub delta_retention_interval_ms: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            self_preservation: false,
            eviction_interval_ms: 60_000,
            expected_renewal_interval_s: 30,
            renewal_percent_threshold: 0.85,
            delta_retention_ms: 180_000,
            delta_retention_interval_ms: 30_000,
        }
    }
}

impl Settings {
    fn koinon(&self) -> KoinonOptions {
        let mode = if self.self_preservation { "eureka" } else { "off" };
        KoinonOptions::default()
            .set("registry.self_preservation", mode)
            .set("registry.eviction_interval_ms", self.eviction_interval_ms)
            .set(
                "registry.expected_renewal_interval_s",
                self.expected_renewal_interval_s,
            )
            .set(
                "registry.renewal_percent_threshold",
                self.renewal_percent_threshold,
            )
            .set("registry.delta_retention_ms", self.delta_retention_ms)
            .set(
                "registry.delta_retention_interval_ms",
                self.delta_retention_interval_ms,
            )
    }

    fn original(&self) -> Vec<String> {
        let server = |name: &str, value: String| format!("--eureka.server.{name}={value}");
        vec![
            server("enable-self-preservation", self.self_preservation.to_string()),
            server(
                "eviction-interval-timer-in-ms",
                self.eviction_interval_ms.to_string(),
            ),
            server(
                "expected-client-renewal-interval-seconds",
                self.expected_renewal_interval_s.to_string(),
            ),
            server(
                "renewal-percent-threshold",
                self.renewal_percent_threshold.to_string(),
            ),
            server(
                "retention-time-in-m-s-in-delta-queue",
                self.delta_retention_ms.to_string(),
            ),
            server(
                "delta-retention-timer-interval-in-ms",
                self.delta_retention_interval_ms.to_string(),
            ),
            // Its answers are cached twice, and changes of an instance with several vips or of a lease do not
            // empty the caches: without them the registry itself is what is compared.
            server("use-read-only-response-cache", "false".into()),
            server("response-cache-auto-expiration-in-seconds", "0".into()),
            "--eureka.client.register-with-eureka=false".into(),
            "--eureka.client.fetch-registry=false".into(),
            "--spring.main.banner-mode=off".into(),
        ]
    }
}

/// A running Eureka server of either kind.
#[derive(Debug)]
pub struct Eureka {
    kind: Kind,
    address: SocketAddr,
    running: Running,
}

#[derive(Debug)]
enum Running {
    Koinon(Box<Koinon>),
    // `_folder` holds the log and goes after the process that writes into it.
    Original { process: Process, _folder: TempDir },
}

impl Eureka {
    /// Starts a server and waits until it answers.
    ///
    /// # Errors
    /// When something is missing or the server does not come up; the error carries its log.
    pub fn start(kind: Kind, settings: &Settings) -> Result<Self> {
        match kind {
            Kind::Koinon => Self::start_koinon(settings),
            Kind::Original => Self::start_original(settings),
        }
    }

    fn start_koinon(settings: &Settings) -> Result<Self> {
        let koinon = Koinon::start(&settings.koinon())?;
        Ok(Self {
            kind: Kind::Koinon,
            address: koinon.listener("eureka")?,
            running: Running::Koinon(Box::new(koinon)),
        })
    }

    fn start_original(settings: &Settings) -> Result<Self> {
        let folder = tempfile::tempdir().map_err(|source| Error::File {
            path: env::temp_dir(),
            source,
        })?;
        let address = free_address()?;
        let mut command = jvm("server")?;
        command
            .arg("--server.address=127.0.0.1")
            .arg(format!("--server.port={}", address.port()))
            .args(settings.original())
            .current_dir(folder.path());
        let mut process = Process::start(ProcessOptions {
            name: "the original Eureka server".into(),
            command,
            log: folder.path().join("server.log"),
        })?;
        wait_for_answer(&mut process, address)?;
        Ok(Self {
            kind: Kind::Original,
            address,
            running: Running::Original {
                process,
                _folder: folder,
            },
        })
    }

    /// Which server this is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Where the server listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What Spring's `defaultZone` and Python's `eureka_server` want.
    pub fn url(&self) -> String {
        format!("http://{}/eureka/", self.address)
    }

    /// Sends one request on a connection of its own.
    ///
    /// # Errors
    /// When the connection fails or the answer is no HTTP; the error is followed by the server's log.
    pub fn send(&self, request: &Request) -> Result<Response> {
        send(self.address, request).map_err(|error| Error::Process {
            name: format!("{:?}", self.kind),
            what: error.to_string(),
            log: self.log_end(),
        })
    }

    /// The end of what the server printed.
    pub fn log_end(&self) -> String {
        match &self.running {
            Running::Koinon(koinon) => koinon.log_end(),
            Running::Original { process, .. } => process.log_end(),
        }
    }
}

/// Runs one of the Spring applications with little memory and a quick start.
pub(crate) fn jvm(application: &str) -> Result<Command> {
    let mut command = Command::new(java()?);
    command
        .args(["-Xmx160m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-jar"])
        .arg(jar(application)?)
        .env("END_WITH_STDIN", "1");
    Ok(command)
}

/// A port that was free a moment ago. Spring can choose one itself, but says which only in its log.
pub(crate) fn free_address() -> Result<SocketAddr> {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    TcpListener::bind(any)
        .and_then(|listener| listener.local_addr())
        .map_err(|source| Error::Connection { address: any, source })
}

fn wait_for_answer(process: &mut Process, address: SocketAddr) -> Result<()> {
    let probe = Request::get("/eureka/apps");
    let up = wait_until("GET /eureka/apps to answer 200", READY_WITHIN, || {
        let ended = process.ended().map(|status| Err(format!("ended: {status}")));
        let answered = || send(address, &probe).is_ok_and(|answer| answer.status == 200);
        ended.or_else(|| answered().then_some(Ok(())))
    });
    match up {
        Ok(Ok(())) => Ok(()),
        Ok(Err(what)) => Err(process.error(what)),
        Err(error) => Err(process.error(error.to_string())),
    }
}

/// Starts each kind of server with these settings and tells the story to all of them at the same time.
///
/// # Panics
/// When a server does not start or the story fails on one of them, with the name of that server.
pub fn on_both(settings: &Settings, story: impl Fn(&Eureka) + Sync) {
    let failed = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for kind in Kind::all() {
            let (story, failed) = (&story, &failed);
            scope.spawn(move || {
                let told = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                    match Eureka::start(kind, settings) {
                        Ok(server) => story(&server),
                        Err(error) => panic!("{error}"),
                    }
                }));
                if told.is_err() {
                    failed.lock().unwrap_or_else(|e| e.into_inner()).push(kind);
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap_or_else(|e| e.into_inner());
    assert!(failed.is_empty(), "the story failed on {failed:?}; see above");
}
