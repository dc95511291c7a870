//! A leaf: keys that follow each other, each with its history in the same cache line.
//!
//! Invariants: `heads[n]` is the head of the `n`th key after `skip` bytes, which every key that the leaf may be asked for
//! shares; `present` counts the keys that exist.

use super::fences::head;
use crate::history::{History, Mark};
use crate::revision::Revision;

/// The most keys in a leaf: 2 KiB of entries, of which an insertion moves a half.
pub(super) const KEYS_MAX: usize = 32;

/// Some keys in order.
#[derive(Debug)]
pub(super) struct Leaf {
    skip: usize,
    pub(super) present: usize,
    entries: Vec<Entry>,
    heads: [u64; KEYS_MAX],
}

/// A key and what is known of it: 64 bytes.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: Box<[u8]>,
    pub(super) history: History,
}

const _: () = assert!(size_of::<Entry>() == 64, "an entry fills a cache line");

impl Entry {
    pub(super) fn new(key: &[u8], mark: Mark) -> Self {
        Self {
            key: key.into(),
            history: History::new(mark),
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.key
    }
}

impl Leaf {
    pub(super) fn new() -> Self {
        Self {
            skip: 0,
            present: 0,
            entries: Vec::new(),
            heads: [0; KEYS_MAX],
        }
    }

    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub(super) fn is_full(&self) -> bool {
        self.entries.len() == KEYS_MAX
    }

    /// Which entry is of `key`, or where it would be.
    pub(super) fn find(&self, key: &[u8]) -> Result<usize, usize> {
        let sought = head(key, self.skip);
        let heads = &self.heads[..self.entries.len()];
        // All are looked at: it is a handful of cache lines, and they come together instead of one after the other.
        let first: usize = heads.iter().map(|head| usize::from(*head < sought)).sum();
        let equal = heads[first..].iter().take_while(|head| **head == sought).count();
        if equal == 1 && self.is_told_by_head(first, key) {
            return Ok(first);
        }
        let among = &self.entries[first..first + equal];
        match among.binary_search_by(|entry| entry.key.as_ref().cmp(key)) {
            Ok(nth) => Ok(first + nth),
            Err(nth) => Err(first + nth),
        }
    }

    /// Whether equal heads make equal keys here: both are as long as each other, and end within their heads. It saves
    /// looking at the key's own memory.
    fn is_told_by_head(&self, nth: usize, key: &[u8]) -> bool {
        key.len() <= self.skip + 8 && self.entries[nth].key.len() == key.len()
    }

    /// Adds a mark to the `nth` key, and answers the one before.
    pub(super) fn push(&mut self, nth: usize, mark: Mark) -> Mark {
        self.entries[nth].history.push(mark)
    }

    /// Adds a key as the `nth`; there is room. Whoever adds it counts it.
    pub(super) fn insert(&mut self, nth: usize, entry: Entry) {
        let len = self.entries.len();
        self.heads.copy_within(nth..len, nth + 1);
        self.heads[nth] = head(&entry.key, self.skip);
        self.entries.insert(nth, entry);
    }

    /// Takes the keys from the `nth` on away. Both need [`Self::refresh`] afterwards.
    pub(super) fn split_off(&mut self, nth: usize) -> Self {
        let mut right = Self::new();
        right.entries = self.entries.split_off(nth);
        right.recount();
        self.recount();
        right
    }

    /// Adds the keys of `next`, which there is room for. It needs [`Self::refresh`] afterwards.
    pub(super) fn append(&mut self, mut next: Self) {
        self.entries.append(&mut next.entries);
        self.recount();
    }

    /// Forgets what nobody can read from main revision `floor` on. No key that exists goes.
    pub(super) fn compact(&mut self, floor: i64, removed: &mut Vec<Revision>) {
        let before = self.entries.len();
        self.entries
            .retain_mut(|entry| !entry.history.compact(floor, |at| removed.push(at)));
        if self.entries.len() != before {
            self.refresh(self.skip);
        }
    }

    /// Every key that the leaf may be asked for begins with the same `skip` bytes from now on.
    pub(super) fn refresh(&mut self, skip: usize) {
        self.skip = skip;
        for (place, entry) in self.heads.iter_mut().zip(&self.entries) {
            *place = head(&entry.key, skip);
        }
    }

    fn recount(&mut self) {
        self.present = self
            .entries
            .iter()
            .filter(|entry| entry.history.present().is_some())
            .count();
    }
}
