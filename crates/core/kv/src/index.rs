//! The ordered map from keys to what is known of them; values are elsewhere.

use std::collections::BTreeMap;
use std::ops::Bound;

use crate::history::{History, Mark};
use crate::request::Keys;
use crate::revision::Revision;

/// All keys that have a readable record, present or past.
#[derive(Debug, Default)]
pub(crate) struct Index {
    map: BTreeMap<Box<[u8]>, History>,
    /// How many of them exist now.
    present: usize,
}

/// Where a scan that was interrupted goes on: after this key.
pub(crate) type Place = Box<[u8]>;

impl Index {
    /// How many keys exist.
    pub(crate) fn present(&self) -> usize {
        self.present
    }

    pub(crate) fn get(&self, key: &[u8]) -> Option<&History> {
        self.map.get(key)
    }

    /// Adds a key's newest mark, and answers the one before, tombstone or not.
    pub(crate) fn push(&mut self, key: &[u8], mark: Mark) -> Option<Mark> {
        let before = match self.map.get_mut(key) {
            Some(history) => Some(history.push(mark)),
            None => {
                self.map.insert(key.into(), History::new(mark));
                None
            }
        };
        let existed = before.is_some_and(|before| !before.is_tombstone());
        match (existed, mark.is_tombstone()) {
            (false, false) => self.present += 1,
            (true, true) => self.present -= 1,
            (true, false) | (false, true) => {}
        }
        before
    }

    /// Looks at the keys of a range, in order, after `place` if given, at most `max` of them. Answers where to go on, or
    /// `None` when the range is through.
    pub(crate) fn scan(
        &self,
        keys: &Keys,
        place: Option<&[u8]>,
        max: usize,
        mut visit: impl FnMut(&[u8], &History),
    ) -> Option<Place> {
        let (first, end) = bounds(keys)?;
        let start = place.map_or(Bound::Included(first), Bound::Excluded);
        let mut left = max.max(1);
        for (key, history) in self.map.range::<[u8], _>((start, Bound::Unbounded)) {
            if end.is_some_and(|end| **key >= *end) {
                return None;
            }
            visit(key, history);
            left -= 1;
            if left == 0 {
                return Some(key.clone());
            }
        }
        None
    }

    /// Forgets what nobody can read from main revision `floor` on, of at most `max` keys after `place`. Answers where to go
    /// on, or `None` when all keys are through.
    pub(crate) fn compact(
        &mut self,
        place: Option<&[u8]>,
        max: usize,
        floor: i64,
        removed: &mut Vec<Revision>,
    ) -> Option<Place> {
        let start = place.map_or(Bound::Unbounded, Bound::Excluded);
        let mut empty = Vec::new();
        let mut last = None;
        let mut looked = 0;
        for (key, history) in self.map.range_mut::<[u8], _>((start, Bound::Unbounded)) {
            if history.compact(floor, |at| removed.push(at)) {
                empty.push(key.clone());
            }
            looked += 1;
            if looked >= max.max(1) {
                last = Some(key.clone());
                break;
            }
        }
        for key in empty {
            self.map.remove(&key);
        }
        last
    }
}

/// The first key and the one before which the range ends; `None` if there is nothing to walk through.
fn bounds(keys: &Keys) -> Option<(&[u8], Option<&[u8]>)> {
    match keys {
        // Nobody walks for one key: `get` finds it.
        Keys::One(_) => None,
        Keys::Between(first, end) => (first < end).then_some((first.as_ref(), Some(end.as_ref()))),
        Keys::From(first) => Some((first.as_ref(), None)),
    }
}
