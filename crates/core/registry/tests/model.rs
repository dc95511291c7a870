//! Random histories against laws that must hold after every step.

mod common;

use std::collections::BTreeMap;

use common::{START_MS, Story, id, registration, service};
use koinon_base::Rng;
use koinon_core_registry::{
    Budget, ChangeKind, Config, Consistency, Kept, PreservationMode, Registry, Snapshot, Status, StatusCounts,
};
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum Step {
    Register {
        service: u8,
        instance: u8,
        status: usize,
        dirty_ms: i64,
    },
    Keep {
        service: u8,
        instance: u8,
        status: usize,
    },
    Release {
        service: u8,
        instance: u8,
    },
    Renew {
        service: u8,
        instance: u8,
    },
    Cancel {
        service: u8,
        instance: u8,
    },
    Override {
        service: u8,
        instance: u8,
        status: usize,
    },
    RemoveOverride {
        service: u8,
        instance: u8,
        status: usize,
    },
    Wait {
        ms: u64,
    },
    Evict,
    Trim,
    Look,
}

fn step() -> impl Strategy<Value = Step> {
    let who = || (0..3_u8, 0..5_u8);
    prop_oneof![
        4 => (who(), 0..5_usize, -3..3_i64).prop_map(|((service, instance), status, dirty_ms)| Step::Register {
            service, instance, status, dirty_ms
        }),
        2 => (who(), 0..5_usize).prop_map(|((service, instance), status)| Step::Keep { service, instance, status }),
        1 => who().prop_map(|(service, instance)| Step::Release { service, instance }),
        4 => who().prop_map(|(service, instance)| Step::Renew { service, instance }),
        2 => who().prop_map(|(service, instance)| Step::Cancel { service, instance }),
        2 => (who(), 0..5_usize).prop_map(|((service, instance), status)| Step::Override { service, instance, status }),
        2 => (who(), 0..5_usize).prop_map(|((service, instance), status)| Step::RemoveOverride {
            service, instance, status
        }),
        2 => (0..4_000_u64).prop_map(|ms| Step::Wait { ms }),
        1 => Just(Step::Evict),
        1 => Just(Step::Trim),
        2 => Just(Step::Look),
    ]
}

fn take(story: &mut Story, step: &Step) {
    let name = |n: &u8| service(&format!("s{n}"));
    let instance_id = |n: &u8| id(&format!("i{n}"));
    let now = story.now;
    match step {
        Step::Register {
            service,
            instance,
            status,
            dirty_ms,
        } => {
            let mut new = registration(
                &format!("s{service}"),
                &format!("i{instance}"),
                Status::ALL[*status],
            );
            new.last_dirty_ms = Some(START_MS + dirty_ms);
            new.description.metadata = [("k", "x".repeat(*status * 100))].into_iter().collect();
            // It may be refused for want of room.
            let _ = story.registry.register(now, new);
        }
        Step::Keep {
            service,
            instance,
            status,
        } => {
            keep(story, &format!("s{service}"), &format!("i{instance}"), *status);
        }
        Step::Release { service, instance } => {
            story
                .registry
                .release(now, &name(service), &instance_id(instance));
        }
        Step::Renew { service, instance } => {
            drop(story.renew(&format!("s{service}"), &format!("i{instance}")))
        }
        Step::Cancel { service, instance } => {
            let _ = story.registry.cancel(now, &name(service), &instance_id(instance));
        }
        Step::Override {
            service,
            instance,
            status,
        } => {
            let (service, instance) = (name(service), instance_id(instance));
            let _ = story
                .registry
                .override_status(now, &service, &instance, Status::ALL[*status], None);
        }
        Step::RemoveOverride {
            service,
            instance,
            status,
        } => {
            let (service, instance) = (name(service), instance_id(instance));
            let _ = story
                .registry
                .remove_override(now, &service, &instance, Status::ALL[*status], None);
        }
        Step::Wait { ms } => story.wait_ms(*ms),
        Step::Evict => drop(story.evict()),
        Step::Trim => drop(story.registry.trim_changes(now, 2)),
        Step::Look => {}
    }
}

/// Keeps what the store would say, if there is room.
fn keep(story: &mut Story, service: &str, instance: &str, status: usize) {
    let new = registration(service, instance, Status::ALL[status]);
    let mut kept = Kept {
        description: new.description,
        status: new.status,
        status_override: None,
        registered_ms: START_MS,
        changed_ms: START_MS,
    };
    kept.description.metadata = [("k", "x".repeat(status * 100))].into_iter().collect();
    let allowed = story.registry.check_keep(story.now, &kept.description);
    let done = story.registry.keep(story.now, kept);
    // The other class stands in the way of asking, not of what the store has decided.
    assert!(done.is_ok() || allowed.is_err(), "{done:?} {allowed:?}");
}

/// What a watcher knows: enough to tell two views apart.
type View = BTreeMap<(String, String), u64>;

fn view(snapshot: &Snapshot) -> View {
    snapshot
        .instances()
        .map(|i| ((i.service().to_string(), i.id().to_string()), i.revision))
        .collect()
}

fn config() -> Config {
    Config {
        preservation: PreservationMode::Off,
        delta_retention_ms: 3_000,
        change_log_len_max: 12,
        ..Config::default()
    }
}

proptest! {
    /// Counts and views never drift apart, no service is empty, and every revision is used once.
    #[test]
    fn the_view_is_consistent(steps in prop::collection::vec(step(), 1..120)) {
        let mut story = Story::new(config());
        for step in &steps {
            let before = story.registry.revision();
            take(&mut story, step);
            let snapshot = story.registry.snapshot();
            prop_assert!(snapshot.revision >= before);
            let mut counts = StatusCounts::default();
            snapshot.instances().for_each(|instance| counts.add(instance.status));
            prop_assert_eq!(counts, snapshot.counts);
            let kept = snapshot.instances().filter(|instance| instance.consistency == Consistency::Persistent);
            prop_assert_eq!(kept.count(), story.registry.figures(story.now).persistent);
            prop_assert!(snapshot.services().all(|service| !service.instances.is_empty()));
            let newest = snapshot.services().map(|service| service.revision).max().unwrap_or(0);
            prop_assert!(newest <= snapshot.revision);
            for n in 0..5 {
                let id = id(&format!("i{n}"));
                let holders = snapshot.services().filter_map(|service| service.instances.get(&id));
                let first = holders.map(|instance| instance.revision).next();
                let found = story.registry.find(story.now, &id).map(|found| found.revision);
                // One whose lease has run out is in the view until it is evicted, but is not found any more.
                if story.registry.plan_eviction(story.now, 0, &mut Rng::from_seed(1)).expired == 0 {
                    prop_assert_eq!(found, first);
                }
            }
        }
    }

    /// The bytes counted are those of what is held, whatever happened, and never above the limit: a count that drifts
    /// would in the end refuse everybody, or nobody.
    #[test]
    fn bytes_are_counted_exactly(steps in prop::collection::vec(step(), 1..120), others in 0..2_000_usize) {
        let budget = Budget::new(9_000);
        let mut story = Story::new(config());
        story.registry = Registry::starting_at(7, config(), budget.clone());
        let mut other = Registry::starting_at(0, config(), budget.clone());
        let mut neighbour = registration("s", "i", Status::Up);
        neighbour.description.metadata = [("k", "x".repeat(others))].into_iter().collect();
        let others = neighbour.description.size_bytes();
        prop_assert!(other.register(story.now, neighbour).is_ok());
        for step in &steps {
            take(&mut story, step);
            let registered: usize = story.registry.snapshot().instances().map(|i| i.description.size_bytes()).sum();
            let changes = story.registry.delta().changes;
            let removed = changes.iter().filter(|change| change.kind == ChangeKind::Removed);
            let removed: usize = removed.map(|change| change.instance.description.size_bytes()).sum();
            prop_assert_eq!(story.registry.figures(story.now).bytes, registered + removed);
            prop_assert_eq!(budget.used(), registered + removed + others);
            prop_assert!(budget.used() <= budget.max());
        }
        drop(other);
        prop_assert_eq!(budget.used(), story.registry.figures(story.now).bytes);
    }

    /// A watcher that looks now and then, and replays what it missed, knows what the registry knows; one that was
    /// away too long is told so instead of being told too little.
    #[test]
    fn replaying_changes_leads_to_the_present(steps in prop::collection::vec(step(), 1..120), limit in 1..5_usize) {
        let mut story = Story::new(config());
        let (mut known, mut position) = (View::new(), 0);
        for step in &steps {
            take(&mut story, step);
            if !matches!(step, Step::Look) {
                continue;
            }
            loop {
                let Some(changes) = story.registry.changes_since(position, limit) else {
                    let snapshot = story.registry.snapshot();
                    (known, position) = (view(&snapshot), snapshot.revision);
                    break;
                };
                let revisions: Vec<u64> = changes.changes.iter().map(|change| change.revision).collect();
                prop_assert!(revisions.iter().all(|revision| *revision > position));
                prop_assert!(revisions.is_sorted());
                for change in changes.changes {
                    let key = (change.instance.service().to_string(), change.instance.id().to_string());
                    match change.kind {
                        ChangeKind::Removed => known.remove(&key),
                        ChangeKind::Added | ChangeKind::Modified => known.insert(key, change.revision),
                    };
                }
                let done = changes.revision == position;
                position = changes.revision;
                if done {
                    break;
                }
            }
            prop_assert_eq!(&known, &view(&story.registry.snapshot()));
            prop_assert_eq!(position, story.registry.revision());
        }
    }
}
