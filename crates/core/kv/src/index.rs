//! The ordered map from keys to what is known of them; values are elsewhere.
//!
//! A tree of three levels: the index holds branches, a branch holds leaves, a leaf holds up to [`leaf::KEYS_MAX`] keys with
//! their histories in line. What decides about its shape is how often a lookup misses the processor's caches: separators are
//! found by eight bytes of theirs that lie side by side (`fences`), so are keys in a leaf, and a key's history is
//! beside it. Adding and removing moves at most one leaf's or one branch's worth of memory, and nothing is ever rebuilt as
//! a whole, so no change takes long.
//!
//! Invariants:
//! - keys ascend within a leaf, from leaf to leaf and from branch to branch; each leaf holds only keys from its fence on,
//!   and before the next one's;
//! - `present` of the index, of a branch and of a leaf counts the keys in it that exist now.

mod branch;
mod fences;
mod leaf;
#[cfg(test)]
mod tests;
mod walk;

use branch::Branch;
use fences::Fences;
use leaf::{Entry, Leaf};

use crate::history::{History, Mark};

pub(crate) use walk::Place;

/// All keys that have a readable record, present or past.
#[derive(Debug)]
pub(crate) struct Index {
    fences: Fences,
    branches: Vec<Branch>,
    present: usize,
}

/// Where a leaf is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Spot {
    branch: usize,
    leaf: usize,
}

impl Default for Index {
    fn default() -> Self {
        Self {
            fences: Fences::new(Box::default()),
            branches: vec![Branch::new(Box::default(), Leaf::new())],
            present: 0,
        }
    }
}

impl Index {
    /// How many keys exist.
    pub(crate) fn present(&self) -> usize {
        self.present
    }

    pub(crate) fn get(&self, key: &[u8]) -> Option<&History> {
        let leaf = self.leaf(self.spot(key));
        let nth = leaf.find(key).ok()?;
        Some(&leaf.entries()[nth].history)
    }

    /// Adds a key's newest mark, and answers the one before, tombstone or not.
    pub(crate) fn push(&mut self, key: &[u8], mark: Mark) -> Option<Mark> {
        let mut spot = self.spot(key);
        let mut found = self.leaf(spot).find(key);
        if let Err(nth) = found
            && self.leaf(spot).is_full()
        {
            self.split(spot, nth, key);
            spot = self.spot(key);
            found = self.leaf(spot).find(key);
        }
        let branch = &mut self.branches[spot.branch];
        let leaf = &mut branch.leaves[spot.leaf];
        let before = match found {
            Ok(nth) => Some(leaf.push(nth, mark)),
            Err(nth) => {
                leaf.insert(nth, Entry::new(key, mark));
                None
            }
        };
        let existed = before.is_some_and(|before| !before.is_tombstone());
        for present in [&mut leaf.present, &mut branch.present, &mut self.present] {
            match (existed, mark.is_tombstone()) {
                (false, false) => *present += 1,
                (true, true) => *present -= 1,
                (true, false) | (false, true) => {}
            }
        }
        before
    }

    /// The leaf that holds `key`, or would.
    fn spot(&self, key: &[u8]) -> Spot {
        let branch = self.fences.find(key);
        let leaf = self.branches[branch].fences.find(key);
        Spot { branch, leaf }
    }

    fn leaf(&self, spot: Spot) -> &Leaf {
        &self.branches[spot.branch].leaves[spot.leaf]
    }

    /// Makes room where `key` is to become the `nth` of a full leaf.
    fn split(&mut self, spot: Spot, nth: usize, key: &[u8]) {
        self.branches[spot.branch].split_leaf(spot.leaf, nth, key);
        self.refresh(spot);
        self.refresh(Spot {
            leaf: spot.leaf + 1,
            ..spot
        });
        if let Some(right) = self.branches[spot.branch].split_if_full() {
            self.fences.insert(spot.branch + 1, right.fences.low(0).into());
            self.branches.insert(spot.branch + 1, right);
            self.refresh_branch(spot.branch);
            self.refresh_branch(spot.branch + 1);
        }
    }

    /// A branch's fences changed.
    fn refresh_branch(&mut self, branch: usize) {
        let end = (branch + 1 < self.branches.len()).then(|| self.fences.low(branch + 1));
        let known = end.map_or(0, |end| fences::shared(self.fences.low(branch), end));
        self.branches[branch].fences.know(known);
    }

    /// A leaf's fences changed.
    fn refresh(&mut self, spot: Spot) {
        let branch = &self.branches[spot.branch];
        let low = branch.fences.low(spot.leaf);
        let shared = self.end(spot).map_or(0, |end| fences::shared(low, end));
        self.branches[spot.branch].leaves[spot.leaf].refresh(shared);
    }

    /// The fence at which a leaf ends; `None` for the last one.
    fn end(&self, spot: Spot) -> Option<&[u8]> {
        let branch = &self.branches[spot.branch];
        if spot.leaf + 1 < branch.leaves.len() {
            Some(branch.fences.low(spot.leaf + 1))
        } else if spot.branch + 1 < self.branches.len() {
            Some(self.fences.low(spot.branch + 1))
        } else {
            None
        }
    }
}
