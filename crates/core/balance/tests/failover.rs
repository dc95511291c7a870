//! Stories of endpoints that die and come back, told from the side of the requests.

#![allow(clippy::unwrap_used, reason = "helpers of tests, outside test functions")]

mod common;

use common::{at, endpoint, refuse, state, weighted};
use koinon_base::Rng;
use koinon_core_balance::{AttemptKind, Balancer, EndpointSet, PolicyKind, Standing, Tried};

fn balancer(kind: PolicyKind) -> (Balancer, Rng) {
    let mut rng = Rng::from_seed(21);
    (Balancer::new(kind, &mut rng), rng)
}

/// Where a request goes that has tried nothing.
fn target(balancer: &Balancer, set: &EndpointSet<usize>, now_ms: u64, rng: &mut Rng) -> usize {
    let pick = balancer.pick(set, &Tried::new(), at(now_ms), rng).unwrap();
    pick.endpoint.target
}

/// One of two dies under 1,000 requests a second and comes back: at most one request per wait is spent on it,
/// each of them finds the other at its second try, and after its return both serve.
#[test]
fn a_dead_endpoint_costs_a_probe_per_wait() {
    for kind in PolicyKind::ALL {
        let (balancer, mut rng) = balancer(kind);
        let set = weighted(&[1, 1]);
        let back_ms = 30_000;
        let (mut refused, mut after) = (0, 0);
        for now_ms in 0..60_000 {
            let mut tried = Tried::new();
            let mut pick = balancer.pick(&set, &tried, at(now_ms), &mut rng).unwrap();
            if pick.endpoint.target == 1 && now_ms < back_ms {
                refused += 1;
                assert!(tried.add(&pick.attempt));
                pick.attempt.failed(at(now_ms), &mut rng);
                pick = balancer.pick(&set, &tried, at(now_ms), &mut rng).unwrap();
                assert_eq!(pick.endpoint.target, 0);
            }
            pick.attempt.connected();
            after += u32::from(pick.endpoint.target == 1 && now_ms >= 40_000);
        }
        // 50+100+…+3200 ms are seven waits of at least 6.35 s together, then at most five of 5 s until 30 s.
        assert!((8..=13).contains(&refused), "{kind}: {refused} refusals");
        assert!(
            (9_500..=10_500).contains(&after),
            "{kind}: {after} of 20,000 after its return"
        );
    }
}

/// Everything is marked: requests are still tried, on all endpoints in turn, and the first success brings its
/// endpoint back for everybody.
#[test]
fn when_all_are_marked_the_least_recently_failed_is_tried() {
    let (balancer, mut rng) = balancer(PolicyKind::RoundRobin);
    let set = weighted(&[1, 1, 1]);
    (0..3).for_each(|n| refuse(&set, [2, 0, 1][n], at(n as u64), &mut rng));
    let order: Vec<usize> = (10..16)
        .map(|now_ms| target(&balancer, &set, now_ms, &mut rng))
        .collect();
    assert_eq!(order, [2, 0, 1, 2, 0, 1]);

    let mut pick = balancer.pick(&set, &Tried::new(), at(16), &mut rng).unwrap();
    assert_eq!(
        (pick.attempt.kind(), pick.endpoint.target),
        (AttemptKind::LastResort, 2)
    );
    pick.attempt.connected();
    assert!((17..30).all(|now_ms| target(&balancer, &set, now_ms, &mut rng) == 2));
}

/// A request that has tried everything is answered, not sent in circles.
#[test]
fn nothing_is_left_when_all_are_tried() {
    for kind in PolicyKind::ALL {
        let (balancer, mut rng) = balancer(kind);
        let set = weighted(&[1, 0, 1]);
        let mut tried = Tried::new();
        let mut seen = Vec::new();
        while let Some(pick) = balancer.pick(&set, &tried, at(0), &mut rng) {
            assert!(tried.add(&pick.attempt));
            seen.push(pick.endpoint.target);
            pick.attempt.failed(at(0), &mut rng);
        }
        assert_eq!(
            (seen.len(), seen[2]),
            (3, 1),
            "{kind}: the drained one comes last: {seen:?}"
        );
        let none = EndpointSet::<usize>::default();
        assert!(balancer.pick(&none, &Tried::new(), at(0), &mut rng).is_none());
    }
}

/// A request may not try without end.
#[test]
fn what_was_tried_is_bounded() {
    let (balancer, mut rng) = balancer(PolicyKind::RoundRobin);
    let set = weighted(&[1; 20]);
    let mut tried = Tried::new();
    let room = (0..20).take_while(|_| {
        let pick = balancer.pick(&set, &tried, at(0), &mut rng).unwrap();
        tried.add(&pick.attempt)
    });
    assert_eq!(room.count(), Tried::LEN_MAX);
}

/// The own zone first; the others while it refuses; and back.
#[test]
fn the_zone_is_preferred_while_it_serves() {
    for kind in PolicyKind::ALL {
        let (balancer, mut rng) = balancer(kind);
        let balancer = balancer.prefer_zone(true);
        let zones = [Some("a"), Some("b"), None];
        let endpoints = zones.iter().enumerate().map(|(n, zone)| endpoint(n, 1, *zone));
        let set = EndpointSet::build(endpoints.collect(), Some("A"), None);
        let targets = |now_ms, rng: &mut Rng| -> Vec<usize> {
            let mut all: Vec<_> = (0..200).map(|_| target(&balancer, &set, now_ms, rng)).collect();
            all.sort_unstable();
            all.dedup();
            all
        };
        assert_eq!(targets(0, &mut rng), [0], "{kind}");
        refuse(&set, 0, at(0), &mut rng);
        assert_eq!(targets(1, &mut rng), [1, 2], "{kind}: the zone refuses");
        state(&set, 0).forgive();
        assert_eq!(targets(2, &mut rng), [0], "{kind}: the zone is back");
        let elsewhere = EndpointSet::build(
            (0..3).map(|n| endpoint(n, 1, zones[n])).collect(),
            Some("z"),
            None,
        );
        assert_ne!(
            target(&balancer, &elsewhere, 0, &mut rng),
            9,
            "{kind}: a zone without endpoints is no wall"
        );
    }
}

/// Drained endpoints get nothing while another is usable, and are the reserve when none is.
#[test]
fn drained_endpoints_are_the_reserve() {
    let (balancer, mut rng) = balancer(PolicyKind::P2c);
    let set = weighted(&[0, 1]);
    assert!((0..100).all(|_| target(&balancer, &set, 0, &mut rng) == 1));
    let pick = balancer.pick(&set, &Tried::new(), at(0), &mut rng).unwrap();
    pick.attempt.failed(at(0), &mut rng);
    assert_eq!(target(&balancer, &set, 1, &mut rng), 0);
    let all_drained = weighted(&[0, 0]);
    let mut seen: Vec<usize> = (0..50)
        .map(|_| target(&balancer, &all_drained, 0, &mut rng))
        .collect();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen, [0, 1]);
}

/// A probe that is never answered holds its place only as long as its request lives.
#[test]
fn a_hanging_probe_blocks_nobody() {
    let (balancer, mut rng) = balancer(PolicyKind::RoundRobin);
    let set = weighted(&[1, 1]);
    refuse(&set, 0, at(0), &mut rng);
    let find_probe = |rng: &mut Rng| {
        (0..2)
            .map(|_| balancer.pick(&set, &Tried::new(), at(200), rng).unwrap().attempt)
            .find(|attempt| attempt.kind() == AttemptKind::Probe)
    };
    let hanging = find_probe(&mut rng).unwrap();
    assert!((0..10).all(|_| target(&balancer, &set, 60_000, &mut rng) == 1));
    drop(hanging);
    assert!(find_probe(&mut rng).is_some());
    assert_eq!(
        state(&set, 0).standing(at(200)),
        Standing::Skipped {
            failures: 1,
            retry_in_ms: 0
        }
    );
}
