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

/// Ranges of keys by their first one; of two with the same first key, the longer.
#[derive(Default)]
struct Deletes<'a> {
    by_first: BTreeMap<&'a [u8], End<'a>>,
}

/// Where a range ends.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum End<'a> {
    /// Right after the key it begins with.
    Itself,
    /// Before this key.
    Before(&'a [u8]),
}

impl<'a> Deletes<'a> {
    fn add(&mut self, delete: &'a Delete) {
        let (first, end) = match &delete.keys {
            Keys::One(key) => (key, End::Itself),
            Keys::Between(first, end) if first < end => (first, End::Before(end)),
            // The first holds nothing; to the second etcd is blind.
            Keys::Between(..) | Keys::From(_) => return,
        };
        self.insert(first, end);
    }

    fn insert(&mut self, first: &'a [u8], end: End<'a>) {
        let kept = self.by_first.entry(first).or_insert(end);
        *kept = (*kept).max(end);
    }

    fn append(&mut self, other: Self) {
        for (first, end) in other.by_first {
            self.insert(first, end);
        }
    }

    /// Whether a range holds the key. Linear in the ranges before it: a request has some hundred at most.
    fn hold(&self, key: &[u8]) -> bool {
        self.by_first.range(..=key).any(|(first, end)| match end {
            End::Itself => *first == key,
            End::Before(end) => key < *end,
        })
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
