//! What an instance may be brought to, and whose word counts, when clients or clocks misbehave.

#![allow(clippy::unwrap_used, reason = "test code")]

mod common;

use common::{START_MS, Story, id, registration, service};
use koinon_base::{ErrorKind, Now};
use koinon_core_registry::{Config, Pairs, Registration, Status};

/// Everybody fetches an instance's metadata: a client in a loop must not make it grow for ever.
#[test]
fn metadata_does_not_grow_without_end() {
    let mut story = Story::new(Config {
        metadata_len_max: 10,
        ..Config::default()
    });
    story.up("orders", "i1");
    let mut merge = |key: &str, value: &str| {
        let pairs: Pairs = [(key, value)].into_iter().collect();
        let (service, id) = (service("orders"), id("i1"));
        let merged = story.registry.merge_metadata(story.now, &service, &id, &pairs);
        merged.map(|held| held.description.metadata.text_len())
    };
    assert_eq!(merge("a", "1234").unwrap(), 5);
    assert_eq!(merge("b", "1234").unwrap(), 10);
    let refused = merge("c", "").unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Invalid);
    assert_eq!(merge("b", "4321").unwrap(), 10, "replacing goes on");
}

/// The native API names no dirty time. After a step of the clock back, or after a registration that claims a time in
/// the future, a new address was answered with success and ignored.
#[test]
fn a_registrant_without_a_time_is_believed() {
    let mut story = Story::new(Config::default());
    let moved = |address: &str| {
        let mut registration = registration("orders", "i1", Status::Up);
        registration.description.address = address.into();
        Registration {
            last_dirty_ms: None,
            ..registration
        }
    };
    story.register(moved("old"));
    story.now = Now {
        unix_ms: START_MS - 3_600_000,
        ..story.now.plus_ms(1)
    };
    assert_eq!(&*story.register(moved("new")).description.address, "new");
    story.register(Registration {
        last_dirty_ms: Some(i64::MAX),
        ..moved("future")
    });
    assert_eq!(&*story.register(moved("newest")).description.address, "newest");
}

/// A few clients with a megabyte of metadata each must not take the server's memory: the next is refused, told which
/// setting it was, and those that are there keep their places.
#[test]
fn all_instances_together_have_a_limit() {
    let heavy = |instance: &str| {
        let mut registration = registration("orders", instance, Status::Up);
        registration.description.metadata = [("k", "x".repeat(10_000))].into_iter().collect();
        registration
    };
    let mut story = Story::new(Config {
        bytes_max: 25_000,
        ..Config::default()
    });
    story.register(heavy("i1"));
    story.register(heavy("i2"));
    let refused = story.registry.register(story.now, heavy("i3")).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Overloaded);
    assert!(refused.to_string().contains("registry.bytes_max"), "{refused}");
    story.register(heavy("i2"));
    assert_eq!((story.len(), story.registry.revision()), (2, 3));
}

/// Coming and going with much metadata fills the change log, not the memory: those who register come before the memory
/// of those who left, and a watcher that has missed something is told so.
#[test]
fn those_who_left_make_room() {
    let mut story = Story::new(Config {
        bytes_max: 25_000,
        ..Config::default()
    });
    for n in 0..20 {
        let mut heavy = registration("orders", &format!("i{n}"), Status::Up);
        heavy.description.metadata = [("k", "x".repeat(10_000))].into_iter().collect();
        story.register(heavy);
        let left = story
            .registry
            .cancel(story.now, &service("orders"), &id(&format!("i{n}")));
        left.unwrap();
    }
    assert!(story.registry.figures(story.now).bytes <= 25_000);
    assert!(story.registry.changes_since(1, 10).is_none());
    let late = story.registry.changes_since(story.registry.revision() - 1, 10);
    assert_eq!(late.map(|changes| changes.changes.len()), Some(1));
}
