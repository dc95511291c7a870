//! How often each endpoint is picked by one worker: what users see first of a balancer.

#![allow(clippy::unwrap_used, reason = "helpers of tests, outside test functions")]

mod common;

use common::{at, endpoint, refuse, weighted};
use koinon_base::Rng;
use koinon_core_balance::{Balancer, EndpointSet, PolicyKind, Tried};
use proptest::prelude::*;

/// Picks per endpoint in `count` requests that end at once.
fn hits(balancer: &Balancer, set: &EndpointSet<usize>, count: usize, rng: &mut Rng) -> Vec<usize> {
    let mut hits = vec![0; set.len()];
    for _ in 0..count {
        let pick = balancer.pick(set, &Tried::new(), at(0), rng).unwrap();
        hits[pick.endpoint.target] += 1;
    }
    hits
}

proptest! {
    /// Round robin is exactly fair over every whole round, whatever the weights and the start.
    #[test]
    fn round_robin_is_exact(len in 1_usize..20, rounds in 1_usize..20, seed: u64) {
        let mut rng = Rng::from_seed(seed);
        let set = weighted(&vec![7; len]);
        let balancer = Balancer::new(PolicyKind::RoundRobin, &mut rng);
        prop_assert_eq!(hits(&balancer, &set, len * rounds, &mut rng), vec![rounds; len]);
    }

    /// With some endpoints out, the rest share evenly: no neighbour inherits.
    #[test]
    fn round_robin_without_the_marked_is_exact(len in 2_usize..20, out in 1_usize..19, seed: u64) {
        let out = out.min(len - 1);
        let mut rng = Rng::from_seed(seed);
        let set = weighted(&vec![1; len]);
        (0..out).for_each(|number| refuse(&set, number, at(0), &mut rng));
        let balancer = Balancer::new(PolicyKind::RoundRobin, &mut rng);
        let hits = hits(&balancer, &set, (len - out) * 10, &mut rng);
        prop_assert_eq!(&hits[..out], &vec![0; out][..]);
        prop_assert_eq!(&hits[out..], &vec![10; len - out][..]);
    }

    /// Weighted shares are exact over a cycle; an endpoint of weight 0 gets nothing.
    #[test]
    fn weighted_is_exact(weights in prop::collection::vec(0_u32..50, 1..12), seed: u64) {
        prop_assume!(weights.iter().any(|weight| *weight > 0));
        let mut rng = Rng::from_seed(seed);
        let balancer = Balancer::new(PolicyKind::Weighted, &mut rng);
        let sum: usize = weights.iter().map(|weight| *weight as usize).sum();
        let wanted: Vec<usize> = weights.iter().map(|weight| *weight as usize).collect();
        prop_assert_eq!(hits(&balancer, &weighted(&weights), sum, &mut rng), wanted);
    }

    /// With an endpoint out, the weights of the rest still hold over a cycle.
    #[test]
    fn weighted_without_the_marked_is_exact(weights in prop::collection::vec(1_u32..20, 2..8), seed: u64) {
        let mut rng = Rng::from_seed(seed);
        let set = weighted(&weights);
        // The largest stays in, so that draws are given back and chance is hardly ever asked.
        let out = usize::from(weights[0] == *weights.iter().max().unwrap());
        refuse(&set, out, at(0), &mut rng);
        let balancer = Balancer::new(PolicyKind::Weighted, &mut rng);
        let mut wanted: Vec<usize> = weights.iter().map(|weight| *weight as usize * 5).collect();
        wanted[out] = 0;
        let hits = hits(&balancer, &set, wanted.iter().sum(), &mut rng);
        for (hits, wanted) in hits.iter().zip(&wanted) {
            prop_assert!(hits.abs_diff(*wanted) <= 6, "{hits} instead of {wanted}");
        }
    }
}

/// When nearly all weight is out, chance takes over, and must know the weights too.
#[test]
fn the_shares_hold_when_nearly_all_weight_is_out() {
    let mut rng = Rng::from_seed(5);
    let set = weighted(&[1_000_000, 1, 3]);
    refuse(&set, 0, at(0), &mut rng);
    let balancer = Balancer::new(PolicyKind::Weighted, &mut rng);
    let hits = hits(&balancer, &set, 8_000, &mut rng);
    assert_eq!(hits[0], 0);
    assert!((1_850..=2_150).contains(&hits[1]), "{hits:?}");
}

/// Random and the two load-aware policies (here without any load) are even on average, marked ones left out.
#[test]
fn chance_is_even() {
    for kind in [PolicyKind::Random, PolicyKind::LeastRequests, PolicyKind::P2c] {
        let mut rng = Rng::from_seed(9);
        let set = weighted(&[1, 1, 1, 1, 900]);
        refuse(&set, 2, at(0), &mut rng);
        let balancer = Balancer::new(kind, &mut rng);
        let hits = hits(&balancer, &set, 40_000, &mut rng);
        assert_eq!(hits[2], 0);
        for number in [0, 1, 3, 4] {
            assert!((9_600..=10_400).contains(&hits[number]), "{kind}: {hits:?}");
        }
    }
}

/// Requests that stay: least requests keeps the counts within one of each other, P2C close to that.
#[test]
fn load_aware_policies_level_the_load() {
    for (kind, apart_max) in [(PolicyKind::LeastRequests, 1), (PolicyKind::P2c, 5)] {
        let mut rng = Rng::from_seed(3);
        let set = weighted(&[1; 10]);
        let balancer = Balancer::new(kind, &mut rng);
        let in_flight: Vec<_> = (0..1_005)
            .filter_map(|_| balancer.pick(&set, &Tried::new(), at(0), &mut rng))
            .collect();
        let loads: Vec<u32> = set.iter().map(|(_, state)| state.in_flight()).collect();
        assert_eq!(loads.iter().sum::<u32>(), 1_005);
        let apart = loads.iter().max().unwrap() - loads.iter().min().unwrap();
        assert!(apart <= apart_max, "{kind}: {loads:?}");
        drop(in_flight);
        assert!(set.iter().all(|(_, state)| state.in_flight() == 0));
    }
}

/// A rebuild in the middle of a round keeps the counts and forgets nobody.
#[test]
fn a_new_endpoint_is_in_the_next_round() {
    let mut rng = Rng::from_seed(1);
    let balancer = Balancer::new(PolicyKind::RoundRobin, &mut rng);
    let two = weighted(&[1, 1]);
    hits(&balancer, &two, 3, &mut rng);
    let grown = (0..3).map(|number| endpoint(number, 1, None)).collect();
    let three = EndpointSet::build(grown, None, Some(&two));
    assert_eq!(hits(&balancer, &three, 3, &mut rng), [1, 1, 1]);
}
