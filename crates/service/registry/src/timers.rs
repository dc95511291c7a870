//! The periodic work: eviction, forgetting old changes and namespaces of which nothing is left, correcting the expected number of clients.
//!
//! Eviction runs at a fixed pace, and a run that comes late (a paused process, an overloaded machine) gives every
//! lease that lateness as grace: silence that was the server's own fault must evict nobody.

use std::time::Duration;

use koinon_base::{Namespace, Rng};
use koinon_core_registry::Eviction;
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tracing::{info, warn};

use crate::handle::RegistryHandle;
use crate::space::Space;

/// How many instances are evicted under one lock: some hundred microseconds.
const EVICT_UNDER_ONE_LOCK: usize = 128;

/// How many old changes are forgotten under one lock: some hundred microseconds.
const TRIM_UNDER_ONE_LOCK: usize = 1024;

/// How often the periodic work happens.
#[derive(Debug, Clone)]
pub struct TimerSettings {
    /// Between two eviction runs. Eureka's default is 60 s.
    pub eviction_interval: Duration,
    /// Between two looks for changes that are too old for the delta. Default 30 s.
    pub retention_interval: Duration,
    /// Between two corrections of the expected number of clients. Default 15 min.
    pub expectation_interval: Duration,
}

impl Default for TimerSettings {
    fn default() -> Self {
        Self {
            eviction_interval: Duration::from_secs(60),
            retention_interval: Duration::from_secs(30),
            expectation_interval: Duration::from_secs(15 * 60),
        }
    }
}

/// Does the periodic work for ever; drop the future to stop it.
pub async fn run_timers(handle: RegistryHandle, settings: TimerSettings, mut rng: Rng) {
    let every = |period: Duration| {
        let period = period.max(Duration::from_millis(1));
        let mut ticks = interval_at(Instant::now() + period, period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks
    };
    let mut evictions = every(settings.eviction_interval);
    let mut retentions = every(settings.retention_interval);
    let mut expectations = every(settings.expectation_interval);
    let mut last_eviction = None;
    loop {
        tokio::select! {
            _ = evictions.tick() => {
                let now_ms = handle.now().mono_ms;
                let planned_ms = u64::try_from(settings.eviction_interval.as_millis()).unwrap_or(u64::MAX);
                let grace_ms = last_eviction.map_or(0, |last: u64| (now_ms - last).saturating_sub(planned_ms));
                last_eviction = Some(now_ms);
                for (namespace, space) in handle.spaces().all() {
                    evict(&handle, &namespace, &space, grace_ms, &mut rng).await;
                }
            }
            _ = retentions.tick() => {
                let now = handle.now();
                for (_, space) in handle.spaces().all() {
                    while space.lock().trim_changes(now, TRIM_UNDER_ONE_LOCK) {
                        tokio::task::yield_now().await;
                    }
                }
                handle.spaces().free_idle();
            }
            _ = expectations.tick() => {
                handle.spaces().all().iter().for_each(|(_, space)| space.lock().correct_expected_clients());
            }
        }
    }
}

async fn evict(handle: &RegistryHandle, namespace: &Namespace, space: &Space, grace_ms: u64, rng: &mut Rng) {
    let now = handle.now();
    let Eviction {
        expired,
        limit,
        chosen,
    } = space.lock().plan_eviction(now, grace_ms, rng);
    if expired > limit {
        warn!(%namespace, expired, limit, "more leases have run out than one run may evict; the rest wait");
    }
    for some in chosen.chunks(EVICT_UNDER_ONE_LOCK) {
        let evicted = space.change(|registry| {
            let evict = |(service, id)| registry.evict(now, grace_ms, service, id);
            some.iter()
                .map(|(service, id)| (service, id))
                .filter_map(evict)
                .collect::<Vec<_>>()
        });
        for instance in evicted {
            info!(%namespace, service = %instance.service(), id = %instance.id(), "evicted: its lease ran out");
        }
        tokio::task::yield_now().await;
    }
}
