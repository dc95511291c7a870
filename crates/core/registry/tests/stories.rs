//! Stories of one registry, each with the rule of Eureka's that it protects.

mod common;

use common::{START_MS, Story, id, registration, service};
use koinon_base::ErrorKind;
use koinon_core_registry::{
    ChangeKind, Config, Consistency, Pairs, PreservationMode, PreservationState, Registration, RenewOutcome,
    Renewal, Status,
};

/// An instance that never renews is evicted after one duration, one that renewed after two: clients have tuned
/// their intervals to it.
#[test]
fn expiry_takes_one_duration_or_two() {
    let mut story = Story::without_preservation();
    story.up("orders", "silent");
    story.up("orders", "renewed");
    story.renew("orders", "renewed");
    story.wait_ms(3_000);
    assert_eq!(story.evict(), 0);
    story.wait_ms(1);
    assert_eq!(story.evict(), 1);
    assert!(story.get("orders", "silent").is_none());
    story.wait_ms(2_999);
    assert_eq!(story.evict(), 0);
    story.wait_ms(1);
    assert_eq!(story.evict(), 1);
    assert_eq!(story.len(), 0);
}

/// One run takes at most 15 % of all, rounded as Eureka rounds, so that a fault of ours does not empty the registry.
#[test]
fn one_run_evicts_at_most_its_share() {
    let mut story = Story::without_preservation();
    (0..20).for_each(|n| drop(story.up("orders", &format!("i{n}"))));
    story.wait_ms(3_001);
    let mut runs = Vec::new();
    while story.len() > 0 {
        runs.push(story.evict());
    }
    // 20 - ⌊17⌋ = 3, 17 - ⌊14.45⌋ = 3, 14 - ⌊11.9⌋ = 3, 11 - ⌊9.35⌋ = 2, …
    assert_eq!(runs, [3, 3, 3, 2, 2, 2, 1, 1, 1, 1, 1]);
}

/// Eviction spreads over services instead of wiping out one after the other.
#[test]
fn eviction_spreads_over_services() {
    let mut story = Story::without_preservation();
    for n in 0..100 {
        story.up("a", &format!("a{n}"));
        story.up("b", &format!("b{n}"));
    }
    story.wait_ms(3_001);
    assert_eq!(story.evict(), 30);
    let snapshot = story.registry.snapshot();
    let left = |name: &str| snapshot.service(&service(name)).unwrap().instances.len();
    assert!((75..=95).contains(&left("a")), "{} of 100 left in a", left("a"));
}

/// A heartbeat that arrives between choosing and evicting saves the instance.
#[test]
fn an_instance_that_came_back_is_not_evicted() {
    let mut story = Story::without_preservation();
    story.up("orders", "i1");
    story.wait_ms(3_001);
    let plan = story
        .registry
        .plan_eviction(story.now, 0, &mut koinon_base::Rng::from_seed(1));
    assert_eq!(plan.chosen.len(), 1);
    story.renew("orders", "i1");
    assert!(
        story
            .registry
            .evict(story.now, 0, &service("orders"), &id("i1"))
            .is_none()
    );
    assert_eq!(story.len(), 1);
}

/// With Eureka's own rule nothing expires until a whole minute's renewals were above the threshold, and what has
/// expired stays readable meanwhile.
#[test]
fn self_preservation_suspends_expiry() {
    let config = Config {
        expected_renewal_interval_s: 30,
        ..Config::default()
    };
    let mut story = Story::new(config);
    (0..3).for_each(|n| drop(story.up("orders", &format!("i{n}"))));
    let threshold = story.registry.figures(story.now).renewals_threshold;
    assert_eq!(threshold, 6); // (1 + 3) × 2 × 0.85 = 6.8
    story.wait_ms(10_000);
    assert_eq!(story.evict(), 0);
    assert!(story.get("orders", "i0").is_some());
    (0..7).for_each(|_| drop(story.renew("orders", "i1")));
    story.wait_ms(60_000);
    assert_eq!(
        story.registry.figures(story.now).preservation,
        PreservationState::Watching
    );
    assert!(
        story.get("orders", "i0").is_none(),
        "expired instances are not readable once expiry is on"
    );
    assert_eq!(story.evict(), 1);
    story.wait_ms(60_000);
    assert_eq!(story.evict(), 0, "a minute without renewals protects again");
}

/// `Auto` must let the one dead instance of a small system go, which Eureka never does.
#[test]
fn auto_lets_the_dead_instance_of_a_small_system_go() {
    let mut story = Story::new(Config {
        preservation: PreservationMode::Auto,
        ..Config::default()
    });
    story.up("orders", "dead");
    story.up("orders", "alive");
    for _ in 0..7 {
        story.wait_ms(1_000);
        story.renew("orders", "alive");
    }
    assert_eq!(story.evict(), 1);
    assert_eq!(story.len(), 1);
}

/// A client that knows something newer about itself is told to register; a peer that knows something older is
/// shown what is known; a client that knows something older is left in peace.
#[test]
fn dirty_timestamps_settle_conflicts() {
    let mut story = Story::without_preservation();
    story.up("orders", "i1");
    let ask = |story: &mut Story, ms, peer| story.renew_as_of("orders", "i1", START_MS + ms, peer);
    assert!(matches!(
        ask(&mut story, 1, false),
        RenewOutcome::RegistrantIsNewer
    ));
    assert!(matches!(
        ask(&mut story, 1, true),
        RenewOutcome::RegistrantIsNewer
    ));
    assert!(matches!(ask(&mut story, 0, true), RenewOutcome::Renewed));
    assert!(matches!(ask(&mut story, -1, false), RenewOutcome::Renewed));
    let shown = ask(&mut story, -1, true);
    assert!(matches!(shown, RenewOutcome::RegistryIsNewer(known) if known.last_dirty_ms == START_MS));
    assert!(matches!(
        story.renew("orders", "other"),
        RenewOutcome::NotRegistered
    ));
}

/// A peer that is ahead passes on its override with the heartbeat; a client cannot slip one in that way.
#[test]
fn a_peers_override_is_taken_over() {
    let mut story = Story::without_preservation();
    story.up("orders", "i1");
    let pass_on = |story: &mut Story, replicated| {
        let renewal = Renewal {
            last_dirty_ms: Some(START_MS + 1),
            status_override: Some(Status::OutOfService),
            replicated,
        };
        let outcome = story
            .registry
            .renew(story.now, &service("orders"), &id("i1"), renewal);
        assert!(matches!(outcome, RenewOutcome::RegistrantIsNewer));
        let held = story.get("orders", "i1").unwrap();
        (held.status, held.status_override)
    };
    assert_eq!(pass_on(&mut story, false), (Status::Up, None));
    assert_eq!(
        pass_on(&mut story, true),
        (Status::Up, Some(Status::OutOfService))
    );
    story.renew("orders", "i1");
    assert_eq!(story.status("orders", "i1"), Status::OutOfService);
}

/// An old registration that arrives late must not undo a newer one, but is a sign of life.
#[test]
fn an_older_registration_keeps_the_newer_description() {
    let mut story = Story::without_preservation();
    let mut newer = registration("orders", "i1", Status::Up);
    newer.last_dirty_ms = Some(START_MS + 5);
    newer.description.port = 9090;
    story.register(newer);
    story.wait_ms(2_000);
    let kept = story.up("orders", "i1");
    assert_eq!((kept.description.port, kept.last_dirty_ms), (9090, START_MS + 5));
    assert_eq!(kept.registered_ms, START_MS + 2_000);
    story.wait_ms(2_500);
    assert_eq!(story.evict(), 0, "the lease began anew");
}

/// An operator's override outranks what the instance says, but not its saying that it cannot serve.
#[test]
fn an_override_holds_until_it_is_removed() {
    let mut story = Story::without_preservation();
    story.up("orders", "i1");
    story.set_status("orders", "i1", Status::OutOfService);
    story.renew("orders", "i1");
    assert_eq!(story.status("orders", "i1"), Status::OutOfService);
    story.up("orders", "i1");
    assert_eq!(story.status("orders", "i1"), Status::OutOfService);
    story.register(registration("orders", "i1", Status::Starting));
    assert_eq!(story.status("orders", "i1"), Status::Starting);
    story.up("orders", "i1");
    assert_eq!(story.status("orders", "i1"), Status::OutOfService);
    story.remove_override("orders", "i1", Status::Up);
    assert_eq!(story.status("orders", "i1"), Status::Up);
    story.renew("orders", "i1");
    assert_eq!(story.status("orders", "i1"), Status::Up);
}

/// Removing an override without saying what holds now makes the next heartbeat register again.
#[test]
fn a_removed_override_asks_the_client_to_register() {
    let mut story = Story::without_preservation();
    story.up("orders", "i1");
    story.set_status("orders", "i1", Status::Down);
    story.remove_override("orders", "i1", Status::Unknown);
    assert_eq!(story.status("orders", "i1"), Status::Unknown);
    assert!(matches!(story.renew("orders", "i1"), RenewOutcome::StatusUnknown));
    story.up("orders", "i1");
    assert_eq!(story.status("orders", "i1"), Status::Up);
}

/// Setting the status that holds already sets no override and tells nobody.
#[test]
fn overriding_with_the_present_status_changes_nothing() {
    let mut story = Story::without_preservation();
    story.up("orders", "i1");
    let before = story.registry.revision();
    story.set_status("orders", "i1", Status::Up);
    assert_eq!(story.registry.revision(), before);
    assert_eq!(story.get("orders", "i1").unwrap().status_override, None);
    story.remove_override("orders", "i1", Status::Down);
    assert_eq!(
        story.status("orders", "i1"),
        Status::Up,
        "there was nothing to remove"
    );
}

/// A server that restarted learns overrides again from the registrations that carry them; a known one stays.
#[test]
fn a_registration_brings_its_override_along() {
    let mut story = Story::without_preservation();
    let with = |status| Registration {
        status_override: Some(status),
        ..registration("orders", "i1", Status::Up)
    };
    story.register(with(Status::OutOfService));
    assert_eq!(story.status("orders", "i1"), Status::OutOfService);
    story.register(with(Status::Down));
    assert_eq!(story.status("orders", "i1"), Status::OutOfService);
}

/// Leaving forgets the override: the next life of the instance starts clean.
#[test]
fn leaving_forgets_the_override() {
    let mut story = Story::without_preservation();
    story.up("orders", "i1");
    story.set_status("orders", "i1", Status::OutOfService);
    story
        .registry
        .cancel(story.now, &service("orders"), &id("i1"))
        .unwrap();
    story.up("orders", "i1");
    assert_eq!(story.status("orders", "i1"), Status::Up);
    let again = story
        .registry
        .cancel(story.now, &service("orders"), &id("other"))
        .unwrap_err();
    assert_eq!(again.kind(), ErrorKind::NotFound);
}

/// Metadata is merged, and counts as a registration with what is known.
#[test]
fn metadata_is_merged() {
    let mut story = Story::without_preservation();
    let mut first = registration("orders", "i1", Status::Starting);
    first.description.metadata = [("zone", "a"), ("color", "blue")].into_iter().collect();
    story.register(first);
    let pairs: Pairs = [("color", "green"), ("size", "1")].into_iter().collect();
    let now = story.now;
    let merged = story
        .registry
        .merge_metadata(now, &service("orders"), &id("i1"), &pairs)
        .unwrap();
    let all: Vec<_> = merged.description.metadata.iter().collect();
    assert_eq!(all, [("zone", "a"), ("color", "green"), ("size", "1")]);
    assert_eq!(
        (merged.status, merged.last_dirty_ms),
        (Status::Starting, START_MS)
    );
}

/// The delta holds the latest change of each instance for the retention time; the counts are of everything.
#[test]
fn the_delta_holds_the_latest_change_of_each() {
    let mut story = Story::without_preservation();
    story.up("orders", "old");
    story.wait_ms(100_000);
    story.up("orders", "i1");
    story.up("orders", "i2");
    story.set_status("orders", "i1", Status::Down);
    story
        .registry
        .cancel(story.now, &service("orders"), &id("i2"))
        .unwrap();
    story.up("orders", "i2");
    let kinds = |story: &Story| {
        let delta = story.registry.delta();
        assert_eq!(delta.counts, story.registry.snapshot().counts);
        delta
            .changes
            .iter()
            .map(|c| (c.instance.id().to_string(), c.kind))
            .collect::<Vec<_>>()
    };
    let change = |id: &str, kind| (id.to_owned(), kind);
    let (old, i1, i2) = (
        change("old", ChangeKind::Added),
        change("i1", ChangeKind::Modified),
        change("i2", ChangeKind::Added),
    );
    assert_eq!(kinds(&story), [old, i1.clone(), i2.clone()]);
    story.wait_ms(80_001);
    assert!(!story.registry.trim_changes(story.now, 100));
    assert_eq!(kinds(&story), [i1, i2]);
    story.wait_ms(100_000);
    assert!(!story.registry.trim_changes(story.now, 100));
    assert_eq!(kinds(&story), []);
}

/// The change log is bounded by its length too; whoever is behind its floor is sent a snapshot.
#[test]
fn a_position_that_is_forgotten_cannot_be_resumed() {
    let mut story = Story::new(Config {
        change_log_len_max: 4,
        ..Config::default()
    });
    (0..10).for_each(|n| drop(story.up("orders", &format!("i{n}"))));
    assert!(story.registry.changes_since(5, 100).is_none());
    let changes = story.registry.changes_since(6, 100).unwrap();
    assert_eq!(
        changes.changes.iter().map(|c| c.revision).collect::<Vec<_>>(),
        [7, 8, 9, 10]
    );
    assert!(
        story.registry.changes_since(11, 100).is_none(),
        "a position from the future is nobody's"
    );
    let some = story.registry.changes_since(6, 3).unwrap();
    assert_eq!((some.revision, some.changes.len()), (9, 3));
    assert_eq!(story.registry.changes_since(10, 3).unwrap().changes.len(), 0);
}

/// What cannot be done yet says so, and limits are limits.
#[test]
fn refusals_change_nothing() {
    let mut story = Story::new(Config {
        instances_max: 1,
        ..Config::default()
    });
    let persistent = Registration {
        consistency: Consistency::Persistent,
        ..registration("orders", "i1", Status::Up)
    };
    let refused = story.registry.register(story.now, persistent).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unavailable);
    assert!(refused.to_string().contains("needs the store"), "{refused}");
    story.up("orders", "i1");
    let full = story
        .registry
        .register(story.now, registration("orders", "i2", Status::Up))
        .unwrap_err();
    assert_eq!(full.kind(), ErrorKind::Overloaded);
    story.up("orders", "i1");
    assert_eq!(story.len(), 1);
}

/// Two services on one host may share an instance id: each has its own lease, and who asks for the id alone gets the
/// first by service that is alive.
#[test]
fn an_id_may_be_in_several_services() {
    let mut story = Story::without_preservation();
    for name in ["stock", "orders", "users"] {
        story.up(name, "host-1");
    }
    let found = |story: &mut Story| {
        let found = story.registry.find(story.now, &id("host-1"));
        found.map(|instance| instance.service().to_string())
    };
    assert_eq!(found(&mut story).as_deref(), Some("orders"));
    story.wait_ms(2_000);
    story.renew("stock", "host-1");
    story.renew("users", "host-1");
    story.wait_ms(1_001);
    assert_eq!(
        found(&mut story).as_deref(),
        Some("stock"),
        "the lease of orders is over"
    );
    assert!(story.get("orders", "host-1").is_none());
    let left = story.registry.cancel(story.now, &service("stock"), &id("host-1"));
    assert!(left.is_ok());
    assert_eq!(found(&mut story).as_deref(), Some("users"));
    assert_eq!(story.evict(), 1);
    assert_eq!((found(&mut story).as_deref(), story.len()), (Some("users"), 1));
    assert!(matches!(
        story.renew("stock", "host-1"),
        RenewOutcome::NotRegistered
    ));
}

/// A simulation that is run again with its seed must evict the same instances, though the table that heartbeats are
/// looked up in has another order in every registry.
#[test]
fn the_same_history_evicts_the_same() {
    let chosen = || {
        let mut story = Story::without_preservation();
        (0..200).for_each(|n| drop(story.up(&format!("s{}", n % 7), &format!("i{n}"))));
        story.wait_ms(3_001);
        let mut rng = koinon_base::Rng::from_seed(5);
        story.registry.plan_eviction(story.now, 0, &mut rng).chosen
    };
    let first = chosen();
    assert_eq!((first.len(), &first), (30, &chosen()));
}
