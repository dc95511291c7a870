//! Records in memory: those that the backend does not have yet, and the youngest of those that it has.
//!
//! Invariants:
//! - a record stays until the backend is known to have it, however full the overlay is;
//! - beyond that, records are kept while all together are within the cache's bound, the youngest longest;
//! - a keyspace's records above `forgotten` are all here, except those that compaction removed.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, PoisonError, RwLock};

use koinon_core_kv::{Record, Revision, SpaceId};

/// How many removed records may stay in the order, beyond as many as there are records.
const TIDY_SLACK: usize = 1024;
/// What a record costs beside its key and value.
const RECORD_OVERHEAD: usize = 160;

/// The records in memory.
#[derive(Debug)]
pub(crate) struct Overlay {
    cache_bytes_max: usize,
    inner: RwLock<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    records: BTreeMap<(SpaceId, Revision), Arc<Record>>,
    /// All of `records`, oldest first.
    order: VecDeque<(SpaceId, Revision)>,
    /// How many at the front of `order` the backend has.
    flushed: usize,
    bytes: usize,
    /// The youngest record of each keyspace that is in the backend only.
    forgotten: BTreeMap<SpaceId, Revision>,
}

/// Records in the order of their revisions, up to a limit.
#[derive(Debug)]
pub(crate) struct Scanned {
    pub(crate) records: Vec<(Revision, Arc<Record>)>,
    /// Whether the limit ended it, and there may be more.
    pub(crate) cut: bool,
    /// Whether memory had all that there is; otherwise the backend may have more, also in between.
    pub(crate) whole: bool,
}

impl Overlay {
    /// Keeps up to `cache_bytes_max` of what the backend has, too.
    pub(crate) fn new(cache_bytes_max: usize) -> Self {
        Self {
            cache_bytes_max,
            inner: RwLock::default(),
        }
    }

    /// The record at `at`, if it is in memory.
    pub(crate) fn get(&self, space: SpaceId, at: Revision) -> Option<Arc<Record>> {
        self.read(|inner| inner.records.get(&(space, at)).cloned())
    }

    /// Takes records that the backend does not have, in the order of the log.
    pub(crate) fn insert(&self, space: SpaceId, records: &[(Revision, Arc<Record>)]) {
        self.write(|inner| {
            for (at, record) in records {
                inner.bytes += size(record);
                inner.records.insert((space, *at), record.clone());
                inner.order.push_back((space, *at));
            }
        });
    }

    /// The backend has the `count` oldest of those it did not have.
    pub(crate) fn flushed(&self, count: usize) {
        self.write(|inner| {
            inner.flushed = (inner.flushed + count).min(inner.order.len());
            inner.tidy();
            while inner.flushed > 0 && inner.bytes > self.cache_bytes_max {
                inner.forget_oldest();
            }
        });
    }

    /// Up to `limit` records of `space`, from `from` on.
    pub(crate) fn scan(&self, space: SpaceId, from: Revision, limit: usize) -> Scanned {
        self.read(|inner| {
            let records: Vec<_> = inner
                .records
                .range((space, from)..)
                .take_while(|((of, _), _)| *of == space)
                .take(limit)
                .map(|((_, at), record)| (*at, record.clone()))
                .collect();
            Scanned {
                cut: records.len() == limit,
                whole: inner
                    .forgotten
                    .get(&space)
                    .is_none_or(|forgotten| *forgotten < from),
                records,
            }
        })
    }

    /// At the start: the backend has everything of `space` up to `last`, and nothing of it is here.
    pub(crate) fn begin(&self, space: SpaceId, last: Revision) {
        self.write(|inner| inner.forgotten.insert(space, last));
    }

    /// Forgets what compaction removed.
    pub(crate) fn remove(&self, space: SpaceId, removed: &[Revision]) {
        self.write(|inner| {
            for at in removed {
                if let Some(record) = inner.records.remove(&(space, *at)) {
                    inner.bytes -= size(&record);
                }
            }
        });
    }

    /// Bytes held, about.
    pub(crate) fn bytes(&self) -> usize {
        self.read(|inner| inner.bytes)
    }

    fn read<T>(&self, look: impl FnOnce(&Inner) -> T) -> T {
        look(&self.inner.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write<T>(&self, change: impl FnOnce(&mut Inner) -> T) -> T {
        change(&mut self.inner.write().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Inner {
    /// Drops what compaction removed from the order, when it is most of it. Only of what the backend has: the rest is
    /// counted on.
    fn tidy(&mut self) {
        if self.order.len() <= 2 * self.records.len() + TIDY_SLACK {
            return;
        }
        let young = self.order.split_off(self.flushed);
        let records = &self.records;
        self.order.retain(|place| records.contains_key(place));
        self.flushed = self.order.len();
        self.order.extend(young);
    }

    fn forget_oldest(&mut self) {
        let Some(oldest) = self.order.pop_front() else {
            return;
        };
        self.flushed -= 1;
        self.forgotten.insert(oldest.0, oldest.1);
        if let Some(record) = self.records.remove(&oldest) {
            self.bytes -= size(&record);
        }
    }
}

pub(crate) fn size(record: &Record) -> usize {
    RECORD_OVERHEAD
        + match record {
            Record::Put(kv) => kv.key.len() + kv.value.len(),
            Record::Tombstone { key, .. } => key.len(),
        }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use koinon_core_kv::{KeyValue, LeaseId};

    use super::*;

    const SPACE: SpaceId = SpaceId::ETCD;

    fn write(overlay: &Overlay, main: i64) {
        let record = Arc::new(Record::Put(KeyValue {
            key: Bytes::from_static(b"key"),
            value: Bytes::from_static(b"value"),
            create_revision: main,
            mod_revision: main,
            version: 1,
            lease: LeaseId::NONE,
        }));
        overlay.insert(SPACE, &[(Revision::new(main, 0), record)]);
    }

    /// A key that is written and compacted for ever costs no memory for ever.
    #[test]
    fn what_compaction_removed_takes_no_room() {
        let overlay = Overlay::new(1 << 20);
        for main in 2..50_000 {
            write(&overlay, main);
            overlay.flushed(1);
            overlay.remove(SPACE, &[Revision::new(main - 1, 0)]);
        }
        let order = overlay.read(|inner| inner.order.len());
        assert!(order <= 2 * TIDY_SLACK, "{order} places for one record");
        assert!(overlay.get(SPACE, Revision::new(49_999, 0)).is_some());
    }

    /// What the backend does not have stays, however full it is and whatever was removed around it.
    #[test]
    fn what_is_not_flushed_stays() {
        let overlay = Overlay::new(0);
        for main in 2..10_000 {
            write(&overlay, main);
            if main % 2 == 0 {
                overlay.remove(SPACE, &[Revision::new(main, 0)]);
            }
        }
        overlay.flushed(5_000);
        let oldest = overlay.read(|inner| inner.records.keys().next().copied());
        assert_eq!(oldest, Some((SPACE, Revision::new(5_003, 0))));
        for main in (5_003..10_000).step_by(2) {
            assert!(overlay.get(SPACE, Revision::new(main, 0)).is_some(), "{main}");
        }
    }
}
