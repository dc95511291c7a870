//! A branch: leaves that follow each other, and where each begins.

use super::fences::{Fences, shared};
use super::leaf::{Entry, KEYS_MAX, Leaf};

/// The most leaves in a branch: some four thousand keys, and a kilobyte of heads to search.
const LEAVES_MAX: usize = 128;

/// Some leaves in order.
#[derive(Debug)]
pub(super) struct Branch {
    pub(super) present: usize,
    pub(super) fences: Fences,
    pub(super) leaves: Vec<Leaf>,
}

impl Branch {
    pub(super) fn new(low: Box<[u8]>, leaf: Leaf) -> Self {
        Self {
            present: leaf.present,
            fences: Fences::new(low),
            leaves: vec![leaf],
        }
    }

    /// Makes two of a full leaf that is to get `key` as its `nth`. Their heads are to be refreshed.
    ///
    /// One that grows at its end, as when keys come in order, stays full: the key gets a leaf of its own.
    pub(super) fn split_leaf(&mut self, leaf: usize, nth: usize, key: &[u8]) {
        let middle = if nth == KEYS_MAX { KEYS_MAX } else { KEYS_MAX / 2 };
        let right = self.leaves[leaf].split_off(middle);
        let left_last = self.leaves[leaf].entries().last().map_or(&[][..], Entry::bytes);
        let right_first = right.entries().first().map_or(key, Entry::bytes);
        let low = right_first[..shared(left_last, right_first) + 1].into();
        self.fences.insert(leaf + 1, low);
        self.leaves.insert(leaf + 1, right);
    }

    /// The right part of a branch that has too many leaves.
    pub(super) fn split_if_full(&mut self) -> Option<Self> {
        if self.leaves.len() <= LEAVES_MAX {
            return None;
        }
        // As with leaves: if the last one is nearly empty, the branch grows at its end, and stays full.
        let grows = self.leaves.last().is_some_and(|leaf| leaf.entries().is_empty());
        let middle = if grows {
            self.leaves.len() - 1
        } else {
            self.leaves.len() / 2
        };
        let mut right = Self {
            present: 0,
            fences: self.fences.split_off(middle),
            leaves: self.leaves.split_off(middle),
        };
        right.recount();
        self.recount();
        Some(right)
    }

    /// Whether `next` could be added to it.
    pub(super) fn has_room_for(&self, next: &Self) -> bool {
        self.leaves.len() + next.leaves.len() <= LEAVES_MAX * 3 / 4
    }

    /// Adds the leaves of the branch after it.
    pub(super) fn append(&mut self, next: Self) {
        self.present += next.present;
        self.fences.append(next.fences);
        self.leaves.extend(next.leaves);
    }

    /// Makes one leaf of a leaf and the one before it, if they are small or one is empty. Its heads are to be refreshed.
    pub(super) fn join_to_previous(&mut self, leaf: usize) -> bool {
        let Some(previous) = leaf.checked_sub(1) else {
            return false;
        };
        let (left, right) = (
            self.leaves[previous].entries().len(),
            self.leaves[leaf].entries().len(),
        );
        if left > 0 && right > 0 && left + right > KEYS_MAX * 3 / 4 {
            return false;
        }
        let right = self.leaves.remove(leaf);
        self.leaves[previous].append(right);
        self.fences.remove(leaf);
        true
    }

    fn recount(&mut self) {
        self.present = self.leaves.iter().map(|leaf| leaf.present).sum();
    }
}
