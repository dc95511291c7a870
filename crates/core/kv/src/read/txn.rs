//! A transaction that only reads, in pieces like any other read: its conditions are looked at when it begins, its ranges
//! are collected and loaded afterwards, all as of that moment.

use super::Reading;
use crate::error::KvError;
use crate::keyspace::Keyspace;
use crate::records::Records;
use crate::request::{Op, Txn};
use crate::response::{OpResponse, TxnDone};
use crate::space::SpaceId;

/// A transaction's reads under way.
#[derive(Debug)]
pub struct TxnReading {
    succeeded: bool,
    steps: Vec<Step>,
}

#[derive(Debug)]
enum Step {
    Range(Reading),
    Txn(TxnReading),
}

impl Keyspace {
    /// Begins a transaction that is [read only](Txn::is_read_only): decides which way it goes. `records` is asked only for
    /// values that are compared.
    ///
    /// # Errors
    /// When a revision asked for is compacted or in the future, or a compared record cannot be read.
    pub fn begin_txn(&self, txn: &Txn, records: &dyn Records) -> Result<TxnReading, KvError> {
        debug_assert!(txn.is_read_only(), "the transaction may change something");
        let succeeded = self.holds(&txn.compare, records)?;
        let ops = if succeeded { &txn.then } else { &txn.or_else };
        let mut steps = Vec::with_capacity(ops.len());
        for op in ops {
            match op {
                Op::Range(range) => steps.push(Step::Range(self.begin_in_txn(range, self.revision)?)),
                Op::Txn(txn) => steps.push(Step::Txn(self.begin_txn(txn, records)?)),
                // It changes nothing whichever way it goes, so there are none.
                Op::Put(_) | Op::Delete(_) => {}
            }
        }
        Ok(TxnReading { succeeded, steps })
    }

    /// Looks at up to `keys_max` more keys of one of its ranges. `true` when that was all of them all.
    pub fn collect_txn(&self, reading: &mut TxnReading, keys_max: usize) -> bool {
        for step in &mut reading.steps {
            let whole = match step {
                Step::Range(reading) if reading.is_collected() => true,
                Step::Range(reading) => {
                    self.collect(reading, keys_max);
                    false
                }
                Step::Txn(reading) => self.collect_txn(reading, keys_max),
            };
            if !whole {
                return false;
            }
        }
        true
    }

    /// Does a transaction that is [read only](Txn::is_read_only) at once.
    ///
    /// # Errors
    /// As [`Self::begin_txn`], and when a record cannot be read.
    pub fn read_txn(&self, txn: &Txn, records: &dyn Records) -> Result<TxnDone, KvError> {
        let mut reading = self.begin_txn(txn, records)?;
        while !self.collect_txn(&mut reading, usize::MAX) {}
        reading.load(self.id(), records)
    }
}

impl TxnReading {
    /// The oldest main revision that is read, if any is: as [`Reading::revision`].
    #[must_use]
    pub fn revision(&self) -> Option<i64> {
        let of_steps = self.steps.iter().filter_map(|step| match step {
            Step::Range(reading) => Some(reading.revision()),
            Step::Txn(reading) => reading.revision(),
        });
        of_steps.min()
    }

    /// Gets the records and answers. Needs no lock.
    ///
    /// # Errors
    /// When a record cannot be read.
    pub fn load(self, space: SpaceId, records: &dyn Records) -> Result<TxnDone, KvError> {
        let load = |step| {
            Ok(match step {
                Step::Range(reading) => OpResponse::Range(reading.load(space, records)?),
                Step::Txn(reading) => OpResponse::Txn(reading.load(space, records)?),
            })
        };
        Ok(TxnDone {
            succeeded: self.succeeded,
            responses: self.steps.into_iter().map(load).collect::<Result<_, KvError>>()?,
        })
    }
}
