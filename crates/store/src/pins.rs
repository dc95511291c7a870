//! Which revisions are being read: compaction's removal stays below the oldest.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use koinon_core_kv::SpaceId;

/// The revisions that readers hold.
#[derive(Debug, Default)]
pub(crate) struct Pins {
    held: Mutex<BTreeMap<(SpaceId, i64), usize>>,
}

/// A revision held until it is dropped.
#[derive(Debug)]
pub(crate) struct Pin<'a> {
    pins: &'a Pins,
    at: (SpaceId, i64),
}

impl Pins {
    /// Holds a revision. To be asked for under the lock under which the revision was found readable.
    pub(crate) fn hold(&self, space: SpaceId, revision: i64) -> Pin<'_> {
        self.add(space, revision);
        Pin {
            pins: self,
            at: (space, revision),
        }
    }

    /// Holds a revision until it is released as often as it was added.
    pub(crate) fn add(&self, space: SpaceId, revision: i64) {
        *self.lock().entry((space, revision)).or_default() += 1;
    }

    pub(crate) fn release(&self, space: SpaceId, revision: i64) {
        let mut held = self.lock();
        if let Some(count) = held.get_mut(&(space, revision)) {
            *count -= 1;
            if *count == 0 {
                held.remove(&(space, revision));
            }
        }
    }

    /// The oldest revision of the keyspace that is held.
    pub(crate) fn oldest(&self, space: SpaceId) -> Option<i64> {
        let held = self.lock();
        let mut of_space = held.range((space, i64::MIN)..=(space, i64::MAX));
        of_space.next().map(|((_, revision), _)| *revision)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(SpaceId, i64), usize>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Pin<'_> {
    fn drop(&mut self) {
        self.pins.release(self.at.0, self.at.1);
    }
}
