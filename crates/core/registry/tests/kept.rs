//! Persistent instances beside ephemeral ones: what they share, and what they must never be taken for.

#![allow(clippy::unwrap_used, reason = "test code")]

mod common;

use common::{START_MS, Story, id, registration, service};
use koinon_base::{ErrorKind, Rng};
use koinon_core_registry::{
    ChangeKind, Config, Consistency, Kept, PreservationMode, PreservationState, RegistryError, RenewOutcome,
    Status,
};

fn kept(name: &str, instance: &str, status: Status) -> Kept {
    Kept {
        description: registration(name, instance, status).description,
        status,
        status_override: None,
        registered_ms: START_MS - 1_000,
        changed_ms: START_MS - 500,
    }
}

fn keep(story: &mut Story, name: &str, instance: &str) {
    story
        .registry
        .keep(story.now, kept(name, instance, Status::Up))
        .unwrap();
}

/// An instance without heartbeats stays, whatever time passes, and is shown as what the store says it is.
#[test]
fn nothing_evicts_it() {
    let mut story = Story::without_preservation();
    keep(&mut story, "orders", "static");
    (0..9).for_each(|n| drop(story.up("orders", &format!("beating{n}"))));
    story.wait_ms(86_400_000);
    while story.evict() > 0 {}
    assert_eq!(story.len(), 1);
    let held = story.get("orders", "static").unwrap();
    assert_eq!(held.consistency, Consistency::Persistent);
    assert_eq!(
        (held.registered_ms, held.last_dirty_ms),
        (START_MS - 1_000, START_MS - 500)
    );
    assert_eq!(
        (held.renewed_ms(), held.up_since_ms),
        (START_MS - 1_000, START_MS - 500)
    );
    assert!(matches!(story.renew("orders", "static"), RenewOutcome::NotNeeded));
    assert_eq!(story.registry.figures(story.now).counters.renewals, 0);
}

/// Instances that never renew must not raise the number of renewals expected, nor the number that one run may evict, nor
/// switch self-preservation on in a small system: each would keep dead instances for ever.
#[test]
fn self_preservation_does_not_reckon_with_it() {
    let mut story = Story::new(Config {
        preservation: PreservationMode::Auto,
        preservation_instances_min: 20,
        ..Config::default()
    });
    story.up("orders", "a");
    let before = story.registry.figures(story.now);
    for n in 0..100 {
        keep(&mut story, "orders", &format!("static{n}"));
    }
    story.registry.correct_expected_clients();
    let after = story.registry.figures(story.now);
    assert_eq!((after.persistent, after.counts.total()), (100, 101));
    assert_eq!(after.preservation, PreservationState::Off);
    assert!(after.renewals_threshold <= before.renewals_threshold);
    story.wait_ms(86_400_000);
    let plan = story.registry.plan_eviction(story.now, 0, &mut Rng::from_seed(1));
    assert_eq!((plan.expired, plan.limit), (1, 1));
    for n in 0..100 {
        assert!(
            story
                .registry
                .release(story.now, &service("orders"), &id(&format!("static{n}")))
        );
    }
    let left = story.registry.figures(story.now);
    assert_eq!((left.persistent, left.counts.total()), (0, 1));
    assert_eq!(left.renewals_threshold, after.renewals_threshold);
}

/// An id is of one class: the other is refused and says what to do; where both got in, the store's stays.
#[test]
fn an_id_is_of_one_class() {
    let mut story = Story::without_preservation();
    story.up("orders", "a");
    let asked = kept("orders", "a", Status::Up).description;
    let refused = story.registry.check_keep(story.now, &asked).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::AlreadyExists);
    assert_eq!(
        refused.to_string(),
        "instance a of service orders is registered as ephemeral; deregister it before it is registered as persistent"
    );
    keep(&mut story, "orders", "a");
    assert_eq!(
        (story.len(), story.registry.figures(story.now).persistent),
        (1, 1)
    );
    let again = registration("orders", "a", Status::Up);
    let refused = story.registry.register(story.now, again).unwrap_err();
    assert!(
        matches!(
            refused,
            RegistryError::OtherClass {
                held: Consistency::Persistent,
                ..
            }
        ),
        "{refused}"
    );
    // The ephemeral one's client goes on beating, and its silence harms nobody either.
    story.wait_ms(86_400_000);
    assert_eq!((story.evict(), story.len()), (0, 1));
}

/// One that was silent for too long is as good as gone: it does not stand in the way until the next eviction.
#[test]
fn a_dead_ephemeral_one_gives_way() {
    let mut story = Story::without_preservation();
    story.up("orders", "a");
    story.wait_ms(86_400_000);
    let asked = kept("orders", "a", Status::Up).description;
    story.registry.check_keep(story.now, &asked).unwrap();
}

/// What is changed in memory only would be gone with the next restart: every such change is refused.
#[test]
fn only_the_store_changes_it() {
    let mut story = Story::without_preservation();
    keep(&mut story, "orders", "a");
    let (now, orders, a) = (story.now, service("orders"), id("a"));
    let revision = story.registry.revision();
    let pairs = [("k", "v")].into_iter().collect();
    let refusals = [
        story.registry.cancel(now, &orders, &a),
        story
            .registry
            .override_status(now, &orders, &a, Status::Down, None),
        story.registry.remove_override(now, &orders, &a, Status::Up, None),
        story.registry.merge_metadata(now, &orders, &a, &pairs).map(drop),
    ];
    for refused in refusals {
        assert!(
            matches!(refused, Err(RegistryError::InStore { .. })),
            "{refused:?}"
        );
    }
    assert_eq!(story.registry.revision(), revision);
    assert!(!story.registry.release(now, &orders, &id("b")));
    story.up("orders", "b");
    assert!(
        !story.registry.release(now, &orders, &id("b")),
        "that one lives by heartbeats"
    );
}

/// Watchers learn of it as of any other: added, changed, removed, each with a revision of its own.
#[test]
fn its_changes_are_told() {
    let mut story = Story::without_preservation();
    keep(&mut story, "orders", "a");
    let overridden = Kept {
        status_override: Some(Status::OutOfService),
        ..kept("orders", "a", Status::Up)
    };
    let held = story.registry.keep(story.now, overridden).unwrap();
    assert_eq!(
        (held.status, held.last_change),
        (Status::OutOfService, ChangeKind::Modified)
    );
    let mut moved = kept("orders", "a", Status::Starting);
    moved.description.port = 9;
    moved.status_override = Some(Status::OutOfService);
    let held = story.registry.keep(story.now, moved).unwrap();
    assert_eq!(
        (held.status, held.last_change),
        (Status::Starting, ChangeKind::Added)
    );
    assert!(story.registry.release(story.now, &service("orders"), &id("a")));
    let told = story.registry.changes_since(0, 10).unwrap();
    assert_eq!((told.revision, told.changes.len()), (4, 1));
    assert!(matches!(told.changes[0].kind, ChangeKind::Removed));
}

/// The limits hold for both classes together, and one that is there already may always be replaced by one as large.
#[test]
fn it_counts_against_the_limits() {
    let mut story = Story::new(Config {
        instances_max: 2,
        ..Config::default()
    });
    keep(&mut story, "orders", "a");
    story.up("orders", "b");
    let third = kept("orders", "c", Status::Up);
    let refused = story
        .registry
        .check_keep(story.now, &third.description)
        .unwrap_err();
    assert_eq!(refused, RegistryError::Full { max: 2 });
    assert_eq!(story.registry.keep(story.now, third).unwrap_err(), refused);
    let again = kept("orders", "a", Status::Up).description;
    story.registry.check_keep(story.now, &again).unwrap();
    keep(&mut story, "orders", "a");
}
