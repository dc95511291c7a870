//! What a policy sees: a group of endpoints as places `0..len`, each usable or not at this moment.

use std::sync::Arc;

use koinon_base::{Now, Rng};

use crate::set::{Group, Slot};
use crate::state::EndpointState;
use crate::tried::Tried;

/// Which endpoints a policy is asked to choose from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CandidateGroup {
    /// Those with a weight in the node's own zone.
    OwnZone,
    /// All with a weight.
    Serving,
    /// Those with weight 0.
    Drained,
}

/// The endpoints a policy may choose from. A place out of range is not usable and has neither load nor weight.
#[derive(Debug, Clone, Copy)]
pub struct Candidates<'a> {
    slots: &'a [Slot],
    group: &'a Group,
    tried: &'a Tried,
    now: Now,
}

impl<'a> Candidates<'a> {
    /// Random draws before all places are looked at. With half of the endpoints usable, one choice in 256 has to.
    const DRAWS_MAX: usize = 8;

    pub(crate) fn new(slots: &'a [Slot], group: &'a Group, tried: &'a Tried, now: Now) -> Self {
        Self {
            slots,
            group,
            tried,
            now,
        }
    }

    /// Which endpoints these are. A policy that counts on from choice to choice counts each group by itself.
    #[must_use]
    pub fn group(&self) -> CandidateGroup {
        self.group.kind
    }

    /// How many places there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Whether the request may go there: it has not tried it, and it is not marked, or due to be probed.
    #[must_use]
    pub fn is_usable(&self, at: usize) -> bool {
        self.state(at)
            .is_some_and(|state| state.is_usable(self.now) && !self.tried.contains(state))
    }

    /// Requests in flight there.
    #[must_use]
    pub fn in_flight(&self, at: usize) -> u32 {
        self.state(at).map_or(0, |state| state.in_flight())
    }

    /// Its weight; drained endpoints, when they are all that is left, weigh 1 each.
    #[must_use]
    pub fn weight(&self, at: usize) -> u64 {
        let end = |at: usize| self.slots.get(at).map_or(0, |slot| slot.weight_end);
        let start = at.checked_sub(1).map_or(0, end);
        end(at).saturating_sub(start)
    }

    /// A usable place other than `but`, each as likely as every other.
    #[must_use]
    pub fn any_usable(&self, but: Option<usize>, rng: &mut Rng) -> Option<usize> {
        let fits = |at: &usize| Some(*at) != but && self.is_usable(*at);
        for _ in 0..Self::DRAWS_MAX {
            let drawn = rng.below(self.len());
            if fits(&drawn) {
                return Some(drawn);
            }
        }
        one_of((0..self.len()).filter(fits), rng)
    }

    /// A usable place, each as likely as its weight says.
    #[must_use]
    pub fn any_usable_by_weight(&self, rng: &mut Rng) -> Option<usize> {
        let usable = || (0..self.len()).filter(|at| self.is_usable(*at));
        let sum: u64 = usable().map(|at| self.weight(at)).sum();
        // Multiply-shift, as in `Rng::below`, but of 64 bits on every machine.
        let mut left = ((u128::from(rng.next_u64()) * u128::from(sum)) >> 64) as u64;
        let mut chosen = None;
        for at in usable() {
            chosen = Some(at);
            match left.checked_sub(self.weight(at)) {
                Some(rest) => left = rest,
                None => break,
            }
        }
        // Past the end only if a mark changed between the two looks: the last one seen will do.
        chosen
    }

    /// The place that draw number `draw` of the weighted cycle falls on, usable or not.
    #[must_use]
    pub fn at_draw(&self, draw: u64) -> usize {
        let point = self.group.shares.point(draw);
        self.slots.partition_point(|slot| slot.weight_end <= point)
    }

    /// The place to try when none is usable: the one that failed or was tried least recently, unmarked ones
    /// first, and of several a random one.
    pub(crate) fn least_recently_failed(&self, rng: &mut Rng) -> Option<usize> {
        let untried =
            (0..self.len()).filter(|at| self.state(*at).is_some_and(|state| !self.tried.contains(state)));
        least_of(untried, rng, |at| {
            let state = self.state(at);
            state.map(|state| (!state.mark().is_clear(), state.touched_ms()))
        })
    }

    pub(crate) fn state(&self, at: usize) -> Option<&'a Arc<EndpointState>> {
        self.slots.get(at).map(|slot| &slot.state)
    }
}

/// One of the items, each as likely as every other, in one pass over any number of them.
fn one_of(items: impl Iterator<Item = usize>, rng: &mut Rng) -> Option<usize> {
    least_of(items, rng, |_| ())
}

/// The item with the smallest key; of several such, each as likely as every other.
pub(crate) fn least_of<K: Ord>(
    items: impl Iterator<Item = usize>,
    rng: &mut Rng,
    key: impl Fn(usize) -> K,
) -> Option<usize> {
    let mut least: Option<(K, usize)> = None;
    let mut equals = 0;
    for item in items {
        let key = key(item);
        let replaces = match least.as_ref().map(|(least, _)| key.cmp(least)) {
            None | Some(std::cmp::Ordering::Less) => {
                equals = 1;
                true
            }
            Some(std::cmp::Ordering::Equal) => {
                equals += 1;
                rng.below(equals) == 0
            }
            Some(std::cmp::Ordering::Greater) => false,
        };
        if replaces {
            least = Some((key, item));
        }
    }
    least.map(|(_, item)| item)
}
