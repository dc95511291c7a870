//! What instances that come and go all the time leave in the change log.

mod common;

use common::{Story, id, service};
use koinon_core_registry::{ChangeKind, Config};

fn come_and_go(story: &mut Story, instance: &str, times: usize) {
    for _ in 0..times {
        story.up("orders", instance);
        let left = story
            .registry
            .cancel(story.now, &service("orders"), &id(instance));
        assert!(left.is_ok());
    }
}

/// One instance in a crash loop must not push everybody else's changes out of the delta, and must not make the
/// server keep a thousand copies of it.
#[test]
fn one_that_comes_and_goes_takes_one_place() {
    let mut story = Story::new(Config {
        change_log_len_max: 8,
        ..Config::default()
    });
    story.up("orders", "calm");
    let start = story.registry.revision();
    come_and_go(&mut story, "restless", 100);
    assert_eq!(story.registry.figures(story.now).change_log_len, 2);
    let seen: Vec<_> = story.registry.delta().changes;
    let seen: Vec<_> = seen.iter().map(|c| (c.instance.id().as_str(), c.kind)).collect();
    let expected = [("calm", ChangeKind::Added), ("restless", ChangeKind::Removed)];
    assert_eq!(seen, expected);
    let resumed = story.registry.changes_since(start, 100).map(|c| c.changes.len());
    assert_eq!(resumed, Some(1), "nobody has to start over because of it");
}

/// A removal that is forgotten must not be taken for one that is still there when its instance comes back.
#[test]
fn one_that_comes_back_after_its_removal_was_forgotten_is_new() {
    let mut story = Story::without_preservation();
    come_and_go(&mut story, "i1", 1);
    story.wait_ms(180_001);
    assert!(!story.registry.trim_changes(story.now, 10));
    assert_eq!(story.registry.delta().changes.len(), 0);
    story.up("orders", "i1");
    assert_eq!(story.registry.delta().changes.len(), 1);
}

/// Forgetting a mass change goes in portions, so that heartbeats get through in between.
#[test]
fn forgetting_is_bounded() {
    let mut story = Story::without_preservation();
    (0..5).for_each(|n| drop(story.up("orders", &format!("i{n}"))));
    story.wait_ms(180_001);
    assert!(story.registry.trim_changes(story.now, 2));
    assert_eq!(story.registry.figures(story.now).change_log_len, 3);
    assert!(story.registry.trim_changes(story.now, 2));
    assert!(!story.registry.trim_changes(story.now, 2));
    assert_eq!(story.registry.figures(story.now).change_log_len, 0);
}
