//! Records in memory: those that the backend does not have yet, and the youngest of those that it has.
//!
//! Invariants:
//! - a record stays until the backend is known to have it, however full the overlay is;
//! - beyond that, records are kept while all together are within the cache's bound, the youngest longest;
//! - a keyspace's records above `forgotten` are all here, except those that compaction removed.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, PoisonError, RwLock};

use koinon_core_kv::{Record, Revision, SpaceId};

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
