//! One request's use of an endpoint: counted from the pick until it is dropped, and the messenger of what was
//! learnt about the endpoint on the way.
//!
//! Being a guard, it cannot leak: a request that is cancelled, times out or panics gives back its place in the
//! in-flight count and, if it was the probe, the right to probe.
//!
//! Only the probe moves the backoff. A burst of requests that fail together leaves one mark with the first
//! wait; without this rule, a hundred connections refused in the same millisecond would count as a hundred
//! failures in a row and keep the endpoint out for the longest wait.

use std::sync::Arc;

use koinon_base::{Now, Rng};

use crate::backoff::Backoff;
use crate::mark::Mark;
use crate::state::{Admission, EndpointState};

/// Why an endpoint was picked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AttemptKind {
    /// The policy chose it.
    Normal,
    /// The policy chose it although it is marked: this is the one request that finds out whether it is back.
    ///
    /// Whoever connects may use a short timeout, and need not charge the retry budget when it fails: there is
    /// one such request per endpoint and wait.
    Probe,
    /// It is marked and not due, but nothing else is left.
    LastResort,
}

/// A request in flight to an endpoint.
#[derive(Debug)]
#[must_use = "dropping it ends the request's place in the in-flight count"]
pub struct Attempt {
    state: Arc<EndpointState>,
    kind: AttemptKind,
    /// The mark as we claimed it, while we are the probe and have learnt nothing yet.
    claim: Option<Mark>,
    backoff: Backoff,
}

impl Attempt {
    /// Begins one if the endpoint admits it.
    pub(crate) fn admit(state: &Arc<EndpointState>, now: Now, backoff: Backoff) -> Option<Self> {
        match state.admit(now) {
            Admission::Free => Some(Self::begin(state, AttemptKind::Normal, None, backoff)),
            Admission::Probe(claim) => Some(Self::begin(state, AttemptKind::Probe, Some(claim), backoff)),
            Admission::Refused => None,
        }
    }

    /// Begins one whatever the mark says.
    pub(crate) fn last_resort(state: &Arc<EndpointState>, now: Now, backoff: Backoff) -> Self {
        state.touch(now);
        Self::begin(state, AttemptKind::LastResort, None, backoff)
    }

    fn begin(state: &Arc<EndpointState>, kind: AttemptKind, claim: Option<Mark>, backoff: Backoff) -> Self {
        state.begin();
        Self {
            state: Arc::clone(state),
            kind,
            claim,
            backoff,
        }
    }

    /// Why this endpoint.
    #[must_use]
    pub fn kind(&self) -> AttemptKind {
        self.kind
    }

    /// The endpoint's state.
    #[must_use]
    pub fn state(&self) -> &Arc<EndpointState> {
        &self.state
    }

    /// The endpoint accepted a connection or answered on an old one: clears its mark, so that everybody uses it
    /// again. Cheap when there is no mark; the attempt stays in flight.
    pub fn connected(&mut self) {
        self.claim = None;
        self.state.forgive();
    }

    /// The endpoint could not be connected to: marks it, so that nobody uses it for a while.
    pub fn failed(mut self, now: Now, rng: &mut Rng) {
        let (from, failures) = match self.claim.take() {
            Some(claim) => (claim, claim.failures().saturating_add(1)),
            None => (Mark::CLEAR, 1),
        };
        // At least 1 ms ahead: see the invariant of `Mark`.
        let due_ms = now.mono_ms.saturating_add(self.backoff.delay_ms(failures, rng));
        // If the mark is another by now, somebody has newer news of this endpoint, or the same: let it stand.
        self.state.replace(from, Mark::new(failures, due_ms));
        self.state.touch(now);
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if let Some(claim) = self.claim.take() {
            self.state.replace(claim, claim.released());
        }
        self.state.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::Standing;

    const BACKOFF: Backoff = Backoff {
        first_ms: 50,
        max_ms: 10_000,
    };

    fn at(mono_ms: u64) -> Now {
        Now { mono_ms, unix_ms: 0 }
    }

    fn admit(state: &Arc<EndpointState>, now_ms: u64) -> Option<Attempt> {
        Attempt::admit(state, at(now_ms), BACKOFF)
    }

    fn skipped(state: &EndpointState, now_ms: u64) -> (u32, u64) {
        match state.standing(at(now_ms)) {
            Standing::Skipped {
                failures,
                retry_in_ms,
            } => (failures, retry_in_ms),
            other @ (Standing::Serving | Standing::Probing { .. }) => panic!("{other:?}"),
        }
    }

    /// The life of a mark: set by the first refusal, one probe when due, longer after each failed probe, gone
    /// with the first success.
    #[test]
    fn a_refusal_marks_until_a_probe_succeeds() {
        let (state, mut rng) = (Arc::new(EndpointState::default()), Rng::from_seed(1));
        admit(&state, 0).unwrap().failed(at(0), &mut rng);
        let (failures, wait_ms) = skipped(&state, 0);
        assert!(
            failures == 1 && (50..=100).contains(&wait_ms),
            "{failures} {wait_ms}"
        );
        assert!(admit(&state, wait_ms - 1).is_none(), "not due yet");

        let probe = admit(&state, wait_ms).unwrap();
        assert_eq!(probe.kind(), AttemptKind::Probe);
        assert!(admit(&state, wait_ms).is_none(), "one probe at a time");
        assert_eq!(state.standing(at(wait_ms)), Standing::Probing { failures: 1 });
        probe.failed(at(wait_ms), &mut rng);
        let (failures, next_ms) = skipped(&state, wait_ms);
        assert!(
            failures == 2 && (100..=200).contains(&next_ms),
            "{failures} {next_ms}"
        );

        let mut probe = admit(&state, wait_ms + next_ms).unwrap();
        probe.connected();
        assert_eq!(state.standing(at(0)), Standing::Serving);
        assert_eq!(admit(&state, 0).unwrap().kind(), AttemptKind::Normal);
        drop(probe);
        assert_eq!(
            state.standing(at(0)),
            Standing::Serving,
            "the late drop gives nothing back"
        );
        assert_eq!(state.in_flight(), 0);
    }

    /// Many connections refused at once are one failure, not many in a row.
    #[test]
    fn a_burst_of_refusals_counts_once() {
        let (state, mut rng) = (Arc::new(EndpointState::default()), Rng::from_seed(1));
        let burst: Vec<Attempt> = (0..100).filter_map(|_| admit(&state, 0)).collect();
        assert_eq!(state.in_flight(), 100);
        for attempt in burst {
            attempt.failed(at(3), &mut rng);
        }
        let (failures, wait_ms) = skipped(&state, 3);
        assert!(failures == 1 && wait_ms <= 100);
        assert_eq!(state.in_flight(), 0);
    }

    /// A probe that is cancelled learnt nothing: the next request probes at once, and the wait has not grown.
    #[test]
    fn a_cancelled_probe_is_given_back() {
        let (state, mut rng) = (Arc::new(EndpointState::default()), Rng::from_seed(1));
        admit(&state, 0).unwrap().failed(at(0), &mut rng);
        drop(admit(&state, 200).unwrap());
        assert_eq!(skipped(&state, 200), (1, 0));
        assert_eq!(admit(&state, 200).unwrap().kind(), AttemptKind::Probe);
    }

    /// A probe that outlives its mark must not touch the claim of a later one.
    #[test]
    fn a_stale_probe_leaves_a_later_mark_alone() {
        let (state, mut rng) = (Arc::new(EndpointState::default()), Rng::from_seed(1));
        admit(&state, 0).unwrap().failed(at(0), &mut rng);
        let stale = admit(&state, 100).unwrap();
        state.forgive();
        admit(&state, 100).unwrap().failed(at(100), &mut rng);
        let current = admit(&state, 300).unwrap();
        drop(stale);
        assert_eq!(state.standing(at(300)), Standing::Probing { failures: 1 });
        drop(current);
        assert_eq!(skipped(&state, 300), (1, 0));
    }

    /// A last resort is no probe: its failure does not lengthen the wait, its success ends it.
    #[test]
    fn a_last_resort_clears_but_does_not_lengthen() {
        let (state, mut rng) = (Arc::new(EndpointState::default()), Rng::from_seed(1));
        admit(&state, 0).unwrap().failed(at(0), &mut rng);
        let before = skipped(&state, 10);
        Attempt::last_resort(&state, at(10), BACKOFF).failed(at(10), &mut rng);
        assert_eq!(skipped(&state, 10), before);
        let mut lucky = Attempt::last_resort(&state, at(11), BACKOFF);
        lucky.connected();
        assert_eq!(state.standing(at(11)), Standing::Serving);
    }
}
