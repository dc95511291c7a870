//! The same policies shared by 1 and by 4 workers: what is counted together must be right together.

#![allow(clippy::unwrap_used, reason = "helpers of tests, outside test functions")]

mod common;

use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

use common::{at, refuse, state, weighted};
use koinon_base::Rng;
use koinon_core_balance::{
    AttemptKind, Balancer, EndpointSet, PolicyKind, RetryBudget, RetryBudgetConfig, Standing, Tried,
};

const WORKERS: [u64; 2] = [1, 4];

/// Runs `work` on that many threads at once and gives their answers.
fn on_workers<A: Send>(workers: u64, work: impl Fn(&mut Rng) -> A + Sync) -> Vec<A> {
    std::thread::scope(|scope| {
        let started: Vec<_> = (0..workers)
            .map(|seed| {
                let work = &work;
                scope.spawn(move || work(&mut Rng::from_seed(seed)))
            })
            .collect();
        started.into_iter().map(|worker| worker.join().unwrap()).collect()
    })
}

/// Picks per endpoint, when every worker makes `picks` and keeps up to ten requests open.
fn hits(balancer: &Balancer, set: &EndpointSet<usize>, workers: u64, picks: usize) -> Vec<usize> {
    let each = on_workers(workers, |rng| {
        let mut hits = vec![0; set.len()];
        let mut open = std::collections::VecDeque::new();
        for _ in 0..picks {
            let pick = balancer.pick(set, &Tried::new(), at(0), rng).unwrap();
            hits[pick.endpoint.target] += 1;
            open.push_back(pick.attempt);
            if open.len() > 10 {
                open.pop_front();
            }
        }
        hits
    });
    let sum = |number: usize| each.iter().map(|hits| hits[number]).sum();
    (0..set.len()).map(sum).collect()
}

/// The policies that promise shares keep them whoever asks; a drained endpoint gets none of any policy, and all
/// counts return to zero.
#[test]
fn shares_hold_for_any_number_of_workers() {
    const PICKS: usize = 40_000;
    for (kind, workers) in PolicyKind::ALL
        .into_iter()
        .flat_map(|kind| WORKERS.map(|w| (kind, w)))
    {
        let set = weighted(&[100, 100, 200, 100, 0]);
        let balancer = Balancer::new(kind, &mut Rng::from_seed(11));
        let hits = hits(&balancer, &set, workers, PICKS);
        let all = PICKS * workers as usize;
        let promised = match kind {
            PolicyKind::RoundRobin => Some(([all / 4; 4], 0)),
            PolicyKind::Weighted => Some(([all / 5, all / 5, all * 2 / 5, all / 5], 0)),
            PolicyKind::Random => Some(([all / 4; 4], all / 40)),
            // They promise to level what is in flight, whatever shares that takes: see the next test.
            PolicyKind::LeastRequests | PolicyKind::P2c => None,
        };
        for (hits, (ideal, apart_max)) in promised.iter().flat_map(|(ideals, apart)| {
            let ideals = ideals.iter().map(|ideal| (*ideal, *apart));
            hits.iter().zip(ideals)
        }) {
            assert!(
                hits.abs_diff(ideal) <= apart_max,
                "{kind}, {workers} workers: {hits} instead of {ideal}"
            );
        }
        assert_eq!(hits.iter().sum::<usize>(), all);
        assert_eq!(hits[4], 0, "{kind}: drained");
        assert!(
            set.iter().all(|(_, state)| state.in_flight() == 0),
            "{kind}: a count leaked"
        );
    }
}

/// Requests of all workers that stay open are level over the endpoints: a worker sees what the others do.
#[test]
fn load_is_levelled_over_all_workers() {
    const OPEN: u32 = 5_000;
    for (kind, workers) in [PolicyKind::LeastRequests, PolicyKind::P2c]
        .map(|kind| WORKERS.map(|w| (kind, w)))
        .concat()
    {
        let set = weighted(&[1; 10]);
        let balancer = Balancer::new(kind, &mut Rng::from_seed(11));
        let open = on_workers(workers, |rng| {
            let pick = |_| balancer.pick(&set, &Tried::new(), at(0), rng).unwrap().attempt;
            (0..OPEN).map(pick).collect::<Vec<_>>()
        });
        let loads: Vec<u32> = set.iter().map(|(_, state)| state.in_flight()).collect();
        assert_eq!(loads.iter().sum::<u32>(), OPEN * workers as u32);
        let apart = loads.iter().max().unwrap() - loads.iter().min().unwrap();
        // Alone, least requests is exact; a worker that was held up may add one to what was the least then.
        let apart_max = if kind == PolicyKind::LeastRequests {
            workers as u32
        } else {
            15
        };
        assert!(apart <= apart_max, "{kind}, {workers} workers: {loads:?}");
        drop(open);
        assert!(
            set.iter().all(|(_, state)| state.in_flight() == 0),
            "{kind}: a count leaked"
        );
    }
}

/// However many workers ask, one request at a time finds out whether a marked endpoint is back; the others go
/// elsewhere.
#[test]
fn one_probe_at_a_time() {
    for (kind, workers) in PolicyKind::ALL
        .into_iter()
        .flat_map(|kind| WORKERS.map(|w| (kind, w)))
    {
        let set = weighted(&[1, 1, 1]);
        let balancer = Balancer::new(kind, &mut Rng::from_seed(2));
        refuse(&set, 1, at(0), &mut Rng::from_seed(3));
        let (probing, probes) = (AtomicU32::new(0), AtomicU32::new(0));
        on_workers(workers, |rng| {
            for _ in 0..5_000 {
                let pick = balancer.pick(&set, &Tried::new(), at(1_000), rng).unwrap();
                assert_ne!(pick.attempt.kind(), AttemptKind::LastResort, "two others serve");
                if pick.attempt.kind() == AttemptKind::Probe {
                    assert_eq!(probing.fetch_add(1, SeqCst), 0, "{kind}: two probes at once");
                    probes.fetch_add(1, SeqCst);
                    std::thread::yield_now();
                    probing.fetch_sub(1, SeqCst);
                } else {
                    assert_ne!(pick.endpoint.target, 1, "{kind}: marked, and not the probe");
                }
            }
        });
        assert!(probes.load(SeqCst) > 0, "{kind}: it was never asked");
        let standing = state(&set, 1).standing(at(1_000));
        assert_eq!(
            standing,
            Standing::Skipped {
                failures: 1,
                retry_in_ms: 0
            }
        );
    }
}

/// Refusals from all workers at once leave one mark of one failure, and its count at zero.
#[test]
fn failures_of_all_workers_are_one_mark() {
    for workers in WORKERS {
        let set = weighted(&[1]);
        let balancer = Balancer::new(PolicyKind::RoundRobin, &mut Rng::from_seed(2));
        on_workers(workers, |rng| {
            for _ in 0..5_000 {
                let pick = balancer.pick(&set, &Tried::new(), at(0), rng).unwrap();
                pick.attempt.failed(at(0), rng);
            }
        });
        assert_eq!(state(&set, 0).in_flight(), 0);
        let standing = state(&set, 0).standing(at(0));
        assert!(
            matches!(
                standing,
                Standing::Skipped {
                    failures: 1,
                    retry_in_ms: 50..=100
                }
            ),
            "{standing:?}"
        );
    }
}

/// A fifth of the requests of all workers, and not one retry more, however they race.
#[test]
fn the_retry_budget_is_the_nodes() {
    for workers in WORKERS {
        let budget = RetryBudget::new(RetryBudgetConfig {
            percent: 20,
            min_per_s: 3,
        });
        on_workers(workers, |_| {
            (0..5_000).for_each(|_| budget.record_request(at(500)))
        });
        let granted = on_workers(workers, |_| {
            (0..10_000).filter(|_| budget.try_retry(at(600))).count()
        });
        assert_eq!(granted.iter().sum::<usize>(), workers as usize * 1_000 + 30);
    }
}
