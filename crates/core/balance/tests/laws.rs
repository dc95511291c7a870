//! Random histories of picks, failures, time and changed sets against laws that must hold at every pick.

mod common;

use std::collections::BTreeMap;

use common::{at, endpoint};
use koinon_base::Rng;
use koinon_core_balance::{
    Attempt, AttemptKind, Balancer, Endpoint, EndpointSet, EndpointState, PolicyKind, Standing, Tried,
};
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum Step {
    /// A new request.
    Pick,
    /// An older request connected, could not, or ended; `of` counts the open ones round.
    Connected {
        of: usize,
    },
    Failed {
        of: usize,
        again: bool,
    },
    Ended {
        of: usize,
    },
    Wait {
        ms: u64,
    },
    /// The registry now tells these weights and zones.
    Rebuild {
        endpoints: Vec<(u32, bool)>,
    },
}

fn endpoints() -> impl Strategy<Value = Vec<(u32, bool)>> {
    prop::collection::vec((0_u32..4, any::<bool>()), 0..7)
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => Just(Step::Pick),
        3 => (0..8_usize).prop_map(|of| Step::Connected { of }),
        5 => (0..8_usize, any::<bool>()).prop_map(|(of, again)| Step::Failed { of, again }),
        3 => (0..8_usize).prop_map(|of| Step::Ended { of }),
        2 => (0..400_u64).prop_map(|ms| Step::Wait { ms }),
        1 => endpoints().prop_map(|endpoints| Step::Rebuild { endpoints }),
    ]
}

/// A request in flight, with what it has tried before.
struct Request {
    attempt: Attempt,
    tried: Tried,
}

struct World {
    set: EndpointSet<usize>,
    balancer: Balancer,
    prefer_zone: bool,
    now_ms: u64,
    rng: Rng,
    open: Vec<Request>,
}

impl World {
    fn rebuild(&mut self, told: &[(u32, bool)]) {
        let endpoints = told.iter().enumerate().map(|(number, (weight, local))| {
            let zone = if *local { "here" } else { "there" };
            endpoint(number, *weight, Some(zone))
        });
        self.set = EndpointSet::build(endpoints.collect(), Some("here"), Some(&self.set));
    }

    /// What the laws ask of each endpoint before a pick: its state, and whether it is usable for the request.
    fn usable(&self, tried: &[usize], wanted: impl Fn(&Endpoint<usize>) -> bool) -> Vec<usize> {
        let now = at(self.now_ms);
        let admits = |state: &EndpointState| match state.standing(now) {
            Standing::Serving => true,
            Standing::Skipped { retry_in_ms, .. } => retry_in_ms == 0,
            Standing::Probing { .. } => false,
        };
        let fits = |state: &std::sync::Arc<EndpointState>| {
            let address = std::sync::Arc::as_ptr(state) as usize;
            admits(state) && !tried.contains(&address)
        };
        let all = self.set.iter().filter(|(e, state)| wanted(e) && fits(state));
        all.map(|(endpoint, _)| endpoint.target).collect()
    }

    fn pick(&mut self, tried: Tried, addresses: &[usize]) -> Result<(), TestCaseError> {
        let local = |e: &Endpoint<usize>| e.weight > 0 && e.zone.as_deref() == Some("here");
        let groups = [
            if self.prefer_zone {
                self.usable(addresses, local)
            } else {
                Vec::new()
            },
            self.usable(addresses, |e| e.weight > 0),
            self.usable(addresses, |e| e.weight == 0),
        ];
        let untried =
            |s: &std::sync::Arc<EndpointState>| !addresses.contains(&(std::sync::Arc::as_ptr(s) as usize));
        let any_untried = self.set.iter().any(|(_, state)| untried(state));
        let pick = self
            .balancer
            .pick(&self.set, &tried, at(self.now_ms), &mut self.rng);
        let Some(pick) = pick else {
            prop_assert!(!any_untried, "an untried endpoint was left");
            return Ok(());
        };
        prop_assert!(untried(pick.attempt.state()), "picked what was tried");
        match groups.iter().find(|usable| !usable.is_empty()) {
            Some(usable) => {
                prop_assert!(
                    usable.contains(&pick.endpoint.target),
                    "not of the best usable group"
                );
                prop_assert_ne!(pick.attempt.kind(), AttemptKind::LastResort);
            }
            None => prop_assert_eq!(pick.attempt.kind(), AttemptKind::LastResort),
        }
        let attempt = pick.attempt;
        self.open.push(Request { attempt, tried });
        Ok(())
    }

    fn take(&mut self, step: &Step) -> Result<(), TestCaseError> {
        match step {
            Step::Pick => self.pick(Tried::new(), &[])?,
            Step::Wait { ms } => self.now_ms += ms,
            Step::Rebuild { endpoints } => self.rebuild(endpoints),
            Step::Connected { of } => {
                let count = self.open.len().max(1);
                if let Some(request) = self.open.get_mut(of % count) {
                    request.attempt.connected();
                }
            }
            Step::Ended { of } if !self.open.is_empty() => {
                self.open.swap_remove(of % self.open.len());
            }
            Step::Failed { of, again } if !self.open.is_empty() => {
                let Request { attempt, mut tried } = self.open.swap_remove(of % self.open.len());
                let room = tried.add(&attempt);
                attempt.failed(at(self.now_ms), &mut self.rng);
                if *again && room {
                    let addresses = addresses(&self.set, &tried);
                    self.pick(tried, &addresses)?;
                }
            }
            Step::Ended { .. } | Step::Failed { .. } => {}
        }
        Ok(())
    }

    /// In-flight counts are the open attempts, and no endpoint has two probes.
    fn check_counts(&self) -> Result<(), TestCaseError> {
        let mut open: BTreeMap<usize, u32> = BTreeMap::new();
        for request in &self.open {
            let state = std::sync::Arc::as_ptr(request.attempt.state()) as usize;
            *open.entry(state).or_default() += 1;
        }
        for (endpoint, state) in self.set.iter() {
            let wanted = open
                .get(&(std::sync::Arc::as_ptr(state) as usize))
                .copied()
                .unwrap_or(0);
            prop_assert_eq!(state.in_flight(), wanted, "{}", &endpoint.id);
        }
        Ok(())
    }
}

/// Which of the set's states a request has tried, found out without looking inside `Tried`.
fn addresses(set: &EndpointSet<usize>, tried: &Tried) -> Vec<usize> {
    let all = set.iter().map(|(_, state)| state);
    let hit = all.filter(|state| tried.contains(state));
    hit.map(|state| std::sync::Arc::as_ptr(state) as usize).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Every policy, with and without zone preference: a tried endpoint is never picked again, a usable one of
    /// the best group always is, nothing is refused while something is untried, and counts never drift.
    #[test]
    fn every_pick_keeps_the_laws(
        kind in prop::sample::select(PolicyKind::ALL.to_vec()),
        prefer_zone: bool,
        seed: u64,
        first in endpoints(),
        steps in prop::collection::vec(step(), 1..80),
    ) {
        let mut rng = Rng::from_seed(seed);
        let balancer = Balancer::new(kind, &mut rng).prefer_zone(prefer_zone);
        let set = EndpointSet::default();
        let mut world = World { set, balancer, prefer_zone, now_ms: 0, rng, open: Vec::new() };
        world.rebuild(&first);
        for step in &steps {
            world.take(step)?;
            world.check_counts()?;
        }
        world.open.clear();
        world.check_counts()?;
    }
}
