//! What a watcher may rely on: a snapshot first, then every change in order, and never a gap.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test code")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use koinon_base::{InstanceId, ManualClock, Namespace, Rng, ServiceName};
use koinon_core_registry::{
    ChangeKind, Config, Consistency, Description, LeaseTerms, Pairs, Registration, Scheme, Status,
};
use koinon_service_registry::{Event, Position, RegistryHandle, Settings, Subscription};
use tokio::time::timeout;

fn registry(change_log_len_max: usize) -> RegistryHandle {
    let settings = Settings {
        namespace: Config {
            change_log_len_max,
            ..Config::default()
        },
        namespaces_max: 2,
    };
    RegistryHandle::new(
        settings,
        Arc::new(ManualClock::new(1_700_000_000_000)),
        Rng::from_seed(3),
    )
}

fn registration(service: &str, id: &str) -> Registration {
    Registration {
        description: Description {
            service: ServiceName::new(service).unwrap(),
            id: InstanceId::new(id).unwrap(),
            address: "127.0.0.1".into(),
            port: 80,
            scheme: Scheme::Http,
            zone: None,
            weight: Description::WEIGHT_DEFAULT,
            version: None,
            metadata: Pairs::new(),
            attributes: Pairs::new(),
            lease: LeaseTerms::default(),
        },
        consistency: Consistency::Ephemeral,
        status: Status::Up,
        status_override: None,
        last_dirty_ms: None,
        replicated: false,
    }
}

fn up(registry: &RegistryHandle, service: &str, id: &str) {
    registry
        .register(&Namespace::default(), registration(service, id))
        .unwrap();
}

fn watch(registry: &RegistryHandle, service: Option<&str>, position: Option<Position>) -> Subscription {
    let service = service.map(|name| ServiceName::new(name).unwrap());
    registry
        .subscribe(&Namespace::default(), service, position)
        .unwrap()
}

/// What a watcher knows after an event.
#[derive(Default, Debug, PartialEq)]
struct Known {
    instances: BTreeMap<String, u64>,
    position: Option<Position>,
    snapshots: usize,
}

impl Known {
    fn apply(&mut self, event: Event) {
        match event {
            Event::Snapshot { position, services } => {
                let all = services.iter().flat_map(|view| view.instances.values());
                self.instances = all.map(|i| (i.id().to_string(), i.revision)).collect();
                self.position = Some(position);
                self.snapshots += 1;
            }
            Event::Changes { position, changes } => {
                assert!(!changes.is_empty());
                for change in changes {
                    let id = change.instance.id().to_string();
                    let _ = match change.kind {
                        ChangeKind::Removed => self.instances.remove(&id),
                        ChangeKind::Added | ChangeKind::Modified => {
                            self.instances.insert(id, change.revision)
                        }
                    };
                }
                self.position = Some(position);
            }
        }
    }

    fn ids(&self) -> Vec<&str> {
        self.instances.keys().map(String::as_str).collect()
    }
}

async fn next(subscription: &mut Subscription) -> Event {
    timeout(Duration::from_secs(5), subscription.next())
        .await
        .expect("an event was due")
        .unwrap()
}

async fn is_quiet(subscription: &mut Subscription) -> bool {
    timeout(Duration::from_millis(20), subscription.next())
        .await
        .is_err()
}

/// Nothing is missed between the snapshot and the first change, and another service's news wakes nobody for long.
#[tokio::test]
async fn a_snapshot_then_changes() {
    let registry = registry(100);
    up(&registry, "orders", "a");
    let mut subscription = watch(&registry, Some("orders"), None);
    up(&registry, "orders", "b");
    let mut known = Known::default();
    known.apply(next(&mut subscription).await);
    assert_eq!(known.ids(), ["a", "b"]);
    assert!(is_quiet(&mut subscription).await);
    up(&registry, "stock", "x");
    assert!(is_quiet(&mut subscription).await);
    up(&registry, "orders", "c");
    known.apply(next(&mut subscription).await);
    assert_eq!((known.ids(), known.snapshots), (vec!["a", "b", "c"], 1));
}

/// A watcher that reconnects with its position gets what it missed and nothing else.
#[tokio::test]
async fn a_position_is_resumed() {
    let registry = registry(100);
    up(&registry, "orders", "a");
    let mut known = Known::default();
    known.apply(next(&mut watch(&registry, None, None)).await);
    let (default, orders, a) = (
        Namespace::default(),
        ServiceName::new("orders").unwrap(),
        InstanceId::new("a").unwrap(),
    );
    registry.cancel(&default, &orders, &a).unwrap();
    up(&registry, "orders", "b");
    let mut resumed = watch(&registry, None, known.position);
    known.apply(next(&mut resumed).await);
    assert_eq!((known.ids(), known.snapshots), (vec!["b"], 1));
    assert!(is_quiet(&mut resumed).await);
}

/// A position of an earlier life of the server, or one that is forgotten, leads to a snapshot and not to a gap.
#[tokio::test]
async fn a_position_that_cannot_be_resumed_starts_over() {
    let registry = registry(3);
    up(&registry, "orders", "a");
    let mut known = Known::default();
    known.apply(next(&mut watch(&registry, None, None)).await);
    let position = known.position.unwrap();
    let stranger = Position {
        life: position.life ^ 1,
        ..position
    };
    known.apply(next(&mut watch(&registry, None, Some(stranger))).await);
    assert_eq!(known.snapshots, 2);
    for n in 0..5 {
        up(&registry, "orders", &format!("b{n}"));
    }
    known.apply(next(&mut watch(&registry, None, Some(position))).await);
    assert_eq!((known.snapshots, known.instances.len()), (3, 6));
}

/// A slow watcher among quick changes ends up with the truth, through changes or through a new snapshot, while the
/// registry keeps nothing for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_watcher_catches_up() {
    const CHANGES: u64 = 2_000;
    let registry = registry(50);
    let mut subscription = watch(&registry, None, None);
    let writer = tokio::spawn({
        let registry = registry.clone();
        async move {
            for n in 0..CHANGES {
                up(&registry, "orders", &format!("i{}", n % 300));
                if n % 100 == 0 {
                    tokio::task::yield_now().await;
                }
            }
        }
    });
    let mut known = Known::default();
    while known.position.is_none_or(|position| position.revision < CHANGES) {
        known.apply(next(&mut subscription).await);
    }
    writer.await.unwrap();
    let truth = registry.snapshot(&Namespace::default()).unwrap();
    let truth = truth
        .instances()
        .map(|i| (i.id().to_string(), i.revision))
        .collect::<BTreeMap<_, _>>();
    assert_eq!(known.instances, truth);
}

/// Namespaces do not see each other, and there may be only so many.
#[tokio::test]
async fn namespaces_are_apart_and_bounded() {
    let registry = registry(100);
    let other = Namespace::new("other").unwrap();
    up(&registry, "orders", "a");
    registry.register(&other, registration("orders", "b")).unwrap();
    let only = |namespace: &Namespace| registry.snapshot(namespace).unwrap().counts.total();
    assert_eq!((only(&Namespace::default()), only(&other)), (1, 1));
    let third = Namespace::new("third").unwrap();
    let refused = registry
        .register(&third, registration("orders", "c"))
        .unwrap_err();
    assert!(
        refused.to_string().contains("registry.namespaces_max"),
        "{refused}"
    );
    assert!(registry.snapshot(&third).is_none());
}

/// Watching invented names must not use up the namespaces, and a name that is watched stays.
#[tokio::test]
async fn names_that_were_only_watched_are_forgotten() {
    let registry = registry(100);
    let name = |n: usize| Namespace::new(&format!("n{n}")).unwrap();
    for n in 0..20 {
        drop(registry.subscribe(&name(n), None, None).unwrap());
    }
    let mut watching = registry.subscribe(&name(20), None, None).unwrap();
    assert!(matches!(next(&mut watching).await, Event::Snapshot { .. }));
    assert!(registry.subscribe(&name(21), None, None).is_err());
    registry.register(&name(20), registration("orders", "a")).unwrap();
    assert!(matches!(next(&mut watching).await, Event::Changes { .. }));
}
