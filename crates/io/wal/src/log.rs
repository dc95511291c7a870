//! What the frames add up to: which entries the log holds, and what was overwritten.
//!
//! Invariant: entries `first..=last` are there, without a gap; `last` is `first - 1` in an empty log.

use std::collections::VecDeque;

use crate::record::HardState;

/// A position in the log's files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    pub(crate) sequence: u64,
    pub(crate) offset: u64,
}

/// An entry that took the place of others: those from `index` on that were written before do not count.
#[derive(Debug, Clone, Copy)]
struct Overwrite {
    at: Position,
    index: u64,
}

/// The state that frames lead to.
#[derive(Debug, Clone)]
pub(crate) struct Log {
    pub(crate) first: u64,
    pub(crate) last: u64,
    pub(crate) hard_state: HardState,
    /// In the order of their positions.
    overwrites: VecDeque<Overwrite>,
}

impl Log {
    /// An empty log whose first entry is to have this index.
    pub(crate) fn new(first: u64) -> Self {
        Self {
            first,
            last: first.saturating_sub(1),
            hard_state: HardState::default(),
            overwrites: VecDeque::new(),
        }
    }

    /// Takes in the entry written at `at`; `false` when it would leave a gap.
    ///
    /// One below `first` is right when frames are read again: what it replaced has been purged since, and it has not.
    pub(crate) fn entry(&mut self, index: u64, at: Position) -> bool {
        if index == 0 || index > self.last.saturating_add(1) || index == u64::MAX {
            return false;
        }
        if index <= self.last {
            self.overwrites.push_back(Overwrite { at, index });
        }
        self.first = self.first.min(index);
        self.last = index;
        true
    }

    /// Forgets what lies before segment `sequence`; the log begins with entry `first` now.
    pub(crate) fn purge(&mut self, sequence: u64, first: u64) {
        self.first = first;
        while self
            .overwrites
            .front()
            .is_some_and(|overwrite| overwrite.at.sequence < sequence)
        {
            self.overwrites.pop_front();
        }
    }

    /// What tells, going forward through the files up to `end`, whether an entry still counts there.
    pub(crate) fn stale(&self, end: Position) -> Stale {
        let mut lowest = u64::MAX;
        let mut steps: Vec<(Position, u64)> = Vec::new();
        for overwrite in self
            .overwrites
            .iter()
            .rev()
            .filter(|overwrite| overwrite.at < end)
        {
            // Going back, only a lower index changes what is stale before it.
            if overwrite.index < lowest {
                lowest = overwrite.index;
                steps.push((overwrite.at, lowest));
            }
        }
        Stale { steps }
    }
}

/// Which entries are overwritten further on.
#[derive(Debug)]
pub(crate) struct Stale {
    /// Positions, the next one last, and the lowest index that is overwritten there or behind it.
    steps: Vec<(Position, u64)>,
}

impl Stale {
    /// Whether entry `index`, written at `at`, was overwritten later. Positions must be asked for in order.
    pub(crate) fn is(&mut self, index: u64, at: Position) -> bool {
        while self.steps.last().is_some_and(|(position, _)| *position <= at) {
            self.steps.pop();
        }
        self.steps.last().is_some_and(|(_, lowest)| index >= *lowest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(offset: u64) -> Position {
        Position { sequence: 1, offset }
    }

    /// Protects: exactly the entries that nothing overwrites later are live, over several overwrites.
    #[test]
    fn overwritten_entries_are_stale() {
        let mut log = Log::new(1);
        let written = [1, 2, 3, 4, 5, 4, 5, 6, 2, 3, 3];
        for (offset, index) in (0_u64..).zip(written) {
            assert!(log.entry(index, at(offset)));
        }
        assert_eq!((log.first, log.last), (1, 3));
        let mut stale = log.stale(at(100));
        let live: Vec<u64> = (0_u64..)
            .zip(written)
            .filter(|(o, index)| !stale.is(*index, at(*o)))
            .map(|(o, _)| o)
            .collect();
        assert_eq!(live, [0, 8, 10]);
        // Seen from before the last two overwrites, the earlier entries still count.
        let mut stale = log.stale(at(8));
        let live: Vec<u64> = (0_u64..8)
            .zip(written)
            .filter(|(o, index)| !stale.is(*index, at(*o)))
            .map(|(o, _)| o)
            .collect();
        assert_eq!(live, [0, 1, 2, 5, 6, 7]);
    }

    /// Protects: an entry that would leave a gap is not taken, and nothing changes.
    #[test]
    fn gaps_are_refused() {
        let mut log = Log::new(10);
        assert!(!log.entry(11, at(0)));
        assert!(!log.entry(0, at(0)));
        assert!(log.entry(10, at(0)));
        assert_eq!((log.first, log.last), (10, 10));
    }
}
