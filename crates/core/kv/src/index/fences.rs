//! Where the parts of an ordered whole begin, and in which of them a key is.
//!
//! Keys of one range begin alike. So what all fences begin with is left out, the next eight bytes of each are kept in a row as
//! a number, and only among fences where these are equal, too, whole keys are compared.
//!
//! Invariants: `lows` ascend strictly; `heads[n]` is the head of `lows[n + 1]` after `skip` bytes, which all but the first of
//! `lows` share; keys that are asked for share `known` bytes with them. The first part takes every key before the second:
//! its own low is never compared.

/// By how much fences may share more than what keys are known to share, before it pays to compare the difference: of eight
/// bytes the others still tell fences apart.
const UNCHECKED_MAX: usize = 2;

/// The first key that belongs to each part.
#[derive(Debug)]
pub(super) struct Fences {
    lows: Vec<Box<[u8]>>,
    heads: Vec<u64>,
    skip: usize,
    known: usize,
}

impl Fences {
    /// One part.
    pub(super) fn new(low: Box<[u8]>) -> Self {
        Self {
            lows: vec![low],
            heads: Vec::new(),
            skip: 0,
            known: 0,
        }
    }

    /// Where the `nth` part begins.
    pub(super) fn low(&self, nth: usize) -> &[u8] {
        &self.lows[nth]
    }

    /// Which part `key` is in.
    pub(super) fn find(&self, key: &[u8]) -> usize {
        if self.skip > self.known
            && let Some(outside) = self.find_outside(key)
        {
            return outside;
        }
        let sought = head(key, self.skip);
        let first = self.heads.partition_point(|head| *head < sought);
        let equal = self.heads[first..].partition_point(|head| *head == sought);
        first + self.lows[first + 1..first + 1 + equal].partition_point(|low| **low <= *key)
    }

    /// The part, if the key differs from all fences before they do from each other.
    fn find_outside(&self, key: &[u8]) -> Option<usize> {
        let second = self.lows.get(1)?;
        let same = shared(key, &second[..self.skip]);
        if same == self.skip {
            return None;
        }
        let after = key.get(same).is_some_and(|byte| *byte > second[same]);
        Some(if after { self.lows.len() - 1 } else { 0 })
    }

    /// All keys that are asked for share their first `known` bytes with all fences from now on.
    pub(super) fn know(&mut self, known: usize) {
        self.known = known;
        self.refresh(self.skip_best());
    }

    /// A part begins at `low` now, as the `nth`; never the first.
    pub(super) fn insert(&mut self, nth: usize, low: Box<[u8]>) {
        self.lows.insert(nth, low);
        let skip = self.skip_best();
        if skip == self.skip {
            self.heads.insert(nth - 1, head(&self.lows[nth], skip));
        } else {
            self.refresh(skip);
        }
    }

    /// The `nth` part belongs to the one before it now; never the first.
    pub(super) fn remove(&mut self, nth: usize) {
        self.lows.remove(nth);
        self.refresh(self.skip_best());
    }

    /// Takes the parts from the `nth` on away.
    pub(super) fn split_off(&mut self, nth: usize) -> Self {
        let lows = self.lows.split_off(nth);
        self.refresh(self.skip_best());
        let mut right = Self {
            lows,
            heads: Vec::new(),
            skip: 0,
            known: 0,
        };
        right.refresh(right.skip_best());
        right
    }

    /// Adds the parts of `next` after its own.
    pub(super) fn append(&mut self, mut next: Self) {
        self.lows.append(&mut next.lows);
        self.refresh(self.skip_best());
    }

    fn skip_best(&self) -> usize {
        let (Some(second), Some(last)) = (self.lows.get(1), self.lows.last()) else {
            return 0;
        };
        let all = shared(second, last);
        if all <= self.known + UNCHECKED_MAX {
            all.min(self.known)
        } else {
            all
        }
    }

    fn refresh(&mut self, skip: usize) {
        self.skip = skip;
        self.heads.clear();
        self.heads
            .extend(self.lows.iter().skip(1).map(|low| head(low, skip)));
    }
}

/// How many bytes both begin with.
pub(super) fn shared(a: &[u8], b: &[u8]) -> usize {
    let words = a
        .chunks_exact(8)
        .zip(b.chunks_exact(8))
        .take_while(|(a, b)| a == b)
        .count()
        * 8;
    words
        + a[words..]
            .iter()
            .zip(&b[words..])
            .take_while(|(a, b)| a == b)
            .count()
}

/// The eight bytes after `skip`, as a number that orders as they do. Missing ones count as 0, so equal heads say nothing.
pub(super) fn head(key: &[u8], skip: usize) -> u64 {
    let tail = key.get(skip..).unwrap_or_default();
    if let Some(eight) = tail.first_chunk() {
        return u64::from_be_bytes(*eight);
    }
    tail.iter()
        .zip((0..8).rev())
        .map(|(byte, place)| u64::from(*byte) << (8 * place))
        .sum()
}
