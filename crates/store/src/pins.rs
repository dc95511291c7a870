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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test ends where something it needs fails")]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use bytes::Bytes;
    use koinon_base::SystemClock;
    use koinon_core_kv::{LeaseId, Put, Records, Revision};
    use koinon_io_disk::{Disk, OsDisk};

    use super::*;
    use crate::{Settings, Store};

    const SPACE: SpaceId = SpaceId::ETCD;

    /// Removal stops below what somebody reads, and goes on when it is read.
    #[tokio::test]
    async fn what_is_being_read_is_not_removed() {
        let dir = tempfile::tempdir().unwrap();
        let disk: Arc<dyn Disk> = Arc::new(OsDisk);
        let clock = Arc::new(SystemClock::new());
        let store = Store::open(&disk, dir.path(), Settings::default(), clock).unwrap();
        let space = store.space(SPACE);
        for n in 2..12_u8 {
            let put = Put {
                key: Bytes::from_static(b"key"),
                value: Some(Bytes::copy_from_slice(&[n])),
                lease: Some(LeaseId::NONE),
                prev_kv: false,
            };
            assert_eq!(space.put(put).await.unwrap().revision, i64::from(n));
        }
        let shared = &store.shared;
        let has = |main| shared.values.get(SPACE, Revision::new(main, 0)).is_ok();
        let pin = shared.pins.hold(SPACE, 4);
        space.compact(9, false).await.unwrap();
        within(shared.compacted(SPACE, 4)).await;
        // A further compaction's pass stops there, too.
        space.compact(10, false).await.unwrap();
        let more = tokio::time::timeout(Duration::from_millis(300), shared.compacted(SPACE, 5)).await;
        assert!(more.is_err(), "removed beyond what is held");
        until(|| !has(3)).await;
        assert!(has(4) && has(5));
        drop(pin);
        within(shared.compacted(SPACE, 10)).await;
        until(|| !has(4) && !has(9)).await;
        assert!(has(10));
        store.close();
    }

    /// Records go a moment after the index's part of it.
    async fn until(done: impl Fn() -> bool) {
        within(async {
            while !done() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
    }

    async fn within(done: impl Future<Output = ()>) {
        tokio::time::timeout(Duration::from_secs(20), done).await.unwrap();
    }
}
