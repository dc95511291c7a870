//! The route file, one for Koinon and Spring Cloud Gateway: a whole `application.yml`.
//!
//! The section of static instances is Spring's own; Koinon has the instances from its registry.
//!
//! Invariant: the measured route is the first, so that those for `registration` behind it are never asked for it.

use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::error::{Error, Result};

/// The file, which goes when this is dropped.
#[derive(Debug)]
pub(super) struct RouteFile {
    path: PathBuf,
    _folder: TempDir,
}

impl RouteFile {
    /// With one measured route to these endpoints, and routes to `fresh` services that nobody has registered yet.
    pub(super) fn write(upstreams: &[SocketAddr], fresh: usize) -> Result<Self> {
        let folder = tempfile::tempdir().map_err(Error::io("making a folder for the route file"))?;
        let path = folder.path().join("application.yml");
        fs::write(&path, text(upstreams, fresh)).map_err(Error::io(path.display().to_string()))?;
        Ok(Self {
            path,
            _folder: folder,
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

/// The routes beside the measured one are for the services that register while somebody waits for them.
fn text(upstreams: &[SocketAddr], fresh: usize) -> String {
    let mut text = String::from(
        "spring:\n  application:\n    name: gateway\n  cloud:\n    gateway:\n      server:\n        webflux:\n          \
         routes:\n            - id: shop\n              uri: lb://orders\n              predicates:\n                \
         - Path=/shop/**\n              filters:\n                - StripPrefix=1\n                \
         - AddRequestHeader=X-Gateway, bench\n",
    );
    for number in 0..fresh {
        let name = fresh_name(number);
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "            - id: {name}\n              uri: lb://{name}\n              predicates:\n                \
             - Path=/{name}/**\n"
        );
    }
    text.push_str(
        "    discovery:\n      client:\n        simple:\n          instances:\n            orders:\n",
    );
    for upstream in upstreams {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "              - uri: http://{upstream}");
    }
    text
}

/// The service that is registered in this round of `registration`.
pub(super) fn fresh_name(number: usize) -> String {
    format!("fresh-{number:03}")
}
