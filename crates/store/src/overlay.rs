//! Records in memory: those that the backend does not have yet, and the youngest of those that it has.
//!
//! A keyspace's records come in the order of their revisions and go in the same order, so they lie in a row (a [`Shelf`]),
//! where a revision's place is guessed well: a read looks at a place or two instead of descending a tree. What compaction
//! takes from the middle leaves its place empty until there are many empty ones.
//!
//! Invariants:
//! - a record stays until the backend is known to have it, however full the overlay is;
//! - beyond that, records are kept while all together are within the cache's bound, the youngest longest;
//! - a keyspace's records above `forgotten` are all here, except those that compaction removed;
//! - `order` counts every place on the shelves, empty or not.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, PoisonError, RwLock};

use koinon_core_kv::{Record, Revision, SpaceId};

use self::shelf::Shelf;

mod shelf;

/// How many empty places there may be, beyond as many as there are records.
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
    shelves: BTreeMap<SpaceId, Shelf>,
    /// From which shelf the oldest places are, and how many in a row.
    order: VecDeque<(SpaceId, usize)>,
    /// Places on all shelves.
    places: usize,
    /// How many of the oldest of them the backend has.
    flushed: usize,
    /// Records on all shelves.
    records: usize,
    bytes: usize,
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
        self.read(|inner| inner.shelves.get(&space)?.get(at).cloned())
    }

    /// Takes records that the backend does not have, in the order of the log.
    pub(crate) fn insert(&self, space: SpaceId, records: &[(Revision, Arc<Record>)]) {
        if records.is_empty() {
            return;
        }
        self.write(|inner| {
            let shelf = inner.shelves.entry(space).or_default();
            for (at, record) in records {
                inner.bytes += size(record);
                shelf.push(*at, record.clone());
            }
            inner.records += records.len();
            inner.places += records.len();
            match inner.order.back_mut() {
                Some((of, count)) if *of == space => *count += records.len(),
                Some(_) | None => inner.order.push_back((space, records.len())),
            }
        });
    }

    /// The backend has the `count` oldest of those it did not have.
    pub(crate) fn flushed(&self, count: usize) {
        self.write(|inner| {
            inner.flushed = (inner.flushed + count).min(inner.places);
            inner.tidy();
            while inner.flushed > 0 && inner.bytes > self.cache_bytes_max {
                inner.forget_oldest();
            }
        });
    }

    /// Up to `limit` records of `space`, from `from` on.
    pub(crate) fn scan(&self, space: SpaceId, from: Revision, limit: usize) -> Scanned {
        self.read(|inner| match inner.shelves.get(&space) {
            Some(shelf) => shelf.scan(from, limit),
            None => Scanned {
                records: Vec::new(),
                cut: limit == 0,
                whole: true,
            },
        })
    }

    /// At the start: the backend has everything of `space` up to `last`, and nothing of it is here.
    pub(crate) fn begin(&self, space: SpaceId, last: Revision) {
        self.write(|inner| inner.shelves.entry(space).or_default().forgotten = Some(last));
    }

    /// Forgets what compaction removed.
    pub(crate) fn remove(&self, space: SpaceId, removed: &[Revision]) {
        self.write(|inner| {
            let Some(shelf) = inner.shelves.get_mut(&space) else {
                return;
            };
            for at in removed {
                if let Some(record) = shelf.take(*at) {
                    inner.records -= 1;
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
    /// Takes empty places away, when they are most of all. Only of those that the backend has: the rest is counted on.
    fn tidy(&mut self) {
        if self.places <= 2 * self.records + TIDY_SLACK {
            return;
        }
        let mut left = self.flushed;
        let mut seen: BTreeMap<SpaceId, usize> = BTreeMap::new();
        for (space, count) in &mut self.order {
            let old = left.min(*count);
            left -= old;
            let from = seen.entry(*space).or_default();
            let empty = self
                .shelves
                .get(space)
                .map_or(0, |shelf| shelf.empty(*from..*from + old));
            *from += old;
            *count -= empty;
            self.places -= empty;
            self.flushed -= empty;
        }
        for (space, old) in seen {
            if let Some(shelf) = self.shelves.get_mut(&space) {
                shelf.tidy(old);
            }
        }
        self.order.retain(|(_, count)| *count > 0);
    }

    fn forget_oldest(&mut self) {
        while self.order.pop_front_if(|(_, count)| *count == 0).is_some() {}
        let Some((space, count)) = self.order.front_mut() else {
            return;
        };
        *count -= 1;
        self.places -= 1;
        self.flushed -= 1;
        let shelf = self.shelves.get_mut(space);
        if let Some(record) = shelf.and_then(Shelf::forget_oldest) {
            self.records -= 1;
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
        let places = overlay.read(|inner| (inner.places, inner.shelves[&SPACE].len()));
        assert_eq!(places.0, places.1, "every place is counted");
        assert!(places.0 <= 2 * TIDY_SLACK, "{places:?} places for one record");
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
        let oldest = overlay.scan(SPACE, Revision::new(0, 0), 1).records;
        assert_eq!(oldest[0].0, Revision::new(5_003, 0));
        for main in (5_003..10_000).step_by(2) {
            assert!(overlay.get(SPACE, Revision::new(main, 0)).is_some(), "{main}");
        }
    }
}
