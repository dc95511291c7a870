//! Going through the index in order: looking, counting, forgetting. Each in bounded pieces; in between, keys may come and go.

use super::{Index, Spot};
use crate::history::History;
use crate::request::Keys;
use crate::revision::Revision;

/// Where a walk that was interrupted goes on.
pub(crate) type Place = Box<[u8]>;

impl Index {
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
        let mut left = max.max(1);
        let mut from = Some(self.start(first, place));
        while let Some((spot, nth)) = from {
            let until = self.until(spot, end);
            for entry in self.leaf(spot).entries().get(nth..until).unwrap_or_default() {
                visit(&entry.key, &entry.history);
                left -= 1;
                if left == 0 {
                    return Some(entry.key.clone());
                }
            }
            from = self.after(spot, end).map(|spot| (spot, 0));
        }
        None
    }

    /// How many keys of a range exist now, after `place` if given. It looks at keys only where the range begins and ends.
    pub(crate) fn count(&self, keys: &Keys, place: Option<&[u8]>) -> usize {
        let Some((first, end)) = bounds(keys) else {
            return 0;
        };
        let mut count = 0;
        let mut from = Some(self.start(first, place));
        while let Some((spot, nth)) = from {
            let leaf = self.leaf(spot);
            let until = self.until(spot, end);
            count += if nth == 0 && until == leaf.entries().len() {
                leaf.present
            } else {
                let part = leaf.entries().get(nth..until).unwrap_or_default();
                part.iter()
                    .filter(|entry| entry.history.present().is_some())
                    .count()
            };
            from = self.after(spot, end).map(|spot| (spot, 0));
            while let Some((spot, _)) = from
                && spot.leaf == 0
                && self.holds_branch(spot.branch, end)
            {
                count += self.branches[spot.branch].present;
                let last = self.branches[spot.branch].leaves.len() - 1;
                from = self.after(Spot { leaf: last, ..spot }, end).map(|spot| (spot, 0));
            }
        }
        count
    }

    /// Forgets what nobody can read from main revision `floor` on, leaf by leaf from `place` on, until `max` keys were looked
    /// at. Answers where to go on, or `None` when all keys are through.
    pub(crate) fn compact(
        &mut self,
        place: Option<&[u8]>,
        max: usize,
        floor: i64,
        removed: &mut Vec<Revision>,
    ) -> Option<Place> {
        let mut spot = self.spot(place.unwrap_or_default());
        let mut left = max;
        loop {
            let leaf = &mut self.branches[spot.branch].leaves[spot.leaf];
            left = left.saturating_sub(leaf.entries().len().max(1));
            leaf.compact(floor, removed);
            spot = self.settle(spot);
            spot = self.next(spot)?;
            if left == 0 {
                return Some(self.branches[spot.branch].fences.low(spot.leaf).into());
            }
        }
    }

    /// Joins a leaf, and a branch that begins with it, to what is before it, if there is room. Answers where the leaf's keys
    /// are then.
    fn settle(&mut self, mut spot: Spot) -> Spot {
        if spot.leaf == 0
            && let Some(previous) = spot.branch.checked_sub(1)
            && self.branches[previous].has_room_for(&self.branches[spot.branch])
        {
            let joined = self.branches.remove(spot.branch);
            self.fences.remove(spot.branch);
            spot = Spot {
                branch: previous,
                leaf: self.branches[previous].leaves.len(),
            };
            self.branches[previous].append(joined);
            self.refresh_branch(previous);
        }
        if self.branches[spot.branch].join_to_previous(spot.leaf) {
            spot.leaf -= 1;
            self.refresh(spot);
        }
        spot
    }

    /// The first place to look at.
    fn start(&self, first: &[u8], place: Option<&[u8]>) -> (Spot, usize) {
        let key = place.unwrap_or(first);
        let spot = self.spot(key);
        let nth = match self.leaf(spot).find(key) {
            Ok(nth) => nth + usize::from(place.is_some()),
            Err(nth) => nth,
        };
        (spot, nth)
    }

    /// How many of a leaf's keys are before `end`.
    fn until(&self, spot: Spot, end: Option<&[u8]>) -> usize {
        let leaf = self.leaf(spot);
        match end {
            Some(end) if self.end(spot).is_none_or(|fence| end < fence) => match leaf.find(end) {
                Ok(nth) | Err(nth) => nth,
            },
            Some(_) | None => leaf.entries().len(),
        }
    }

    /// The next leaf, unless the range ends before it.
    fn after(&self, spot: Spot, end: Option<&[u8]>) -> Option<Spot> {
        let next = self.next(spot)?;
        let low = self.branches[next.branch].fences.low(next.leaf);
        end.is_none_or(|end| low < end).then_some(next)
    }

    fn next(&self, spot: Spot) -> Option<Spot> {
        if spot.leaf + 1 < self.branches[spot.branch].leaves.len() {
            return Some(Spot {
                leaf: spot.leaf + 1,
                ..spot
            });
        }
        let branch = spot.branch + 1;
        (branch < self.branches.len()).then_some(Spot { branch, leaf: 0 })
    }

    /// Whether all keys of a branch are before `end`.
    fn holds_branch(&self, branch: usize, end: Option<&[u8]>) -> bool {
        let Some(end) = end else { return true };
        branch + 1 < self.branches.len() && self.fences.low(branch + 1) <= end
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
