//! Koinon's gateway as a process of its own, with one route for everything to one upstream.

use std::fs;
use std::net::SocketAddr;

use koinon_testkit::{Error, Koinon, KoinonOptions, Result};
use tempfile::TempDir;

/// A running gateway. Dropping it ends it.
#[derive(Debug)]
pub struct Gateway {
    koinon: Koinon,
    address: SocketAddr,
    // Read while the gateway runs.
    _folder: TempDir,
}

impl Gateway {
    /// Starts one before an upstream, with these settings.
    ///
    /// # Errors
    /// When the binary is missing or does not come up.
    pub fn start(upstream: SocketAddr, options: KoinonOptions) -> Result<Self> {
        let folder = tempfile::tempdir().map_err(|source| Error::File {
            path: std::env::temp_dir(),
            source,
        })?;
        let path = folder.path().join("routes.yml");
        let routes = format!(
            "spring:\n  cloud:\n    gateway:\n      server:\n        webflux:\n          routes:\n          \
             - id: all\n            uri: http://{upstream}\n            predicates:\n            - Path=/**\n"
        );
        fs::write(&path, routes).map_err(|source| Error::File {
            path: path.clone(),
            source,
        })?;
        let options = options.set("gateway.routes_file", path.display());
        let koinon = Koinon::start(&options)?;
        Ok(Self {
            address: koinon.listener("gateway")?,
            koinon,
            _folder: folder,
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The end of what it printed.
    #[must_use]
    pub fn log_end(&self) -> String {
        self.koinon.log_end()
    }
}
