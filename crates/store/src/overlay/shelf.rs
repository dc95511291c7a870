//! One keyspace's records in a row, oldest first.
//!
//! Invariant: places ascend strictly; an empty one held a record that compaction removed.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use koinon_core_kv::{Record, Revision};

use super::Scanned;

/// How far from the guess a search looks first; from there on four times as far each time.
const FIRST_STEP: usize = 8;

#[derive(Debug, Default)]
pub(super) struct Shelf {
    places: VecDeque<Place>,
    /// The youngest record that is in the backend only.
    pub(super) forgotten: Option<Revision>,
}

/// 24 bytes, and neighbours in time share a cache line.
#[derive(Debug)]
struct Place {
    at: Revision,
    record: Option<Arc<Record>>,
}

impl Shelf {
    pub(super) fn get(&self, at: Revision) -> Option<&Arc<Record>> {
        let place = self.places.get(self.find(at))?;
        place.record.as_ref().filter(|_| place.at == at)
    }

    /// Adds a record, younger than all.
    pub(super) fn push(&mut self, at: Revision, record: Arc<Record>) {
        debug_assert!(
            self.places.back().is_none_or(|last| last.at < at),
            "{at} is not the youngest"
        );
        self.places.push_back(Place {
            at,
            record: Some(record),
        });
    }

    /// Removes a record from between the others.
    pub(super) fn take(&mut self, at: Revision) -> Option<Arc<Record>> {
        let nth = self.find(at);
        let place = self.places.get_mut(nth).filter(|place| place.at == at)?;
        place.record.take()
    }

    /// Forgets the oldest place, and answers what it held.
    pub(super) fn forget_oldest(&mut self) -> Option<Arc<Record>> {
        let oldest = self.places.pop_front()?;
        self.forgotten = Some(oldest.at);
        oldest.record
    }

    pub(super) fn scan(&self, from: Revision, limit: usize) -> Scanned {
        let records: Vec<_> = self
            .places
            .range(self.find(from)..)
            .filter_map(|place| Some((place.at, place.record.clone()?)))
            .take(limit)
            .collect();
        Scanned {
            cut: records.len() == limit,
            whole: self.forgotten.is_none_or(|forgotten| forgotten < from),
            records,
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// How many of these places are empty.
    pub(super) fn empty(&self, places: Range<usize>) -> usize {
        let places = self.places.range(places);
        places.filter(|place| place.record.is_none()).count()
    }

    /// Takes the empty ones of the `old` oldest places away.
    pub(super) fn tidy(&mut self, old: usize) {
        let mut nth = 0;
        self.places.retain(|place| {
            nth += 1;
            nth > old || place.record.is_some()
        });
    }

    /// The first place that is not before `at`.
    fn find(&self, at: Revision) -> usize {
        let guess = self.guess(at);
        let before = |nth: usize| self.places.get(nth).is_some_and(|place| place.at < at);
        let (mut low, mut high) = (guess, guess);
        let mut step = FIRST_STEP;
        if before(guess) {
            // All up to `low` are before it.
            low += 1;
            high = low;
            while before(high) {
                low = high + 1;
                high = (high + step).min(self.places.len());
                step *= 4;
            }
        } else {
            // None from `high` on is.
            while low > 0 && !before(low - 1) {
                high = low - 1;
                low = low.saturating_sub(step);
                step *= 4;
            }
        }
        while low < high {
            let middle = low.midpoint(high);
            if before(middle) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// Where `at` would be if each main revision wrote as much as the others.
    fn guess(&self, at: Revision) -> usize {
        let (Some(first), Some(last)) = (self.places.front(), self.places.back()) else {
            return 0;
        };
        let span = last.at.main.saturating_sub(first.at.main).max(1).unsigned_abs();
        let into = at.main.clamp(first.at.main, last.at.main) - first.at.main;
        let len = self.places.len();
        let scaled = u128::from(into.unsigned_abs()) * (len as u128 - 1) / u128::from(span);
        let sub = usize::try_from(at.sub).unwrap_or(usize::MAX);
        usize::try_from(scaled)
            .unwrap_or(len)
            .saturating_add(sub)
            .min(len - 1)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;

    fn record(main: i64) -> Arc<Record> {
        Arc::new(Record::Tombstone {
            key: Bytes::new(),
            mod_revision: main,
        })
    }

    proptest! {
        /// However uneven revisions are, and whatever was removed, a shelf finds what a map finds.
        #[test]
        fn a_shelf_finds_what_a_map_finds(
            gaps in prop::collection::vec((0_i64..50, 1_u32..40), 1..300),
            removed in prop::collection::vec(any::<prop::sample::Index>(), 0..50),
            forgotten in 0_usize..20,
            tidied in 0_usize..300,
        ) {
            let (mut shelf, mut map) = (Shelf::default(), BTreeMap::new());
            let mut main = 1;
            for (gap, subs) in gaps {
                main += 1 + gap * gap * gap;
                for sub in 0..subs {
                    let at = Revision::new(main, sub);
                    shelf.push(at, record(main));
                    map.insert(at, record(main));
                }
            }
            let all: Vec<Revision> = map.keys().copied().collect();
            for index in removed {
                let at = *index.get(&all);
                prop_assert_eq!(shelf.take(at), map.remove(&at));
            }
            for at in all.iter().take(forgotten) {
                prop_assert_eq!(shelf.forget_oldest(), map.remove(at));
            }
            shelf.tidy(tidied);
            for at in &all {
                for sub in [at.sub, at.sub + 1] {
                    let at = Revision::new(at.main, sub);
                    prop_assert_eq!(shelf.get(at), map.get(&at));
                    let expected = map.range(at..).next().map(|(at, _)| *at);
                    prop_assert_eq!(shelf.scan(at, 1).records.first().map(|(at, _)| *at), expected);
                }
            }
            prop_assert_eq!(shelf.scan(Revision::new(0, 0), usize::MAX).records.len(), map.len());
        }
    }
}
