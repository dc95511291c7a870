//! One of the Spring applications as a running service that registers with a server under test.

use std::env;
use std::net::SocketAddr;

use koinon_testkit::{Error, Process, ProcessOptions, Request, Response, Result, send};
use tempfile::TempDir;

use crate::server::{Eureka, free_address, jvm};

/// A running service. Dropping it kills it, as a crash would.
#[derive(Debug)]
pub struct Application {
    address: SocketAddr,
    process: Process,
    // Holds the log; dropped after the process.
    _folder: TempDir,
}

impl Application {
    /// Starts `provider` or `consumer` as the instance `id` and returns at once: the suite waits for what others
    /// see of it.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(server: &Eureka, application: &str, id: &str, options: &[&str]) -> Result<Self> {
        let folder = tempfile::tempdir().map_err(|source| Error::File {
            path: env::temp_dir(),
            source,
        })?;
        let address = free_address()?;
        let mut command = jvm(application)?;
        command
            .args(options)
            .arg("--server.address=127.0.0.1")
            .arg(format!("--server.port={}", address.port()))
            .arg(format!(
                "--eureka.client.service-url.defaultZone={}",
                server.url()
            ))
            .arg(format!("--eureka.instance.instance-id={id}"))
            // The rest is loopback instead of this machine's name, and seconds instead of half minutes.
            .arg("--eureka.instance.hostname=127.0.0.1")
            .arg("--eureka.instance.ip-address=127.0.0.1")
            .arg("--eureka.client.registry-fetch-interval-seconds=1")
            .arg("--eureka.client.initial-instance-info-replication-interval-seconds=0")
            .arg("--eureka.client.instance-info-replication-interval-seconds=1")
            .arg("--spring.main.banner-mode=off")
            .current_dir(folder.path());
        let process = Process::start(ProcessOptions {
            name: id.to_owned(),
            command,
            log: folder.path().join("application.log"),
        })?;
        Ok(Self {
            address,
            process,
            _folder: folder,
        })
    }

    /// Where the service listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The service's process.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// The end of what the service printed.
    pub fn log_end(&self) -> String {
        self.process.log_end()
    }

    /// Sends a request to the service itself.
    ///
    /// # Errors
    /// When the connection fails.
    pub fn send(&self, request: &Request) -> Result<Response> {
        send(self.address, request)
    }
}
