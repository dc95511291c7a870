//! The endpoints of one upstream at one moment, in the order in which they are used.
//!
//! The order makes every narrowing a range: first the endpoints of the node's own zone, then the others that
//! serve, last the drained ones. So the zone preference and the reserve cost a policy nothing: it is given a
//! range and never filters. Within a group the order is that of the ids, so that it does not change when the
//! registry tells the same endpoints in another order.
//!
//! Invariant: ids are unique; a set never changes once it is built.
//! Invariant: an endpoint that was in the set before keeps its [`EndpointState`].

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use crate::candidates::CandidateGroup;
use crate::endpoint::{Endpoint, EndpointId};
use crate::shares::Shares;
use crate::state::EndpointState;

/// An immutable set of endpoints. Share it in an `Arc`, replace it as a whole.
#[derive(Debug)]
pub struct EndpointSet<T> {
    endpoints: Box<[Endpoint<T>]>,
    slots: Box<[Slot]>,
    local: Group,
    serving: Group,
    drained: Group,
}

/// What policies need of an endpoint, close together in memory.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) state: Arc<EndpointState>,
    /// The sum of the weights up to and with this one, from the start of its group. A drained endpoint counts 1.
    pub(crate) weight_end: u64,
}

/// A range of the set that a policy may choose from.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    pub(crate) kind: CandidateGroup,
    pub(crate) range: Range<usize>,
    pub(crate) shares: Shares,
}

impl<T> EndpointSet<T> {
    /// Builds the set of `endpoints` as seen from `own_zone`, taking over what is known of those in `previous`.
    ///
    /// Of endpoints with the same id the last one counts. Allocates; this runs when the registry changes.
    #[must_use]
    pub fn build(endpoints: Vec<Endpoint<T>>, own_zone: Option<&str>, previous: Option<&Self>) -> Self {
        let endpoints = in_order(endpoints, own_zone);
        let local_len = endpoints.iter().filter(|e| rank(e, own_zone) == LOCAL).count();
        let serving_len = endpoints.iter().filter(|e| !e.is_drained()).count();
        let slots = slots(&endpoints, previous);
        let group = |kind, range: Range<usize>| Group {
            kind,
            shares: Shares::new(endpoints[range.clone()].iter().map(share)),
            range,
        };
        Self {
            local: group(CandidateGroup::OwnZone, 0..local_len),
            serving: group(CandidateGroup::Serving, 0..serving_len),
            drained: group(CandidateGroup::Drained, serving_len..endpoints.len()),
            endpoints: endpoints.into_boxed_slice(),
            slots,
        }
    }

    /// How many endpoints there are, the drained ones included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.endpoints.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.endpoints.is_empty()
    }

    /// Every endpoint with what the node knows of it.
    pub fn iter(&self) -> impl Iterator<Item = (&Endpoint<T>, &Arc<EndpointState>)> {
        let states = self.slots.iter().map(|slot| &slot.state);
        self.endpoints.iter().zip(states)
    }

    /// The groups to choose from, in order of preference.
    pub(crate) fn groups(&self, prefer_zone: bool) -> impl Iterator<Item = &Group> {
        let local = (prefer_zone && self.local.range.len() < self.serving.range.len()).then_some(&self.local);
        let groups = local.into_iter().chain([&self.serving, &self.drained]);
        groups.filter(|group| !group.range.is_empty())
    }

    pub(crate) fn slots(&self, group: &Group) -> &[Slot] {
        &self.slots[group.range.clone()]
    }

    pub(crate) fn endpoint(&self, group: &Group, at: usize) -> &Endpoint<T> {
        &self.endpoints[group.range.start + at]
    }

    fn known(&self) -> HashMap<&EndpointId, (u64, &Arc<EndpointState>)> {
        self.iter()
            .map(|(endpoint, state)| (&endpoint.id, (endpoint.incarnation, state)))
            .collect()
    }
}

impl<T> Default for EndpointSet<T> {
    /// No endpoints.
    fn default() -> Self {
        Self::build(Vec::new(), None, None)
    }
}

const LOCAL: u8 = 0;
const REMOTE: u8 = 1;
const DRAINED: u8 = 2;

fn rank<T>(endpoint: &Endpoint<T>, own_zone: Option<&str>) -> u8 {
    if endpoint.is_drained() {
        DRAINED
    } else if endpoint.is_in(own_zone) {
        LOCAL
    } else {
        REMOTE
    }
}

fn in_order<T>(mut endpoints: Vec<Endpoint<T>>, own_zone: Option<&str>) -> Vec<Endpoint<T>> {
    endpoints.reverse();
    endpoints.sort_by(|a, b| a.id.cmp(&b.id)); // stable: of the same id, the last given comes first …
    endpoints.dedup_by(|later, first| later.id == first.id); // … and stays
    endpoints.sort_by_key(|endpoint| rank(endpoint, own_zone));
    endpoints
}

/// A drained group is used when all else fails, and then alike.
fn share<T>(endpoint: &Endpoint<T>) -> u64 {
    u64::from(endpoint.weight.max(1))
}

fn slots<T>(endpoints: &[Endpoint<T>], previous: Option<&EndpointSet<T>>) -> Box<[Slot]> {
    let known = previous.map(EndpointSet::known).unwrap_or_default();
    let (mut weight_end, mut in_reserve) = (0_u64, false);
    endpoints
        .iter()
        .map(|endpoint| {
            if endpoint.is_drained() && !in_reserve {
                (weight_end, in_reserve) = (0, true);
            }
            weight_end = weight_end.saturating_add(share(endpoint));
            let state = match known.get(&endpoint.id) {
                Some((incarnation, state)) => {
                    if *incarnation != endpoint.incarnation {
                        state.forgive();
                    }
                    Arc::clone(state)
                }
                None => Arc::default(),
            };
            Slot { state, weight_end }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use koinon_base::{Now, Rng};

    use super::*;
    use crate::attempt::Attempt;
    use crate::backoff::Backoff;
    use crate::state::Standing;

    const START: Now = Now {
        mono_ms: 0,
        unix_ms: 0,
    };

    fn endpoint(host: &str, weight: u32, zone: Option<&str>, incarnation: u64) -> Endpoint<u8> {
        Endpoint {
            weight,
            zone: zone.map(Arc::from),
            incarnation,
            ..Endpoint::new(EndpointId::of_address(host, 80), 0)
        }
    }

    fn hosts(set: &EndpointSet<u8>, group: &Group) -> Vec<String> {
        let endpoints = &set.endpoints[group.range.clone()];
        endpoints
            .iter()
            .map(|e| e.id.to_string().replace(":80", ""))
            .collect()
    }

    fn state<'a>(set: &'a EndpointSet<u8>, host: &str) -> &'a Arc<EndpointState> {
        let id = EndpointId::of_address(host, 80);
        set.iter().find(|(endpoint, _)| endpoint.id == id).unwrap().1
    }

    /// Own zone in any case, then the others, the drained ones apart: the ranges are what policies rely on.
    #[test]
    fn endpoints_are_grouped() {
        let given = vec![
            endpoint("d", 0, Some("eu"), 0),
            endpoint("c", 1, Some("us"), 0),
            endpoint("b", 1, Some("EU"), 0),
            endpoint("a", 1, None, 0),
            endpoint("e", 3, Some("eu"), 0),
        ];
        let set = EndpointSet::build(given, Some("eu"), None);
        assert_eq!(hosts(&set, &set.local), ["b", "e"]);
        assert_eq!(hosts(&set, &set.serving), ["b", "e", "a", "c"]);
        assert_eq!(hosts(&set, &set.drained), ["d"]);
        let ends: Vec<u64> = set.slots.iter().map(|slot| slot.weight_end).collect();
        assert_eq!(ends, [1, 4, 5, 6, 1]);
        assert_eq!(set.groups(true).count(), 3);
        assert_eq!(set.groups(false).count(), 2);
        assert_eq!(EndpointSet::<u8>::default().groups(true).count(), 0);
    }

    /// Two endpoints with one id would share a state and be counted twice.
    #[test]
    fn the_last_of_the_same_id_counts() {
        let given = vec![endpoint("a", 1, None, 0), endpoint("a", 7, None, 0)];
        let set = EndpointSet::build(given, None, None);
        assert_eq!(set.iter().map(|(e, _)| e.weight).collect::<Vec<_>>(), [7]);
    }

    /// What is known of an endpoint survives every change of the set but its own going.
    #[test]
    fn the_state_survives_a_rebuild() {
        let first = EndpointSet::build(
            vec![endpoint("a", 1, None, 0), endpoint("b", 1, None, 0)],
            None,
            None,
        );
        let attempt = Attempt::admit(state(&first, "a"), START, Backoff::default()).unwrap();
        let changed = vec![endpoint("c", 1, None, 0), endpoint("a", 9, Some("eu"), 0)];
        let second = EndpointSet::build(changed, Some("eu"), Some(&first));
        assert!(Arc::ptr_eq(state(&first, "a"), state(&second, "a")));
        assert_eq!(state(&second, "a").in_flight(), 1);
        assert_eq!(state(&second, "c").in_flight(), 0);
        drop((first, second));
        attempt.failed(START, &mut Rng::from_seed(1)); // outlives both sets
    }

    /// An instance that restarts and registers again must be routable at once, not after its next probe.
    #[test]
    fn a_new_incarnation_clears_the_mark_and_keeps_the_count() {
        let first = EndpointSet::build(vec![endpoint("a", 1, None, 1)], None, None);
        let begin = || Attempt::admit(state(&first, "a"), START, Backoff::default()).unwrap();
        let _in_flight = begin();
        begin().failed(START, &mut Rng::from_seed(1));
        let same = EndpointSet::build(vec![endpoint("a", 1, None, 1)], None, Some(&first));
        assert_ne!(state(&same, "a").standing(START), Standing::Serving);
        let reborn = EndpointSet::build(vec![endpoint("a", 1, None, 2)], None, Some(&same));
        assert_eq!(state(&reborn, "a").standing(START), Standing::Serving);
        assert_eq!(state(&reborn, "a").in_flight(), 1);
    }
}
