//! Reading keys in pieces: what is to be read is collected under a lock for so many keys at a time, and loaded without it.
//!
//! A [`Reading`] stays at the revision it began at, however many commits come between its pieces. Whoever lets the lock go
//! in between keeps compaction's removal below [`Reading::revision`] meanwhile.

mod load;
mod txn;

use std::sync::Arc;

use bytes::Bytes;

use crate::error::KvError;
use crate::history::Mark;
use crate::index::Place;
use crate::keyspace::Keyspace;
use crate::record::Record;
use crate::records::Records;
use crate::request::{Keys, Range, Sort, SortBy};
use crate::response::Ranged;
use crate::revision::Revision;

pub use txn::TxnReading;

/// A read under way.
#[derive(Debug)]
pub struct Reading {
    shape: Shape,
    /// What is left to walk through, after `place`.
    keys: Option<Keys>,
    place: Option<Place>,
    /// The main revision that is read.
    at: i64,
    /// The keyspace's main revision when it began.
    seen: i64,
    /// More are counted, but not kept.
    keep_max: usize,
    count: i64,
    found: Vec<Found>,
}

/// What a range asks for, beside which keys and when.
#[derive(Debug, Clone, Copy)]
struct Shape {
    limit: i64,
    sort: Option<Sort>,
    keys_only: bool,
    mod_revision: (i64, i64),
    create_revision: (i64, i64),
}

/// A record that is to be answered.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) mark: Mark,
    /// Only if the answer has no need of the record.
    pub(crate) key: Option<Bytes>,
    /// If it is at hand, because the same transaction wrote it.
    pub(crate) record: Option<Arc<Record>>,
}

impl Keyspace {
    /// Begins to read. A single key is found at once.
    ///
    /// # Errors
    /// When the revision asked for is compacted or in the future.
    pub fn begin(&self, range: &Range) -> Result<Reading, KvError> {
        let at = if range.revision <= 0 {
            self.revision
        } else {
            range.revision
        };
        self.readable(at)?;
        Ok(self.begin_at(range, at, self.revision))
    }

    /// Begins to read as a step of a transaction that says `seen` is the present revision.
    pub(crate) fn begin_in_txn(&self, range: &Range, seen: i64) -> Result<Reading, KvError> {
        self.readable_in_txn(range)?;
        let at = if range.revision > 0 {
            range.revision
        } else {
            self.revision
        };
        Ok(self.begin_at(range, at, seen))
    }

    /// etcd refuses in a transaction what it reads as "now" alone: a revision below what is compacted, 0 excepted.
    pub(crate) fn readable_in_txn(&self, range: &Range) -> Result<(), KvError> {
        match range.revision {
            0 => Ok(()),
            at => self.readable(at),
        }
    }

    pub(crate) fn begin_at(&self, range: &Range, at: i64, seen: i64) -> Reading {
        let mut reading = Reading::new(range, at, seen);
        if let Keys::One(key) = &range.keys {
            if let Some(mark) = self.index.get(key).and_then(|history| history.as_of(at)) {
                reading.take(*mark, || key.clone(), None);
            }
        } else {
            reading.keys = Some(range.keys.clone());
        }
        reading
    }

    /// Looks at up to `keys_max` more keys. `true` when that was all of them. Keys beyond the limit are counted without being
    /// looked at, if nothing has changed since the reading began.
    pub fn collect(&self, reading: &mut Reading, keys_max: usize) -> bool {
        let Some(keys) = reading.keys.take() else {
            return true;
        };
        let place = reading.place.take();
        if reading.keeps_no_more() && reading.at == self.revision && !self.half_done {
            reading.count += i64::try_from(self.index.count(&keys, place.as_deref())).unwrap_or(i64::MAX);
            return true;
        }
        let keys_max = reading.looks_at(keys_max);
        reading.place = self
            .index
            .scan(&keys, place.as_deref(), keys_max, |key, history| {
                if let Some(mark) = history.as_of(reading.at) {
                    reading.take(*mark, || Bytes::copy_from_slice(key), None);
                }
            });
        reading.keys = reading.place.is_some().then_some(keys);
        reading.keys.is_none()
    }

    /// Reads all at once.
    ///
    /// # Errors
    /// When the revision asked for is compacted or in the future, or a record cannot be read.
    pub fn range(&self, range: &Range, records: &dyn Records) -> Result<Ranged, KvError> {
        let mut reading = self.begin(range)?;
        while !self.collect(&mut reading, usize::MAX) {}
        reading.load(self.id, records)
    }
}

impl Reading {
    pub(crate) fn new(range: &Range, at: i64, seen: i64) -> Self {
        let keep_max = match usize::try_from(range.limit) {
            _ if range.count_only => 0,
            // One more than the limit shows that there is more.
            Ok(limit) if limit > 0 && limits_first(range) => limit.saturating_add(1),
            Ok(_) | Err(_) => usize::MAX,
        };
        Self {
            shape: Shape {
                limit: range.limit,
                sort: range.sort,
                keys_only: range.keys_only,
                mod_revision: range.mod_revision,
                create_revision: range.create_revision,
            },
            keys: None,
            place: None,
            at,
            seen,
            keep_max,
            count: 0,
            found: Vec::new(),
        }
    }

    /// Whether there is nothing more to collect.
    #[must_use]
    pub fn is_collected(&self) -> bool {
        self.keys.is_none()
    }

    /// The main revision that is read: no compaction may remove records that hold at it before the reading is loaded.
    #[must_use]
    pub fn revision(&self) -> i64 {
        self.at
    }

    /// Where the records are that [`Self::load`] will ask for; none when it needs no values.
    pub fn wanted(&self) -> impl Iterator<Item = Revision> {
        self.found
            .iter()
            .filter(|found| found.key.is_none() && found.record.is_none())
            .map(|found| found.mark.at())
    }

    /// Whether the answer needs what is in the records.
    pub(crate) fn needs_records(&self) -> bool {
        let by_value = self.shape.sort.is_some_and(|sort| sort.by == SortBy::Value);
        !self.shape.keys_only || by_value
    }

    fn keeps_no_more(&self) -> bool {
        self.found.len() >= self.keep_max
    }

    /// How many keys to look at before asking again whether the rest need only be counted.
    fn looks_at(&self, keys_max: usize) -> usize {
        let wanted = self.keep_max - self.found.len();
        if wanted == 0 {
            keys_max
        } else {
            keys_max.min(wanted)
        }
    }

    pub(crate) fn take(&mut self, mark: Mark, key: impl FnOnce() -> Bytes, record: Option<Arc<Record>>) {
        self.count += 1;
        if self.keeps_no_more() || !within(&self.shape, &mark) {
            return;
        }
        let key = (!self.needs_records()).then(key);
        self.found.push(Found { mark, key, record });
    }
}

/// Whether the limit cuts what the index gives in the order of keys, and nothing has to be dropped or sorted before.
fn limits_first(range: &Range) -> bool {
    let ordered = range
        .sort
        .is_none_or(|sort: Sort| sort.after_limit || (sort.by == SortBy::Key && !sort.descending));
    ordered && range.mod_revision == (0, 0) && range.create_revision == (0, 0)
}

fn within(shape: &Shape, mark: &Mark) -> bool {
    let inside =
        |(least, most): (i64, i64), it: i64| (least == 0 || it >= least) && (most == 0 || it <= most);
    inside(shape.mod_revision, mark.main) && inside(shape.create_revision, mark.create)
}
