//! How many bytes a keyspace's readable records take, kept without looking at them.
//!
//! Every member must come to the same figure at the same entry of the log, however far its removal of compacted records has
//! come. So it is reckoned from what compaction makes unreadable, not from what was removed: each record that a later
//! one supersedes is noted under the main revision from which on compaction forgets it.
//!
//! Invariant: `live` is the sum over all records that are readable or watchable at the compacted revision or later.

use std::collections::VecDeque;

use crate::history::Mark;

/// What a record costs beside its key and value.
pub(crate) const RECORD_OVERHEAD_BYTES: u64 = 64;
/// What a lease costs.
pub(crate) const LEASE_OVERHEAD_BYTES: u64 = 64;

/// The account.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    live: u64,
    /// Main revisions, ascending, with the sum of everything that compaction at them or later forgets since the start.
    dying: VecDeque<(i64, u64)>,
    /// The sum of what was noted in `dying`, ever.
    noted: u64,
    /// The sum of what was forgotten, ever.
    forgotten: u64,
}

impl Ledger {
    pub(crate) fn live(&self) -> u64 {
        self.live
    }

    /// A record was written, superseding `before`.
    pub(crate) fn wrote(&mut self, key_len: usize, mark: &Mark, before: Option<&Mark>) {
        let bytes = record_bytes(key_len, mark);
        self.live = self.live.saturating_add(bytes);
        match before {
            Some(before) if !before.is_tombstone() => self.note(mark.main, record_bytes(key_len, before)),
            // Put again by the transaction that deleted it: the deletion goes with what it ended, not one revision later.
            Some(before) if before.main == mark.main => {
                self.note_before_last(mark.main, record_bytes(key_len, before))
            }
            // When a deletion goes was noted with it.
            Some(_) | None => {}
        }
        if mark.is_tombstone() {
            self.note(mark.main.saturating_add(1), bytes);
        }
    }

    /// A lease was made (`true`) or ended.
    pub(crate) fn lease(&mut self, made: bool) {
        self.live = if made {
            self.live.saturating_add(LEASE_OVERHEAD_BYTES)
        } else {
            self.live.saturating_sub(LEASE_OVERHEAD_BYTES)
        };
    }

    /// History below `compacted` is forgotten.
    pub(crate) fn compact(&mut self, compacted: i64) {
        let until = self.dying.partition_point(|(main, _)| *main <= compacted);
        let Some((_, sum)) = until.checked_sub(1).and_then(|at| self.dying.get(at)).copied() else {
            return;
        };
        self.dying.drain(..until);
        self.live = self.live.saturating_sub(sum - self.forgotten);
        self.forgotten = sum;
    }

    /// Within a transaction of main revision `m`, notes come for `m` and for `m + 1`, in any order.
    fn note(&mut self, main: i64, bytes: u64) {
        self.noted += bytes;
        match self.dying.back_mut() {
            Some((last, sum)) if *last == main => *sum = self.noted,
            Some((last, sum)) if *last > main => {
                *sum = self.noted;
                self.note_before_last(main, bytes);
            }
            Some(_) | None => self.dying.push_back((main, self.noted)),
        }
    }

    /// The last entry is of `main + 1`, and counts `bytes` already.
    fn note_before_last(&mut self, main: i64, bytes: u64) {
        let Some(at) = self.dying.len().checked_sub(1) else {
            return;
        };
        let before = at.checked_sub(1).and_then(|at| self.dying.get_mut(at));
        match before {
            Some((last, sum)) if *last == main => *sum += bytes,
            Some((_, sum)) => {
                let sum = *sum + bytes;
                self.dying.insert(at, (main, sum));
            }
            None => {
                let sum = self.forgotten + bytes;
                self.dying.insert(at, (main, sum));
            }
        }
    }
}

pub(crate) fn record_bytes(key_len: usize, mark: &Mark) -> u64 {
    bytes(key_len, mark.value_len as usize)
}

pub(crate) fn bytes(key_len: usize, value_len: usize) -> u64 {
    RECORD_OVERHEAD_BYTES + key_len as u64 + value_len as u64
}
