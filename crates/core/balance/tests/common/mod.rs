//! Small words for building sets and moments.

#![allow(dead_code, reason = "each test binary uses its own part")]
#![allow(clippy::unwrap_used, reason = "helpers of tests, outside test functions")]

use std::sync::Arc;

use koinon_base::{Now, Rng};
use koinon_core_balance::{Balancer, Endpoint, EndpointId, EndpointSet, EndpointState, Tried};

/// An endpoint that knows its number.
pub(crate) fn endpoint(number: usize, weight: u32, zone: Option<&str>) -> Endpoint<usize> {
    Endpoint {
        weight,
        zone: zone.map(Arc::from),
        ..Endpoint::new(EndpointId::of_address(&format!("h{number:03}"), 80), number)
    }
}

/// A set of endpoints of these weights, without zones.
pub(crate) fn weighted(weights: &[u32]) -> EndpointSet<usize> {
    let endpoints = weights.iter().enumerate();
    let endpoints = endpoints.map(|(number, weight)| endpoint(number, *weight, None));
    EndpointSet::build(endpoints.collect(), None, None)
}

pub(crate) fn at(mono_ms: u64) -> Now {
    Now { mono_ms, unix_ms: 0 }
}

pub(crate) fn state(set: &EndpointSet<usize>, number: usize) -> &Arc<EndpointState> {
    let found = set.iter().find(|(endpoint, _)| endpoint.target == number);
    found.unwrap().1
}

/// Makes an endpoint fail once at `now`, by the way a request would.
pub(crate) fn refuse(set: &EndpointSet<usize>, number: usize, now: Now, rng: &mut Rng) {
    let others: Vec<usize> = set
        .iter()
        .map(|(e, _)| e.target)
        .filter(|n| *n != number)
        .collect();
    let only = Balancer::with_policy(Box::new(Only(number, others.len() + 1)));
    let pick = only.pick(set, &Tried::new(), now, rng).unwrap();
    assert_eq!(pick.endpoint.target, number);
    pick.attempt.failed(now, rng);
}

/// A policy of somebody else's: one place, always. Its sets have no zones and no drained endpoints.
#[derive(Debug)]
struct Only(usize, usize);

impl koinon_core_balance::Policy for Only {
    fn choose(&self, candidates: &koinon_core_balance::Candidates<'_>, _: &mut Rng) -> Option<usize> {
        assert_eq!(candidates.len(), self.1);
        candidates.is_usable(self.0).then_some(self.0)
    }
}
