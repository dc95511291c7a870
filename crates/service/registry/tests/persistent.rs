//! Persistent instances over a real store: what was answered is shown, stays, and is the same everywhere.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test code")]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use koinon_base::{ErrorKind, InstanceId, Namespace, Rng, ServiceName, SystemClock};
use koinon_core_kv::{Delete, Keys, LeaseId, Put, SpaceId};
use koinon_core_registry::{
    ChangeKind, Config, Consistency, Description, Instance, LeaseTerms, Pairs, Registration, RegistryError,
    RenewOutcome, Renewal, Scheme, Status,
};
use koinon_io_disk::{Disk, OsDisk};
use koinon_service_registry::{Event, Follower, RegistryHandle, ServiceError, Settings};
use koinon_store::{Space, Store};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio::time::timeout;

const DEADLINE: Duration = Duration::from_secs(60);

/// A node's registry over its store.
struct Node {
    registry: RegistryHandle,
    store: Store,
    following: JoinHandle<()>,
}

impl Node {
    async fn start(dir: &Path) -> Self {
        Self::start_with(dir, koinon_store::Settings::default(), Settings::default()).await
    }

    async fn start_with(dir: &Path, store: koinon_store::Settings, settings: Settings) -> Self {
        let store = open_store(dir, store);
        let (registry, follower) = open(settings, space(&store)).await;
        Self {
            registry,
            store,
            following: tokio::spawn(follower.run()),
        }
    }

    async fn stop(self) {
        self.following.abort();
        let _aborted = self.following.await;
        self.store.close();
    }

    async fn register(&self, id: &str) -> Arc<Instance> {
        self.registry
            .register_persistent(&default(), registration(id))
            .await
            .unwrap()
    }

    fn get(&self, id: &str) -> Option<Arc<Instance>> {
        self.registry.get(&default(), &orders(), &name(id))
    }

    fn ids(&self) -> Vec<String> {
        ids(&self.registry)
    }
}

fn open_store(dir: &Path, settings: koinon_store::Settings) -> Store {
    let disk: Arc<dyn Disk> = Arc::new(OsDisk);
    Store::open(&disk, dir, settings, Arc::new(SystemClock::new())).unwrap()
}

async fn open(settings: Settings, space: Space) -> (RegistryHandle, Follower) {
    let clock = Arc::new(SystemClock::new());
    RegistryHandle::open(settings, clock, Rng::from_seed(1), space)
        .await
        .unwrap()
}

fn space(store: &Store) -> Space {
    store.space(SpaceId::REGISTRY)
}

fn dir() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn default() -> Namespace {
    Namespace::default()
}

fn orders() -> ServiceName {
    ServiceName::new("orders").unwrap()
}

fn name(id: &str) -> InstanceId {
    InstanceId::new(id).unwrap()
}

fn registration(id: &str) -> Registration {
    Registration {
        description: Description {
            service: orders(),
            id: name(id),
            address: "127.0.0.1".into(),
            port: 80,
            scheme: Scheme::Https,
            zone: Some("a".into()),
            weight: 7,
            version: Some("1.2".into()),
            metadata: [("größe", "\u{1}\""), ("k", "v")].into_iter().collect(),
            attributes: [("x.y", "z")].into_iter().collect(),
            lease: LeaseTerms::default(),
        },
        consistency: Consistency::Persistent,
        status: Status::Up,
        status_override: None,
        last_dirty_ms: None,
        replicated: false,
    }
}

fn ephemeral(id: &str) -> Registration {
    Registration {
        consistency: Consistency::Ephemeral,
        ..registration(id)
    }
}

fn ids(registry: &RegistryHandle) -> Vec<String> {
    let snapshot = registry.snapshot(&default()).unwrap();
    snapshot.instances().map(|held| held.id().to_string()).collect()
}

fn key(id: &str) -> Bytes {
    format!("instances/default/orders/{id}").into()
}

fn put(id: &str, value: impl Into<Bytes>) -> Put {
    Put {
        key: key(id),
        value: Some(value.into()),
        lease: Some(LeaseId::NONE),
        prev_kv: false,
    }
}

fn delete(id: &str) -> Delete {
    Delete {
        keys: Keys::One(key(id)),
        prev_kv: false,
    }
}

fn value(port: u16) -> String {
    format!(
        r#"{{"v":1,"address":"h","port":{port},"scheme":"http","weight":100,"status":"up","registered_ms":1,"changed_ms":2}}"#
    )
}

/// Waits for a change of the registry until `ready` says what was waited for.
async fn until<T>(registry: &RegistryHandle, what: &str, mut ready: impl FnMut() -> Option<T>) -> T {
    let mut changes = registry.subscribe(&default(), None, None).unwrap();
    let waited = timeout(DEADLINE, async {
        loop {
            if let Some(value) = ready() {
                return value;
            }
            let _event = changes.next().await;
        }
    });
    waited.await.unwrap_or_else(|_| panic!("waited for: {what}"))
}

/// What was answered is shown at once, by every way of looking, and a restart changes nothing that a client sees.
#[tokio::test]
async fn an_instance_survives_a_restart() {
    let dir = dir();
    let node = Node::start(dir.path()).await;
    let registered = node.register("a").await;
    assert_eq!(registered.consistency, Consistency::Persistent);
    assert_eq!(*registered.description, registration("a").description);
    assert_eq!(
        node.registry.find(&default(), &name("a")).unwrap().revision,
        registered.revision
    );
    assert_eq!(node.ids(), ["a"]);
    node.stop().await;

    let node = Node::start(dir.path()).await;
    let found = node.get("a").unwrap();
    assert_eq!(found.description, registered.description);
    assert_eq!(
        (found.status, found.registered_ms),
        (Status::Up, registered.registered_ms)
    );
    assert_eq!(
        (found.last_dirty_ms, found.up_since_ms),
        (registered.last_dirty_ms, registered.up_since_ms)
    );
    node.registry
        .deregister(&default(), &orders(), &name("a"))
        .await
        .unwrap();
    assert_eq!(node.ids(), [""; 0]);
    let again = node.registry.deregister(&default(), &orders(), &name("a")).await;
    assert_eq!(again.unwrap_err().kind(), ErrorKind::NotFound);
    node.stop().await;

    let node = Node::start(dir.path()).await;
    assert_eq!(node.ids(), [""; 0]);
    node.stop().await;
}

/// Without a close, as after a kill: the answer came after the sync, so what was answered is there.
#[tokio::test]
async fn what_was_answered_needs_no_goodbye() {
    let dir = dir();
    let node = Node::start(dir.path()).await;
    node.register("a").await;
    node.following.abort();
    // Everything as it is on disk at this moment, the backend's last flush not waited for.
    let copy = tempfile::tempdir().unwrap();
    copy_all(dir.path(), copy.path());
    let other = Node::start(copy.path()).await;
    assert_eq!(other.ids(), ["a"]);
    other.stop().await;
    node.store.close();
}

fn copy_all(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir(&target).unwrap();
            copy_all(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// An operator's word outlives restarts and registrations, and when it is taken back the instance is what it says it is: it has
/// no heartbeat with which to say it again.
#[tokio::test]
async fn an_override_is_kept() {
    let dir = dir();
    let node = Node::start(dir.path()).await;
    let (default, orders, a) = (default(), orders(), name("a"));
    node.register("a").await;
    let out = Status::OutOfService;
    node.registry
        .set_override(&default, &orders, &a, out, None)
        .await
        .unwrap();
    node.register("a").await;
    node.stop().await;
    let node = Node::start(dir.path()).await;
    let held = node.get("a").unwrap();
    assert_eq!((held.status, held.status_override), (out, Some(out)));
    let revision = space(&node.store).revision();
    node.registry
        .set_override(&default, &orders, &a, out, None)
        .await
        .unwrap();
    assert_eq!(
        space(&node.store).revision(),
        revision,
        "what is so already is no change"
    );

    node.registry
        .clear_override(&default, &orders, &a, Status::Unknown, None)
        .await
        .unwrap();
    let held = node.get("a").unwrap();
    assert_eq!((held.status, held.status_override), (Status::Up, None));
    node.registry
        .set_override(&default, &orders, &a, out, None)
        .await
        .unwrap();
    node.registry
        .clear_override(&default, &orders, &a, Status::Down, None)
        .await
        .unwrap();
    assert_eq!(node.get("a").unwrap().status, Status::Down);
    node.stop().await;
}

/// Metadata added through a door that knows no classes is kept too, within the limit.
#[tokio::test]
async fn metadata_is_added() {
    let dir = dir();
    let settings = Settings {
        namespace: Config {
            metadata_len_max: 40,
            ..Config::default()
        },
        ..Settings::default()
    };
    let node = Node::start_with(dir.path(), koinon_store::Settings::default(), settings).await;
    node.register("a").await;
    let add = async |value: String| {
        let pairs: Pairs = [("k", value)].into_iter().collect();
        node.registry
            .add_metadata(&default(), &orders(), &name("a"), &pairs)
            .await
    };
    add("w".into()).await.unwrap();
    assert_eq!(node.get("a").unwrap().description.metadata.get("k"), Some("w"));
    assert_eq!(add("w".repeat(40)).await.unwrap_err().kind(), ErrorKind::Invalid);
    assert_eq!(node.get("a").unwrap().description.metadata.get("k"), Some("w"));
    node.stop().await;
}

/// Both classes are one registry to those who look, and an id is of one class.
#[tokio::test]
async fn the_union_is_shown_and_an_id_is_of_one_class() {
    let dir = dir();
    let node = Node::start(dir.path()).await;
    node.registry.register(&default(), ephemeral("beats")).unwrap();
    node.register("stays").await;
    assert_eq!(node.ids(), ["beats", "stays"]);
    let refused = node
        .registry
        .register_persistent(&default(), registration("beats"))
        .await;
    let refused = refused.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::AlreadyExists);
    assert!(
        refused
            .to_string()
            .contains("registered as ephemeral; deregister it"),
        "{refused}"
    );
    let refused = node
        .registry
        .register(&default(), ephemeral("stays"))
        .unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::AlreadyExists);
    let beat = node
        .registry
        .renew(&default(), &orders(), &name("stays"), Renewal::default());
    assert!(matches!(beat, RenewOutcome::NotNeeded));
    for id in ["beats", "stays"] {
        node.registry
            .deregister(&default(), &orders(), &name(id))
            .await
            .unwrap();
    }
    assert_eq!(node.ids(), [""; 0]);
    node.stop().await;
}

/// Where an ephemeral instance and a persistent one of one id met unseen, the store's is what everybody ends up with.
#[tokio::test]
async fn the_stores_instance_wins_a_race() {
    let dir = dir();
    let node = Node::start(dir.path()).await;
    node.registry.register(&default(), ephemeral("a")).unwrap();
    space(&node.store).put(put("a", value(9))).await.unwrap();
    let held = until(&node.registry, "the store's instance", || {
        node.get("a")
            .filter(|held| held.consistency == Consistency::Persistent)
    });
    assert_eq!(held.await.description.port, 9);
    node.stop().await;
}

/// Two nodes on one store: each shows what the other did, in order, as changes and not as new snapshots.
#[tokio::test]
async fn other_nodes_changes_are_followed() {
    let dir = dir();
    let node = Node::start(dir.path()).await;
    let (other, follower) = open(Settings::default(), space(&node.store)).await;
    let following = tokio::spawn(follower.run());
    let mut changes = other.subscribe(&default(), None, None).unwrap();
    assert!(matches!(changes.next().await, Some(Event::Snapshot { .. })));
    node.register("a").await;
    node.registry
        .set_override(&default(), &orders(), &name("a"), Status::Down, None)
        .await
        .unwrap();
    node.registry
        .deregister(&default(), &orders(), &name("a"))
        .await
        .unwrap();
    let mut last = None;
    while last != Some(ChangeKind::Removed) {
        match timeout(DEADLINE, changes.next()).await.unwrap().unwrap() {
            Event::Changes { changes, .. } => last = changes.last().map(|change| change.kind),
            Event::Snapshot { .. } => panic!("nothing was lost"),
        }
    }
    assert_eq!(ids(&other), [""; 0]);
    following.abort();
    node.stop().await;
}

/// A follower whose place is compacted starts anew, and tells its subscribers of the differences only.
#[tokio::test]
async fn a_compacted_place_starts_anew_with_the_differences() {
    let dir = dir();
    let store = open_store(dir.path(), koinon_store::Settings::default());
    let space = space(&store);
    for id in ["changed", "gone", "same"] {
        space.put(put(id, value(1))).await.unwrap();
    }
    let (registry, follower) = open(Settings::default(), space.clone()).await;
    let get = |id: &str| registry.get(&default(), &orders(), &name(id));
    let same = get("same").unwrap().revision;
    // It does not run yet, and all of this it will have missed.
    space.put(put("changed", value(2))).await.unwrap();
    space.put(put("new", value(1))).await.unwrap();
    space.delete(delete("gone")).await.unwrap();
    space.compact(space.revision(), true).await.unwrap();
    let following = tokio::spawn(follower.run());
    until(&registry, "what was missed", || {
        (ids(&registry) == ["changed", "new", "same"]).then_some(())
    })
    .await;
    assert_eq!(get("changed").unwrap().description.port, 2);
    assert_eq!(
        get("same").unwrap().revision,
        same,
        "nobody is told of what did not change"
    );
    // And it follows from there.
    space.delete(delete("new")).await.unwrap();
    until(&registry, "the next change", || {
        get("new").is_none().then_some(())
    })
    .await;
    following.abort();
    store.close();
}

/// More instances than are read at once: none is left out between two pages, and none of what is beside them is taken in.
#[tokio::test]
async fn many_are_read_in_pages() {
    let dir = dir();
    let store = open_store(dir.path(), koinon_store::Settings::default());
    let space = space(&store);
    let count = 2_500;
    let writes = (0..count).map(|n| {
        let space = space.clone();
        tokio::spawn(async move { space.put(put(&format!("i{n}"), value(1))).await.unwrap() })
    });
    for write in writes.collect::<Vec<_>>() {
        write.await.unwrap();
    }
    for beside in ["instances", "instances/default/orders", "instances0", "other"] {
        let foreign = Put {
            key: Bytes::from(beside),
            ..put("x", value(1))
        };
        space.put(foreign).await.unwrap();
    }
    let (registry, _follower) = open(Settings::default(), space).await;
    assert_eq!(registry.snapshot(&default()).unwrap().counts.total(), count);
    store.close();
}

/// Something that is no instance hides itself and nothing else; an operator can put an instance in its place, but not in the
/// place of one that a newer version wrote.
#[tokio::test]
async fn what_cannot_be_read_is_not_shown() {
    let dir = dir();
    let node = Node::start(dir.path()).await;
    let space = space(&node.store);
    node.register("a").await;
    space.put(put("a", "{")).await.unwrap();
    until(&node.registry, "the damaged one to be hidden", || {
        node.get("a").is_none().then_some(())
    })
    .await;
    let refused = node
        .registry
        .set_override(&default(), &orders(), &name("a"), Status::Down, None)
        .await
        .unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Corrupt);
    node.register("a").await;
    assert_eq!(node.ids(), ["a"]);

    space
        .put(put("b", value(1).replace(r#""v":1"#, r#""v":9"#)))
        .await
        .unwrap();
    let refused = node
        .registry
        .register_persistent(&default(), registration("b"))
        .await;
    assert!(
        matches!(refused, Err(ServiceError::NewerFormat { format: 9, .. })),
        "{refused:?}"
    );
    node.registry
        .deregister(&default(), &orders(), &name("b"))
        .await
        .unwrap();
    node.register("b").await;
    node.stop().await;
}

/// Changes that meet are all done, one after the other: none is lost because it was decided on what another replaced.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_that_meet_are_all_done() {
    let dir = dir();
    let node = Node::start(dir.path()).await;
    node.register("a").await;
    let adding = (0..8).map(|n| {
        let registry = node.registry.clone();
        tokio::spawn(async move {
            let pairs: Pairs = [(format!("n{n}"), "1")].into_iter().collect();
            registry
                .add_metadata(&default(), &orders(), &name("a"), &pairs)
                .await
                .unwrap();
        })
    });
    for one in adding.collect::<Vec<_>>() {
        one.await.unwrap();
    }
    let held = node.get("a").unwrap();
    assert!((0..8).all(|n| held.description.metadata.get(&format!("n{n}")).is_some()));
    node.stop().await;
}

/// The store is not filled with what no node would show: limits are checked before anything is written.
#[tokio::test]
async fn limits_hold_before_anything_is_written() {
    let dir = dir();
    let settings = Settings {
        namespace: Config {
            instances_max: 1,
            ..Config::default()
        },
        namespaces_max: 1,
    };
    let node = Node::start_with(dir.path(), koinon_store::Settings::default(), settings).await;
    let mut large = registration("large");
    large.description.metadata = [("k", "\u{1}".repeat(400_000))].into_iter().collect();
    let register = async |namespace: &Namespace, registration: Registration| {
        let refused = node.registry.register_persistent(namespace, registration).await;
        refused.unwrap_err()
    };
    assert!(matches!(
        register(&default(), large).await,
        ServiceError::TooLarge { .. }
    ));
    node.register("a").await;
    let full = register(&default(), registration("b")).await;
    assert!(
        matches!(full, ServiceError::Registry(RegistryError::Full { max: 1 })),
        "{full}"
    );
    let other = Namespace::new("other").unwrap();
    assert_eq!(
        register(&other, registration("c")).await.kind(),
        ErrorKind::Overloaded
    );
    assert_eq!(
        space(&node.store).revision(),
        2,
        "one write, and the first revision is 1"
    );
    node.register("a").await;
    node.stop().await;
}

/// What others wrote into the store beyond this node's limits is not shown, does not stop what is, and comes when there is room.
#[tokio::test]
async fn what_there_was_no_room_for_comes_later() {
    let dir = dir();
    let store = open_store(dir.path(), koinon_store::Settings::default());
    let space = space(&store);
    for id in ["a", "b", "c"] {
        space.put(put(id, value(1))).await.unwrap();
    }
    let settings = Settings {
        namespace: Config {
            instances_max: 2,
            ..Config::default()
        },
        ..Settings::default()
    };
    let (registry, follower) = open(settings, space.clone()).await;
    assert_eq!(ids(&registry), ["a", "b"]);
    let following = tokio::spawn(follower.run());
    space.delete(delete("a")).await.unwrap();
    // From here on nothing waits for the disk, so that time may run as fast as it can.
    tokio::time::pause();
    until(&registry, "the third", || {
        (ids(&registry) == ["b", "c"]).then_some(())
    })
    .await;
    following.abort();
    store.close();
}

/// A store that takes no writes says so with a kind that doors understand, and what is shown stays.
#[tokio::test]
async fn the_stores_refusals_come_through() {
    let dir = dir();
    let full = koinon_store::Settings {
        proposals_max: 0,
        ..koinon_store::Settings::default()
    };
    let node = Node::start(dir.path()).await;
    node.register("a").await;
    node.stop().await;
    let node = Node::start_with(dir.path(), full, Settings::default()).await;
    let refused = node
        .registry
        .register_persistent(&default(), registration("b"))
        .await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Overloaded);
    node.stop().await;
    let node = Node::start(dir.path()).await;
    node.store.close();
    let (default, orders, a) = (default(), orders(), name("a"));
    let refused = node.registry.deregister(&default, &orders, &a).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unavailable, "{refused}");
    assert_eq!(node.ids(), ["a"]);
    node.registry.register(&default, ephemeral("c")).unwrap();
    assert_eq!(node.ids(), ["a", "c"], "ephemeral instances need no store");
    node.following.abort();
}

/// Whoever asked while this node could not show the outcome is told that nobody knows, and not that nothing happened.
#[tokio::test(start_paused = true)]
async fn what_is_not_shown_yet_is_not_called_failed() {
    let dir = dir();
    let store = open_store(dir.path(), koinon_store::Settings::default());
    let (registry, follower) = open(Settings::default(), space(&store)).await;
    let unknown = registry
        .register_persistent(&default(), registration("a"))
        .await
        .unwrap_err();
    assert_eq!(unknown.kind(), ErrorKind::OutcomeUnknown, "{unknown}");
    assert_eq!(ids(&registry), [""; 0]);
    tokio::time::resume();
    let following = tokio::spawn(follower.run());
    until(&registry, "what was done all the same", || {
        (ids(&registry) == ["a"]).then_some(())
    })
    .await;
    following.abort();
    store.close();
}

/// A registry without a store, as libraries and tests have it, says what it lacks.
#[tokio::test]
async fn without_a_store_there_are_none() {
    let clock = Arc::new(SystemClock::new());
    let registry = RegistryHandle::new(Settings::default(), clock, Rng::from_seed(1));
    let refused = registry
        .register_persistent(&default(), registration("a"))
        .await
        .unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unavailable);
    assert!(refused.to_string().contains("needs the store"), "{refused}");
    let missing = registry
        .deregister(&default(), &orders(), &name("a"))
        .await
        .unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
}
