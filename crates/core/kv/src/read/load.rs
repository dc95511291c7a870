//! The second half of a read: order and limit what was found, and get the records. Without the lock.

use std::cmp::Reverse;
use std::sync::Arc;

use bytes::Bytes;

use super::{Found, Reading};
use crate::error::KvError;
use crate::record::{KeyValue, Record};
use crate::records::Records;
use crate::request::{Sort, SortBy};
use crate::response::Ranged;
use crate::space::SpaceId;

impl Reading {
    /// Gets the records and answers.
    ///
    /// # Errors
    /// When a record cannot be read.
    pub fn load(mut self, space: SpaceId, records: &dyn Records) -> Result<Ranged, KvError> {
        let limit = usize::try_from(self.shape.limit).ok().filter(|limit| *limit > 0);
        let by_value = self.shape.sort.filter(|sort| sort.by == SortBy::Value);
        if let Some(sort) = self.shape.sort {
            sort_by_mark(&mut self.found, sort);
        }
        let more = limit.is_some_and(|limit| self.found.len() > limit);
        if by_value.is_none() {
            self.found.truncate(limit.unwrap_or(usize::MAX));
        }
        let mut answer = self
            .found
            .into_iter()
            .map(|found| get(found, space, records))
            .collect::<Result<Vec<_>, _>>()?;
        if let Some(sort) = by_value {
            sort_by_value(&mut answer, sort.descending);
            answer.truncate(limit.unwrap_or(usize::MAX));
        }
        if self.shape.keys_only {
            answer.iter_mut().for_each(drop_value);
        }
        Ok(Ranged {
            revision: self.seen,
            records: answer,
            more,
            count: self.count,
        })
    }
}

fn get(found: Found, space: SpaceId, records: &dyn Records) -> Result<Arc<Record>, KvError> {
    let mark = found.mark;
    match (found.record, found.key) {
        (Some(record), _) => Ok(record),
        (None, Some(key)) => Ok(Arc::new(Record::Put(KeyValue {
            key,
            value: Bytes::new(),
            create_revision: mark.create,
            mod_revision: mark.main,
            version: mark.version,
            lease: mark.lease,
        }))),
        (None, None) => Ok(records.get(space, mark.at())?),
    }
}

/// Stable, so keys of equal fields stay in order.
fn sort_by_mark(found: &mut [Found], sort: Sort) {
    let by = |field: fn(&Found) -> i64, found: &mut [Found]| {
        if sort.descending {
            found.sort_by_key(|found| Reverse(field(found)));
        } else {
            found.sort_by_key(field);
        }
    };
    match sort.by {
        SortBy::Key if sort.descending => found.reverse(),
        SortBy::Key | SortBy::Value => {}
        SortBy::Version => by(|found| found.mark.version, found),
        SortBy::Create => by(|found| found.mark.create, found),
        SortBy::Mod => by(|found| found.mark.main, found),
    }
}

fn sort_by_value(records: &mut [Arc<Record>], descending: bool) {
    if descending {
        records.sort_by(|a, b| value(b).cmp(value(a)));
    } else {
        records.sort_by(|a, b| value(a).cmp(value(b)));
    }
}

fn value(record: &Record) -> &[u8] {
    match record {
        Record::Put(kv) => &kv.value,
        Record::Tombstone { .. } => &[],
    }
}

fn drop_value(record: &mut Arc<Record>) {
    if let Record::Put(kv) = record.as_ref()
        && !kv.value.is_empty()
    {
        *record = Arc::new(Record::Put(KeyValue {
            value: Bytes::new(),
            ..kv.clone()
        }));
    }
}
