//! What can be said of a transaction without looking at any key: whether it may be done at all, whether it can change
//! anything, and what it may cost.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use crate::error::KvError;
use crate::ledger;
use crate::request::{Delete, Keys, Op, Put, Txn};

/// How deep transactions may be nested. etcd's own limit of operations on one path, 128, comes first unless it was raised;
/// this one keeps stacks bounded.
pub const NESTING_MAX: usize = 128;

impl Txn {
    /// A transaction of one step, always taken.
    #[must_use]
    pub fn of(op: Op) -> Self {
        Self {
            then: vec![op],
            ..Self::default()
        }
    }

    /// Whether it changes nothing, whichever way it goes.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        self.then.iter().chain(&self.or_else).all(|op| match op {
            Op::Range(_) => true,
            Op::Put(_) | Op::Delete(_) => false,
            Op::Txn(txn) => txn.is_read_only(),
        })
    }

    /// Whether its keys are given, and no list of it, together with those of the transactions around it, is longer than
    /// `ops_max`.
    ///
    /// # Errors
    /// `TooManyOps` or `EmptyKey`, whichever shows first.
    pub fn check_size(&self, ops_max: usize) -> Result<(), KvError> {
        self.check_level(ops_max, ops_max, NESTING_MAX)
    }

    fn check_level(&self, ops_left: usize, ops_max: usize, levels_left: usize) -> Result<(), KvError> {
        let ops = self.compare.len().max(self.then.len()).max(self.or_else.len());
        let Some(ops_left) = ops_left.checked_sub(ops) else {
            return Err(KvError::TooManyOps(ops_max));
        };
        let Some(levels_left) = levels_left.checked_sub(1) else {
            return Err(KvError::TooManyOps(NESTING_MAX));
        };
        self.compare.iter().try_for_each(|compare| given(&compare.keys))?;
        for op in self.then.iter().chain(&self.or_else) {
            match op {
                Op::Range(range) => given(&range.keys)?,
                Op::Put(put) => given_key(&put.key)?,
                Op::Delete(delete) => given(&delete.keys)?,
                Op::Txn(txn) => txn.check_level(ops_left, ops_max, levels_left)?,
            }
        }
        Ok(())
    }

    /// Whether no key can be put twice, or put and deleted, by steps that are done together.
    ///
    /// It follows etcd's check in every case, also where that one is blind: a deletion of all keys from one on hides no put,
    /// and neither does a deletion in a nested transaction that comes after the one with the put.
    ///
    /// # Errors
    /// `DuplicateKey`.
    pub fn check_duplicates(&self) -> Result<(), KvError> {
        if self.then.len() > 1 || self.then.iter().any(nests) {
            check_branch(&self.then)?;
        }
        if self.or_else.len() > 1 || self.or_else.iter().any(nests) {
            check_branch(&self.or_else)?;
        }
        Ok(())
    }

    /// The most bytes that it may add: the dearer one of its branches. 0 if it puts nothing.
    #[must_use]
    pub fn cost_bytes(&self) -> u64 {
        let cost = |ops: &[Op]| -> u64 {
            ops.iter()
                .map(|op| match op {
                    Op::Put(put) => ledger::bytes(put.key.len(), put.value.as_ref().map_or(0, Bytes::len)),
                    Op::Txn(txn) => txn.cost_bytes(),
                    Op::Range(_) | Op::Delete(_) => 0,
                })
                .sum()
        };
        cost(&self.then).max(cost(&self.or_else))
    }
}

fn nests(op: &Op) -> bool {
    matches!(op, Op::Txn(_))
}

fn given(keys: &Keys) -> Result<(), KvError> {
    match keys {
        Keys::One(key) | Keys::Between(key, _) | Keys::From(key) => given_key(key),
    }
}

fn given_key(key: &Bytes) -> Result<(), KvError> {
    if key.is_empty() {
        Err(KvError::EmptyKey)
    } else {
        Ok(())
    }
}

/// The keys that a list of steps may put, and the ranges that it may delete.
#[derive(Default)]
struct Touched<'a> {
    puts: BTreeSet<&'a Bytes>,
    deletes: Deletes<'a>,
}

/// Deleted keys: single ones, and ranges by their first key. No two ranges touch.
#[derive(Default)]
struct Deletes<'a> {
    keys: BTreeSet<&'a [u8]>,
    ranges: BTreeMap<&'a [u8], &'a [u8]>,
}

impl<'a> Deletes<'a> {
    fn add(&mut self, delete: &'a Delete) {
        match &delete.keys {
            Keys::One(key) => {
                self.keys.insert(key);
            }
            Keys::Between(first, end) if first < end => self.add_range(first, end),
            // The first holds nothing; to the second etcd is blind.
            Keys::Between(..) | Keys::From(_) => {}
        }
    }

    /// Joins it with those that it touches, so that a key is in one at most.
    fn add_range(&mut self, mut first: &'a [u8], mut end: &'a [u8]) {
        while let Some((&other_first, &other_end)) = self.ranges.range(..=end).next_back() {
            if other_end < first {
                break;
            }
            self.ranges.remove(other_first);
            first = first.min(other_first);
            end = end.max(other_end);
        }
        self.ranges.insert(first, end);
    }

    fn append(&mut self, mut other: Self) {
        self.keys.append(&mut other.keys);
        for (first, end) in other.ranges {
            self.add_range(first, end);
        }
    }

    fn hold(&self, key: &[u8]) -> bool {
        let before = self.ranges.range(..=key).next_back();
        self.keys.contains(key) || before.is_some_and(|(_, end)| key < *end)
    }
}

/// What the steps touch, or that they touch a key twice. Nested ones are looked at before the puts of this level, and after
/// its deletions, as etcd does.
fn check_branch(ops: &[Op]) -> Result<Touched<'_>, KvError> {
    let mut touched = Touched::default();
    for op in ops {
        if let Op::Delete(delete) = op {
            touched.deletes.add(delete);
        }
    }
    for op in ops {
        if let Op::Txn(txn) = op {
            let then = check_branch(&txn.then)?;
            let or_else = check_branch(&txn.or_else)?;
            for key in &then.puts {
                touched.put(key)?;
            }
            // Only one of the two is done.
            for key in or_else.puts.difference(&then.puts) {
                touched.put(key)?;
            }
            touched.deletes.append(then.deletes);
            touched.deletes.append(or_else.deletes);
        }
    }
    for op in ops {
        if let Op::Put(Put { key, .. }) = op {
            touched.put(key)?;
        }
    }
    Ok(touched)
}

impl<'a> Touched<'a> {
    fn put(&mut self, key: &'a Bytes) -> Result<(), KvError> {
        if self.deletes.hold(key) || !self.puts.insert(key) {
            return Err(KvError::DuplicateKey);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use koinon_base::Rng;

    use super::*;

    /// A key is deleted exactly when one of the ranges given holds it, however they overlap.
    #[test]
    fn deleted_is_what_any_range_holds() {
        let mut rng = Rng::from_seed(1);
        for _ in 0..2000 {
            let key = |n: usize| Bytes::from(format!("{n:02}"));
            let given: Vec<Delete> = (0..rng.below(8))
                .map(|_| {
                    let (first, end) = (key(rng.below(20)), key(rng.below(20)));
                    Delete {
                        keys: if rng.below(3) == 0 {
                            Keys::One(first)
                        } else {
                            Keys::Between(first, end)
                        },
                        prev_kv: false,
                    }
                })
                .collect();
            let (left, right) = given.split_at(given.len() / 2);
            let mut deletes = Deletes::default();
            left.iter().for_each(|delete| deletes.add(delete));
            let mut others = Deletes::default();
            right.iter().for_each(|delete| others.add(delete));
            deletes.append(others);
            for n in 0..20 {
                let key = key(n);
                let expected = given.iter().any(|delete| delete.keys.contain(&key));
                assert_eq!(deletes.hold(&key), expected, "{key:?} in {given:?}");
            }
        }
    }
}
