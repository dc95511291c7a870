//! Who runs where: the proxies on one core, this thread with the load and the endpoints on another.
//!
//! Why: a scheduler that moves either between rounds measures itself.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use super::proxies::CONNECTIONS_MAX;
use crate::error::{Error, Result};

/// Every proxy may have [`CONNECTIONS_MAX`] connections, each with another one to an endpoint; and some.
const FILES_MIN: u64 = 2 * CONNECTIONS_MAX as u64 + 1_024;

/// The cores of the two sides.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    load: usize,
    proxy: usize,
}

impl Place {
    /// Takes the first two cores that this process may use.
    pub(super) fn choose() -> Result<Self> {
        let usable =
            sched_getaffinity(None).map_err(|e| Error::io("asking for the usable cores")(e.into()))?;
        let mut cores = (0..CpuSet::MAX_CPU).filter(|core| usable.is_set(*core));
        match (cores.next(), cores.next()) {
            (Some(load), Some(proxy)) => Ok(Self { load, proxy }),
            (Some(_) | None, None) | (None, Some(_)) => Err(Error::Missing {
                what: "a second core, so that proxy and load do not share one".into(),
                get: "a machine with two".into(),
            }),
        }
    }

    /// Starts a process on the proxies' core: children begin where their parent is.
    pub(super) fn start<T>(self, start: impl FnOnce() -> Result<T>) -> Result<T> {
        pin(self.proxy)?;
        let started = start();
        pin(self.load)?;
        started
    }
}

fn pin(core: usize) -> Result<()> {
    let mut only = CpuSet::new();
    only.set(core);
    sched_setaffinity(None, &only).map_err(|e| Error::io("choosing a core")(e.into()))
}

/// Lets this process and those it starts have the open files that they need.
pub(super) fn raise_file_limit() -> Result<()> {
    let limit = getrlimit(Resource::Nofile);
    if limit.maximum.is_some_and(|most| most < FILES_MIN) {
        return Err(Error::Missing {
            what: format!("a limit of {FILES_MIN} open files"),
            get: format!("ulimit -Hn {FILES_MIN}"),
        });
    }
    let raised = Rlimit {
        current: limit.maximum.or(Some(FILES_MIN)),
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, raised).map_err(|e| Error::io("raising the limit of open files")(e.into()))
}
