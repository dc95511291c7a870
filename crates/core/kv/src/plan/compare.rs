//! Conditions of transactions.

use std::cmp;

use crate::error::KvError;
use crate::history::Mark;
use crate::keyspace::Keyspace;
use crate::record::Record;
use crate::records::Records;
use crate::request::{Compare, CompareTarget, Keys, LeaseId, Ordering};

/// What a key that does not exist is compared as.
const NOTHING: Mark = Mark {
    main: 0,
    create: 0,
    version: 0,
    lease: LeaseId::NONE,
    sub: 0,
    value_len: 0,
};

/// How many keys are looked at before their values are compared, so that a condition over many keys holds few in memory.
const PIECE: usize = 256;

impl Keyspace {
    /// Whether all hold, on what is there before the transaction.
    pub(crate) fn holds(&self, compares: &[Compare], records: &dyn Records) -> Result<bool, KvError> {
        for compare in compares {
            if !self.holds_one(compare, records)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn holds_one(&self, compare: &Compare, records: &dyn Records) -> Result<bool, KvError> {
        if let Keys::One(key) = &compare.keys {
            return match self
                .index
                .get(key)
                .and_then(|history| history.as_of(self.revision))
            {
                Some(mark) => self.key_holds(compare, mark, records),
                None => Ok(nothing_holds(compare)),
            };
        }
        let mut any = false;
        let mut place = None;
        loop {
            let mut piece = Vec::new();
            place = self
                .index
                .scan(&compare.keys, place.as_deref(), PIECE, |_, history| {
                    piece.extend(history.as_of(self.revision).copied());
                });
            any |= !piece.is_empty();
            for mark in &piece {
                if !self.key_holds(compare, mark, records)? {
                    return Ok(false);
                }
            }
            if place.is_none() {
                return Ok(any || nothing_holds(compare));
            }
        }
    }

    fn key_holds(&self, compare: &Compare, mark: &Mark, records: &dyn Records) -> Result<bool, KvError> {
        let CompareTarget::Value(given) = &compare.target else {
            return Ok(figures_hold(compare, mark));
        };
        let record = records.get(self.id, mark.at())?;
        let value = match record.as_ref() {
            Record::Put(kv) => kv.value.as_ref(),
            Record::Tombstone { .. } => &[],
        };
        Ok(stands(value.cmp(given), compare.ordering))
    }
}

/// Whether the condition holds for a key that does not exist. There is no value to tell apart from an empty one, so none
/// compares.
fn nothing_holds(compare: &Compare) -> bool {
    figures_hold(compare, &NOTHING)
}

fn figures_hold(compare: &Compare, mark: &Mark) -> bool {
    let order = match compare.target {
        CompareTarget::Version(given) => mark.version.cmp(&given),
        CompareTarget::Create(given) => mark.create.cmp(&given),
        CompareTarget::Mod(given) => mark.main.cmp(&given),
        CompareTarget::Lease(given) => mark.lease.0.cmp(&given),
        CompareTarget::Value(_) => return false,
    };
    stands(order, compare.ordering)
}

fn stands(order: cmp::Ordering, asked: Ordering) -> bool {
    match asked {
        Ordering::Equal => order.is_eq(),
        Ordering::NotEqual => order.is_ne(),
        Ordering::Greater => order.is_gt(),
        Ordering::Less => order.is_lt(),
    }
}
