//! A transaction being decided: what it has written so far lies over what the keyspace holds.
//!
//! Reads see the writes before them in the same transaction; conditions, also those of nested transactions, see what
//! was there before all of it, as in etcd.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use super::command::steps_may_meet;
use crate::error::KvError;
use crate::history::Mark;
use crate::keyspace::Keyspace;
use crate::read::Reading;
use crate::record::{KeyValue, Record};
use crate::records::Records;
use crate::request::{Delete, Keys, LeaseId, Op, Put, Range, Txn};
use crate::response::{Deleted, OpResponse, PutDone, Ranged, TxnDone};
use crate::revision::Revision;

/// A transaction being decided.
pub(super) struct Draft<'a> {
    pub(super) space: &'a Keyspace,
    pub(super) records: &'a dyn Records,
    pub(super) written: Vec<(Revision, Arc<Record>)>,
    /// The youngest record of each key in `written`. `None` where no step can meet another's: most transactions are of one.
    touched: Option<BTreeMap<Bytes, usize>>,
}

/// A key as it stands at a step.
struct Standing {
    mark: Mark,
    record: Option<Arc<Record>>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(space: &'a Keyspace, records: &'a dyn Records, txn: &Txn) -> Self {
        Self {
            space,
            records,
            written: Vec::new(),
            touched: steps_may_meet(txn).then(BTreeMap::new),
        }
    }

    /// The main revision as it stands.
    pub(super) fn revision(&self) -> i64 {
        if self.written.is_empty() {
            self.space.revision
        } else {
            self.main()
        }
    }

    pub(super) fn txn(&mut self, txn: &Txn) -> Result<TxnDone, KvError> {
        let succeeded = self.space.holds(&txn.compare, self.records)?;
        let ops = if succeeded { &txn.then } else { &txn.or_else };
        let responses = ops.iter().map(|op| self.op(op)).collect::<Result<_, _>>()?;
        Ok(TxnDone { succeeded, responses })
    }

    fn op(&mut self, op: &Op) -> Result<OpResponse, KvError> {
        Ok(match op {
            Op::Range(range) => OpResponse::Range(self.range(range)?),
            Op::Put(put) => OpResponse::Put(self.put(put)?),
            Op::Delete(delete) => OpResponse::Delete(self.delete(delete)?),
            Op::Txn(txn) => OpResponse::Txn(self.txn(txn)?),
        })
    }

    fn put(&mut self, put: &Put) -> Result<PutDone, KvError> {
        let before = self.standing(&put.key);
        if before.is_none() && (put.value.is_none() || put.lease.is_none()) {
            return Err(KvError::KeyNotFound);
        }
        let lease = put.lease.unwrap_or(LeaseId::NONE);
        if lease.is_some() && !self.space.leases.contains(lease) {
            return Err(KvError::LeaseNotFound(lease));
        }
        let mut prev = None;
        if let Some(before) = &before
            && (put.prev_kv || put.value.is_none())
        {
            prev = Some(self.load(before)?);
        }
        let main = self.main();
        let mark = before.as_ref().map(|before| before.mark);
        let kept_value = || prev.as_deref().and_then(key_value).map(|kv| kv.value.clone());
        self.write(Record::Put(KeyValue {
            key: put.key.clone(),
            value: put.value.clone().or_else(kept_value).unwrap_or_default(),
            create_revision: mark.map_or(main, |mark| mark.create),
            mod_revision: main,
            version: mark.map_or(1, |mark| mark.version.saturating_add(1)),
            lease: put.lease.or(mark.map(|mark| mark.lease)).unwrap_or(LeaseId::NONE),
        }));
        Ok(PutDone {
            revision: main,
            prev: prev
                .filter(|_| put.prev_kv)
                .as_deref()
                .and_then(key_value)
                .cloned(),
        })
    }

    fn delete(&mut self, delete: &Delete) -> Result<Deleted, KvError> {
        let mut prev = Vec::new();
        let doomed = self.doomed(&delete.keys);
        let main = self.main();
        for (key, standing) in &doomed {
            if delete.prev_kv {
                prev.extend(key_value(self.load(standing)?.as_ref()).cloned());
            }
            self.write(Record::Tombstone {
                key: key.clone(),
                mod_revision: main,
            });
        }
        Ok(Deleted {
            revision: self.revision(),
            count: i64::try_from(doomed.len()).unwrap_or(i64::MAX),
            prev,
        })
    }

    /// The keys of the range as they stand, in order.
    fn doomed(&self, keys: &Keys) -> Vec<(Bytes, Standing)> {
        if let Keys::One(key) = keys {
            return self
                .standing(key)
                .map(|standing| (key.clone(), standing))
                .into_iter()
                .collect();
        }
        let mut doomed = Vec::new();
        self.each(keys, |key, standing| {
            doomed.push((Bytes::copy_from_slice(key), standing))
        });
        doomed
    }

    fn range(&self, range: &Range) -> Result<Ranged, KvError> {
        let mut reading = if range.revision > 0 || self.written.is_empty() {
            self.space.begin_in_txn(range, self.revision())?
        } else {
            self.space.readable_in_txn(range)?;
            self.read_over(range)
        };
        while !self.space.collect(&mut reading, usize::MAX) {}
        reading.load(self.space.id, self.records)
    }

    /// Reads what the transaction wrote over what was there.
    fn read_over(&self, range: &Range) -> Reading {
        let mut reading = Reading::new(range, self.main(), self.main());
        if let Keys::One(key) = &range.keys {
            if let Some(standing) = self.standing(key) {
                reading.take(standing.mark, || key.clone(), standing.record);
            }
        } else {
            self.each(&range.keys, |key, standing| {
                reading.take(standing.mark, || Bytes::copy_from_slice(key), standing.record);
            });
        }
        reading
    }

    /// Every key of the range that exists at this step, in order: what was written lies over what was there.
    fn each(&self, keys: &Keys, mut visit: impl FnMut(&[u8], Standing)) {
        let touched = self.touched.iter().flatten();
        let mut written = touched.filter(|(key, _)| keys.contain(key)).peekable();
        self.space.index.scan(keys, None, usize::MAX, |key, history| {
            while let Some((before, at)) = written.next_if(|(written, _)| written.as_ref() < key) {
                self.written_at(*at)
                    .into_iter()
                    .for_each(|standing| visit(before, standing));
            }
            if let Some((_, at)) = written.next_if(|(written, _)| written.as_ref() == key) {
                self.written_at(*at)
                    .into_iter()
                    .for_each(|standing| visit(key, standing));
            } else if let Some(mark) = history.present() {
                visit(key, Standing::there(*mark));
            }
        });
        for (key, at) in written {
            self.written_at(*at)
                .into_iter()
                .for_each(|standing| visit(key, standing));
        }
    }

    /// One key at this step, if it exists.
    fn standing(&self, key: &Bytes) -> Option<Standing> {
        match self.touched.as_ref().and_then(|touched| touched.get(key)) {
            Some(at) => self.written_at(*at),
            None => {
                let mark = self.space.index.get(key)?.present()?;
                Some(Standing::there(*mark))
            }
        }
    }

    /// What a record of this transaction left; `None` if it deleted the key.
    fn written_at(&self, at: usize) -> Option<Standing> {
        let (at, record) = self.written.get(at)?;
        let mark = Mark::of(*at, record);
        (!mark.is_tombstone()).then(|| Standing {
            mark,
            record: Some(record.clone()),
        })
    }

    fn load(&self, standing: &Standing) -> Result<Arc<Record>, KvError> {
        match &standing.record {
            Some(record) => Ok(record.clone()),
            None => Ok(self.records.get(self.space.id, standing.mark.at())?),
        }
    }

    fn main(&self) -> i64 {
        self.space.revision.saturating_add(1)
    }

    fn write(&mut self, record: Record) {
        let sub = u32::try_from(self.written.len()).unwrap_or(u32::MAX);
        if let Some(touched) = &mut self.touched {
            touched.insert(record.key().clone(), self.written.len());
        }
        self.written
            .push((Revision::new(self.main(), sub), Arc::new(record)));
    }
}

impl Standing {
    fn there(mark: Mark) -> Self {
        Self { mark, record: None }
    }
}

fn key_value(record: &Record) -> Option<&KeyValue> {
    match record {
        Record::Put(kv) => Some(kv),
        Record::Tombstone { .. } => None,
    }
}
