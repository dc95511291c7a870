//! One namespace at run time: its state machine behind a lock, and the bell that rings when it changed.

use std::sync::{Mutex, MutexGuard, PoisonError};

use koinon_core_registry::Registry;
use tokio::sync::watch;

/// A namespace.
///
/// The lock is a plain mutex on purpose: what happens under it is a few lookups (microseconds, a held snapshot or
/// not), never I/O and never an await, so waiting for it is shorter than yielding to the scheduler would be.
/// Eviction takes it anew for every few instances. What takes longer is looking through all leases for those that
/// have run out, and reading a delta of very many changes: some milliseconds at 100 000.
#[derive(Debug)]
pub(crate) struct Space {
    registry: Mutex<Registry>,
    /// The latest revision. Subscribers sleep on it and then read the change log; nothing is queued for them.
    revision: watch::Sender<u64>,
}

impl Space {
    pub(crate) fn new(registry: Registry) -> Self {
        Self {
            revision: watch::Sender::new(registry.revision()),
            registry: Mutex::new(registry),
        }
    }

    /// Reads, or does what changes no instance.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Registry> {
        // A panic under the lock leaves at worst one operation half told to the log; serving on beats taking
        // every service of the namespace down with it.
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something that may change instances, and rings the bell if it did: a heartbeat does not.
    pub(crate) fn change<T>(&self, operation: impl FnOnce(&mut Registry) -> T) -> T {
        let (answer, revision) = {
            let mut registry = self.lock();
            let before = registry.revision();
            let answer = operation(&mut registry);
            if registry.revision() == before {
                return answer;
            }
            (answer, registry.revision())
        };
        self.revision.send_if_modified(|known| {
            let news = revision > *known;
            *known = revision.max(*known);
            news
        });
        answer
    }

    pub(crate) fn revisions(&self) -> watch::Receiver<u64> {
        self.revision.subscribe()
    }
}
