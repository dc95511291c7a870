//! The choice of an endpoint from beginning to end: a policy, what it may choose from, and what is done when
//! nothing is usable.
//!
//! In this order, each step only if the ones before found nothing usable (unmarked, or due to be probed, and not
//! yet tried by this request):
//!
//! 1. the endpoints of the own zone, if the zone is preferred (Spring's zone preference, which however looks
//!    only whether the zone has endpoints; here a zone whose endpoints refuse is left too);
//! 2. all endpoints that have a weight;
//! 3. the drained ones (weight 0). They are the reserve rather than forbidden: a request that can be answered is,
//!    and an operator who wants none answered takes the endpoint out by its status. (HAProxy drains on 0 as well;
//!    Spring takes a weight below 1 for 1.)
//! 4. those marked as failed and not due, least recently failed first, those with a weight before drained ones.
//!    Answering 503 instead would be quicker, but a mark is only a memory of a refusal: when every endpoint is
//!    marked, the likelier fault is a restart of all or a hiccup of our own network, and it is over before the
//!    waits are. It costs one refused connection, and the retry budget bounds the repeats. Each try counts as
//!    touching the endpoint, so that all of them are asked in turn.
//!
//! Nothing is found only if the request has tried every endpoint, or there is none.

use koinon_base::{Now, Rng};

use crate::attempt::Attempt;
use crate::backoff::Backoff;
use crate::candidates::Candidates;
use crate::endpoint::Endpoint;
use crate::policy::{Policy, PolicyKind};
use crate::set::{EndpointSet, Group};
use crate::tried::Tried;

/// How an upstream is balanced; one per upstream and node, shared by all workers.
#[derive(Debug)]
pub struct Balancer {
    policy: Box<dyn Policy>,
    prefer_zone: bool,
    backoff: Backoff,
}

/// An endpoint to send to.
#[derive(Debug)]
pub struct Pick<'s, T> {
    /// Which.
    pub endpoint: &'s Endpoint<T>,
    /// The request's place there; keep it until the response has been passed on.
    pub attempt: Attempt,
}

impl Balancer {
    /// Choices that another worker may spoil by claiming the same probe, before the next group is looked at.
    const CLAIMS_MAX: usize = 4;

    /// Balances by a policy of this kind, without zone preference, with the default backoff.
    #[must_use]
    pub fn new(kind: PolicyKind, rng: &mut Rng) -> Self {
        Self::with_policy(kind.policy(rng))
    }

    /// Balances by a policy of one's own.
    #[must_use]
    pub fn with_policy(policy: Box<dyn Policy>) -> Self {
        Self {
            policy,
            prefer_zone: false,
            backoff: Backoff::default(),
        }
    }

    /// Whether endpoints of the own zone (the one the set was built for) come first.
    #[must_use]
    pub fn prefer_zone(mut self, yes: bool) -> Self {
        self.prefer_zone = yes;
        self
    }

    /// How long endpoints that failed are left alone.
    #[must_use]
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// Picks the endpoint for a request that has tried `tried` so far; `None` when nothing is left to try.
    pub fn pick<'s, T>(
        &self,
        set: &'s EndpointSet<T>,
        tried: &Tried,
        now: Now,
        rng: &mut Rng,
    ) -> Option<Pick<'s, T>> {
        let usable = set
            .groups(self.prefer_zone)
            .find_map(|group| self.pick_usable(set, group, tried, now, rng));
        if usable.is_some() {
            return usable;
        }
        set.groups(false)
            .find_map(|group| self.pick_last_resort(set, group, tried, now, rng))
    }

    fn pick_usable<'s, T>(
        &self,
        set: &'s EndpointSet<T>,
        group: &Group,
        tried: &Tried,
        now: Now,
        rng: &mut Rng,
    ) -> Option<Pick<'s, T>> {
        let candidates = Candidates::new(set.slots(group), group, tried, now);
        for _ in 0..Self::CLAIMS_MAX {
            let at = self.policy.choose(&candidates, rng)?;
            // A policy of somebody else's may answer anything.
            let state = candidates.state(at).filter(|state| !tried.contains(state))?;
            if let Some(attempt) = Attempt::admit(state, now, self.backoff) {
                let endpoint = set.endpoint(group, at);
                return Some(Pick { endpoint, attempt });
            }
        }
        None
    }

    fn pick_last_resort<'s, T>(
        &self,
        set: &'s EndpointSet<T>,
        group: &Group,
        tried: &Tried,
        now: Now,
        rng: &mut Rng,
    ) -> Option<Pick<'s, T>> {
        let candidates = Candidates::new(set.slots(group), group, tried, now);
        let at = candidates.least_recently_failed(rng)?;
        let state = candidates.state(at)?;
        // It may have become usable since the policy looked.
        let attempt = Attempt::admit(state, now, self.backoff)
            .unwrap_or_else(|| Attempt::last_resort(state, now, self.backoff));
        let endpoint = set.endpoint(group, at);
        Some(Pick { endpoint, attempt })
    }
}
