//! The periodic work, on paused time.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test code")]

use std::sync::Arc;
use std::time::Duration;

use koinon_base::{Clock, InstanceId, Namespace, Now, Rng, ServiceName};
use koinon_core_registry::{
    Config, Consistency, Description, LeaseTerms, Pairs, PreservationMode, Registration, Scheme, Status,
};
use koinon_service_registry::{Event, RegistryHandle, Settings, TimerSettings, run_timers};
use tokio::time::Instant;

/// The registry's clock follows tokio's, which the tests pause and move.
struct TokioClock(Instant);

impl Clock for TokioClock {
    fn now(&self) -> Now {
        let elapsed_ms = u64::try_from(self.0.elapsed().as_millis()).unwrap_or(u64::MAX);
        Now {
            mono_ms: 0,
            unix_ms: 1_700_000_000_000,
        }
        .plus_ms(elapsed_ms)
    }
}

fn registry() -> RegistryHandle {
    let namespace = Config {
        preservation: PreservationMode::Off,
        delta_retention_ms: 5_000,
        ..Config::default()
    };
    let settings = Settings {
        namespace,
        ..Settings::default()
    };
    RegistryHandle::new(settings, Arc::new(TokioClock(Instant::now())), Rng::from_seed(1))
}

fn registration() -> Registration {
    let description = Description {
        service: ServiceName::new("orders").unwrap(),
        id: InstanceId::new("i1").unwrap(),
        address: "h".into(),
        port: 1,
        scheme: Scheme::Http,
        zone: None,
        weight: Description::WEIGHT_DEFAULT,
        version: None,
        metadata: Pairs::new(),
        attributes: Pairs::new(),
        lease: LeaseTerms {
            renewal_interval_s: 1,
            duration_s: 3,
        },
    };
    Registration {
        description,
        consistency: Consistency::Ephemeral,
        status: Status::Up,
        status_override: None,
        last_dirty_ms: None,
        replicated: false,
    }
}

fn up(registry: &RegistryHandle) {
    registry.register(&Namespace::default(), registration()).unwrap();
}

fn count(registry: &RegistryHandle) -> usize {
    registry.snapshot(&Namespace::default()).unwrap().counts.total()
}

fn settings(eviction_interval_ms: u64) -> TimerSettings {
    TimerSettings {
        eviction_interval: Duration::from_millis(eviction_interval_ms),
        retention_interval: Duration::from_secs(1),
        ..TimerSettings::default()
    }
}

/// A silent instance goes with the first run after its lease has run out, its change leaves the delta later.
#[tokio::test(start_paused = true)]
async fn silent_instances_are_evicted() {
    let registry = registry();
    up(&registry);
    let timers = tokio::spawn(run_timers(registry.clone(), settings(1_000), Rng::from_seed(2)));
    tokio::time::sleep(Duration::from_millis(3_500)).await;
    assert_eq!(count(&registry), 1);
    tokio::time::sleep(Duration::from_millis(1_000)).await;
    assert_eq!(count(&registry), 0);
    assert_eq!(registry.delta(&Namespace::default()).unwrap().changes.len(), 1);
    tokio::time::sleep(Duration::from_millis(7_000)).await;
    assert_eq!(registry.delta(&Namespace::default()).unwrap().changes.len(), 0);
    timers.abort();
}

/// A namespace that had an instance once must not cost memory, and one of the places there are, for ever. Whoever comes
/// back to its name starts over: a position of what was freed must not be taken for one of what came after it.
#[tokio::test(start_paused = true)]
async fn what_is_left_empty_is_freed() {
    let registry = registry();
    let timers = tokio::spawn(run_timers(registry.clone(), settings(1_000), Rng::from_seed(2)));
    let other = Namespace::new("other").unwrap();
    let is_there = |registry: &RegistryHandle| registry.snapshot(&other).is_some();
    registry.register(&other, registration()).unwrap();
    let mut watch = registry.subscribe(&other, None, None).unwrap();
    let Some(Event::Snapshot { position, .. }) = watch.next().await else {
        panic!("a watch starts with a snapshot");
    };
    // The lease ends after 3 s, the change leaves the log 5 s later; the watch keeps the namespace all the same.
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert!(is_there(&registry));
    let Some(Event::Snapshot { position: last, .. }) = watch.next().await else {
        panic!("the eviction is forgotten by now");
    };
    drop(watch);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(!is_there(&registry));
    assert!(registry.snapshot(&Namespace::default()).is_some());
    assert!(registry.revision(&other) > last.revision);
    assert!(registry.delta_version(&other) > Some((last.revision, last.revision)));

    registry.register(&other, registration()).unwrap();
    for old in [position, last] {
        let mut resumed = registry.subscribe(&other, None, Some(old)).unwrap();
        let Some(Event::Snapshot {
            position: new,
            services,
        }) = resumed.next().await
        else {
            panic!("what came after is not what the position was of");
        };
        assert_eq!((services.len(), new.revision > last.revision), (1, true));
    }
    timers.abort();
}

/// A process that stood still must not evict those whose heartbeats it could not hear: the lateness of a run is
/// given to every lease as grace.
#[tokio::test(start_paused = true)]
async fn a_late_run_gives_grace() {
    let registry = registry();
    let timers = tokio::spawn(run_timers(registry.clone(), settings(1_000), Rng::from_seed(2)));
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    up(&registry);
    // The machine is suspended for 10 s: the next run comes 9.5 s late, with the lease long over.
    tokio::time::advance(Duration::from_secs(10)).await;
    tokio::task::yield_now().await;
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(count(&registry), 1);
    // The run after that is on time again.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(count(&registry), 0);
    timers.abort();
}
