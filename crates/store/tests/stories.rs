//! What a user of the store sees: answers, history, watches, leases, and all of it again after a restart.

#![allow(clippy::unwrap_used, reason = "a story ends where something it needs fails")]

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::*;
use koinon_base::{ErrorKind, ManualClock};
use koinon_core_kv::{Delete, Keys, KvError, LeaseId, Op, Put, SpaceId, Txn};
use koinon_store::{
    Consistency, Export, Retention, Settings, StoreError, WatchMessage, WatchRequest, run_leases,
    run_retention,
};

/// A write that was answered is in every later read, and its revision is the reader's.
#[tokio::test]
async fn what_was_written_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let space = etcd(&store);
    assert_eq!(space.put(put("a", "1")).await.unwrap().revision, 2);
    assert_eq!(space.put(put("b", "2")).await.unwrap().revision, 3);
    assert_eq!(space.delete(delete("a")).await.unwrap().value.count, 1);
    assert_eq!(held(&space).await, [("b".into(), "2".into())]);
    assert_eq!(
        held_at(&space, 3).await,
        [("a".into(), "1".into()), ("b".into(), "2".into())]
    );
    store.close();
}

/// Keyspaces have revisions and keys of their own.
#[tokio::test]
async fn keyspaces_do_not_see_each_other() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let registry = store.space(SpaceId::REGISTRY);
    etcd(&store).put(put("a", "1")).await.unwrap();
    assert_eq!(registry.put(put("b", "2")).await.unwrap().revision, 2);
    assert_eq!(held(&registry).await, [("b".into(), "2".into())]);
    store.close();
}

/// Everything is there again after a restart: keys, history, leases, what was compacted, and the revision.
#[tokio::test]
async fn a_restart_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let space = etcd(&store);
    for n in 0..50 {
        space
            .put(put(&format!("k{}", n % 7), &n.to_string()))
            .await
            .unwrap();
    }
    let (lease, _) = space.lease_grant(Some(LeaseId(77)), 600).await.unwrap().value;
    space
        .put(Put {
            lease: Some(lease),
            ..put("leased", "x")
        })
        .await
        .unwrap();
    space.compact(20, true).await.unwrap();
    let (now, then) = (held(&space).await, held_at(&space, 30).await);
    let revision = space.revision();
    store.close();
    drop((space, store));

    let store = open(dir.path());
    let space = etcd(&store);
    assert_eq!(space.revision(), revision);
    assert_eq!((held(&space).await, held_at(&space, 30).await), (now, then));
    let compacted = space
        .range(&range(all(), 19), Consistency::Linearizable)
        .await
        .unwrap_err();
    assert!(
        matches!(
            compacted,
            StoreError::Kv(KvError::Compacted { compacted: 20, .. })
        ),
        "{compacted}"
    );
    let state = space.lease_state(lease, true).await.unwrap().value.unwrap();
    assert_eq!((state.granted_s, state.keys), (600, vec![key("leased")]));
    store.close();
}

/// What the backend did not get before the process ended comes from the log.
#[tokio::test]
async fn what_was_not_flushed_comes_from_the_log() {
    let dir = tempfile::tempdir().unwrap();
    // Nothing is flushed by itself, and the store is not closed but forgotten.
    let settings = Settings {
        flush_interval: std::time::Duration::from_secs(3600),
        ..Settings::default()
    };
    let store = open_with(dir.path(), settings);
    for n in 0..100 {
        etcd(&store).put(put(&format!("k{n}"), "v")).await.unwrap();
    }
    let copy = tempfile::tempdir().unwrap();
    copy_dir(dir.path(), copy.path());
    let again = open(copy.path());
    assert_eq!(etcd(&again).revision(), 101);
    assert_eq!(held(&etcd(&again)).await.len(), 100);
    again.close();
    store.close();
}

/// A refused command has no effect, takes no revision, and is refused again when the log is replayed.
#[tokio::test]
async fn what_is_refused_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let space = etcd(&store);
    let unknown = Put {
        lease: Some(LeaseId(5)),
        ..put("a", "1")
    };
    let error = space.put(unknown).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(space.revision(), 1);
    space.put(put("b", "2")).await.unwrap();
    store.close();
    drop((space, store));
    let store = open(dir.path());
    assert_eq!(held(&etcd(&store)).await, [("b".into(), "2".into())]);
    assert_eq!(etcd(&store).revision(), 2);
    store.close();
}

/// A watcher is told everything after its start, in order, once, whether it happened before it came or after.
#[tokio::test]
async fn a_watcher_sees_the_past_and_the_present() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let space = etcd(&store);
    space.put(put("a", "1")).await.unwrap();
    space.put(put("a", "2")).await.unwrap();
    let mut stream = space.watch_stream();
    let watching = stream.watch(&watch_all(3)).unwrap();
    assert_eq!((watching.id, watching.revision), (0, 3));
    space.delete(delete("a")).await.unwrap();
    space.put(put("b", "3")).await.unwrap();
    let told = events(&mut stream, 3).await;
    let expected = [("a", "2"), ("a", "(deleted)"), ("b", "3")];
    assert_eq!(pairs(&told), expected.map(|(k, v)| (k.to_owned(), v.to_owned())));
    assert_eq!(stream.progress(), Some(5));
    store.close();
}

/// A stream that nobody reads loses nothing: its watchers are brought up from history, in order.
#[tokio::test]
async fn a_watcher_whose_queue_is_full_misses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings {
        watch_queue_events_max: 10,
        // So that history comes from both memory and the backend.
        cache_bytes_max: 2000,
        flush_interval: std::time::Duration::from_millis(1),
        ..Settings::default()
    };
    let store = open_with(dir.path(), settings);
    let space = etcd(&store);
    let mut stream = space.watch_stream();
    stream.watch(&watch_all(0)).unwrap();
    for n in 0..500 {
        space.put(put("k", &n.to_string())).await.unwrap();
    }
    assert_eq!(stream.progress(), None);
    let told = pairs(&events(&mut stream, 500).await);
    let expected: Vec<_> = (0..500).map(|n| ("k".to_owned(), n.to_string())).collect();
    assert_eq!(told, expected);
    assert_eq!(stream.progress(), Some(501));
    store.close();
}

/// What was there before is told with each change, whether the change is told at once or from history.
#[tokio::test]
async fn previous_values_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let space = etcd(&store);
    for n in 0..3 {
        space.put(put("k", &n.to_string())).await.unwrap();
    }
    let mut stream = space.watch_stream();
    stream
        .watch(&WatchRequest {
            prev_kv: true,
            ..watch_all(2)
        })
        .unwrap();
    space.delete(delete("k")).await.unwrap();
    let told = events(&mut stream, 4).await;
    let before: Vec<_> = told
        .iter()
        .map(|event| event.prev.as_deref().map(|prev| pair(prev).1))
        .collect();
    assert_eq!(
        before,
        [None, Some("0".into()), Some("1".into()), Some("2".into())]
    );
    store.close();
}

/// A change that is larger than what the backend is asked for at once is told whole, and ends.
#[tokio::test]
async fn a_large_transaction_is_told_from_history() {
    const KEYS: usize = 30_000;
    const AT_ONCE: usize = 1000;
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let space = etcd(&store);
    for first in (0..KEYS).step_by(AT_ONCE) {
        let puts = (first..first + AT_ONCE).map(|n| Op::Put(put(&format!("{n:0>200}"), "")));
        let txn = Txn {
            then: puts.collect(),
            ..Txn::default()
        };
        space.txn(txn, Consistency::Linearizable).await.unwrap();
    }
    let everything = Delete {
        keys: all(),
        prev_kv: false,
    };
    let at = space.delete(everything).await.unwrap().revision;
    store.close();
    drop((space, store));
    let store = open(dir.path());
    let mut stream = etcd(&store).watch_stream();
    stream.watch(&watch_all(at)).unwrap();
    let message = tokio::time::timeout(DEADLINE, stream.next()).await.unwrap();
    match message.unwrap() {
        WatchMessage::Events { events, .. } => assert_eq!(events.len(), KEYS),
        other @ WatchMessage::Compacted { .. } => panic!("{other:?}"),
    }
    store.close();
}

/// A watcher that asks for history which is compacted ends with the revision it may begin at; others go on.
#[tokio::test]
async fn a_watcher_of_compacted_history_is_told_so() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let space = etcd(&store);
    for n in 0..10 {
        space.put(put("k", &n.to_string())).await.unwrap();
    }
    space.compact(6, true).await.unwrap();
    let mut stream = space.watch_stream();
    let late = stream.watch(&watch_all(2)).unwrap().id;
    let fine = stream.watch(&watch_all(11)).unwrap().id;
    let message = stream.next().await.unwrap();
    assert!(
        matches!(message, WatchMessage::Compacted { watch, compact_revision: 6, revision: 11 } if watch == late),
        "{message:?}"
    );
    assert_eq!(stream.next().await.unwrap().watch(), fine);
    assert_eq!(stream.len(), 1);
    store.close();
}

/// Events of one transaction come in one message.
#[tokio::test]
async fn a_transaction_is_told_whole() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let space = etcd(&store);
    let mut stream = space.watch_stream();
    stream.watch(&watch_all(0)).unwrap();
    let then = (0..20).map(|n| Op::Put(put(&format!("k{n:02}"), "v"))).collect();
    let txn = Txn {
        then,
        ..Txn::default()
    };
    space.txn(txn, Consistency::Linearizable).await.unwrap();
    match stream.next().await.unwrap() {
        WatchMessage::Events { events, revision, .. } => assert_eq!((events.len(), revision), (20, 2)),
        other @ WatchMessage::Compacted { .. } => panic!("{other:?}"),
    }
    store.close();
}

/// A lease that is not kept alive ends, its keys go in one revision; one that is kept alive stays.
#[tokio::test]
async fn a_lease_ends_when_its_time_is_over() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::new(0));
    let store = open_at(dir.path(), Settings::default(), clock.clone());
    let background = tokio::spawn(run_leases(store.clone()));
    let space = etcd(&store);
    let (short, ttl) = space.lease_grant(None, 1).await.unwrap().value;
    assert_eq!(ttl, 2);
    let (kept, _) = space.lease_grant(None, 2).await.unwrap().value;
    space
        .put(Put {
            lease: Some(short),
            ..put("a", "1")
        })
        .await
        .unwrap();
    space
        .put(Put {
            lease: Some(short),
            ..put("b", "1")
        })
        .await
        .unwrap();
    space
        .put(Put {
            lease: Some(kept),
            ..put("c", "1")
        })
        .await
        .unwrap();
    let mut stream = space.watch_stream();
    stream.watch(&watch_all(0)).unwrap();
    clock.advance_ms(1_500);
    assert_eq!(space.lease_keep_alive(kept).await.unwrap().value, Some(2));
    clock.advance_ms(600);
    let told = events(&mut stream, 2).await;
    assert_eq!(
        pairs(&told),
        [("a".into(), "(deleted)".into()), ("b".into(), "(deleted)".into())]
    );
    assert_eq!(space.revision(), 5);
    assert_eq!(space.lease_keep_alive(short).await.unwrap().value, None);
    assert_eq!(held(&space).await, [("c".into(), "1".into())]);
    background.abort();
    store.close();
}

/// Compaction gives space back, and never takes what a reader at a readable revision needs.
#[tokio::test]
async fn compaction_forgets_history_only() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let space = etcd(&store);
    for n in 0..3000 {
        space
            .put(put(&format!("k{:03}", n % 100), &n.to_string()))
            .await
            .unwrap();
    }
    let now = held(&space).await;
    space.compact(2000, true).await.unwrap();
    assert_eq!(held(&space).await, now);
    assert_eq!(held_at(&space, 2000).await.len(), 100);
    assert!(space.compact(2000, false).await.is_err(), "compacted twice");
    store.close();
    drop((space, store));
    let store = open(dir.path());
    assert_eq!(held(&etcd(&store)).await, now);
    store.close();
}

/// History goes by itself as the operator says, and nobody needs to compact; what is kept stays readable.
#[tokio::test]
async fn history_is_forgotten_by_itself() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let space = etcd(&store);
    for n in 0..50 {
        space.put(put("k", &n.to_string())).await.unwrap();
    }
    let retention = tokio::spawn(run_retention(store.clone(), Retention::Revisions(20)));
    let (gone, kept) = (range(all(), 30), range(all(), 31));
    tokio::time::timeout(DEADLINE, async {
        while space.range(&gone, Consistency::Linearizable).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .unwrap();
    assert_eq!(held_at(&space, kept.revision).await, [("k".into(), "29".into())]);
    retention.abort();
    store.close();
}

/// A keyspace without clients that compact does not fill its quota with history.
#[tokio::test]
async fn history_makes_room_before_the_quota_is_used() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings {
        quota_bytes: 1 << 20,
        ..Settings::default()
    };
    let store = open_with(dir.path(), settings);
    let space = store.space(SpaceId::REGISTRY);
    let value = "x".repeat(200);
    for _ in 0..2_500 {
        space.put(put("k", &value)).await.unwrap();
    }
    let retention = tokio::spawn(run_retention(store.clone(), Retention::Everything));
    let gone = range(all(), 500);
    tokio::time::timeout(DEADLINE, async {
        while space.range(&gone, Consistency::Linearizable).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .unwrap();
    assert_eq!(held_at(&space, 501).await.len(), 1);
    retention.abort();
    store.close();
}

/// An export shows what compaction leaves, although nothing can be removed yet, and shows the same however often it is
/// asked, before and after the removal; and it waits for nobody.
#[tokio::test]
async fn an_export_does_not_show_what_is_forgotten() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let space = etcd(&store);
    for value in ["1", "2"] {
        space.put(put("a", value)).await.unwrap();
        space.put(put("gone", value)).await.unwrap();
    }
    space.delete(delete("gone")).await.unwrap();
    // It reads everything there is, so nothing can go as long as it lives.
    let old = space.export().await.unwrap();
    space.put(put("b", "1")).await.unwrap();
    space.delete(delete("b")).await.unwrap();
    space.compact(8, false).await.unwrap();
    space.put(put("a", "3")).await.unwrap();
    let pairs = |export: &Export| -> Vec<_> {
        let piece = export.piece(0).unwrap();
        assert_eq!(piece.next, None);
        piece
            .records
            .iter()
            .map(|(at, record)| (at.main, pair(record)))
            .collect()
    };
    let export = tokio::time::timeout(DEADLINE, space.export())
        .await
        .unwrap()
        .unwrap();
    let told = |main, key: &str, value: &str| (main, (key.to_owned(), value.to_owned()));
    let left = [told(4, "a", "2"), told(8, "b", "(deleted)"), told(9, "a", "3")];
    assert_eq!(pairs(&export), left);
    assert_eq!(pairs(&old).len(), 5);
    drop(old);
    // Removal comes as far as 8, which the export still holds.
    tokio::time::timeout(DEADLINE, space.compact(9, false))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(pairs(&export), left);
    drop(export);
    let export = space.export().await.unwrap();
    assert_eq!(pairs(&export), [told(9, "a", "3")]);
    store.close();
}

/// More writes than may wait are refused with a kind that says so; nothing of them happens.
#[tokio::test]
async fn too_much_at_once_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings {
        proposals_max: 4,
        ..Settings::default()
    };
    let store = open_with(dir.path(), settings);
    let space = etcd(&store);
    let writes = (0..64).map(|n| {
        let space = space.clone();
        async move { space.put(put(&format!("k{n}"), "v")).await }
    });
    let done = futures_util::future::join_all(writes).await;
    let refused = done.iter().filter_map(|done| done.as_ref().err());
    assert!(refused.clone().count() > 0, "64 at once fit into a queue of 4");
    refused.for_each(|error| assert_eq!(error.kind(), ErrorKind::Overloaded, "{error}"));
    let written = done.iter().filter(|done| done.is_ok()).count();
    assert_eq!(held(&space).await.len(), written);
    store.close();
}

/// After it was closed the store refuses writes and still reads.
#[tokio::test]
async fn a_closed_store_refuses_writes() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let space = etcd(&store);
    space.put(put("a", "1")).await.unwrap();
    store.close();
    assert_eq!(
        space.put(put("b", "2")).await.unwrap_err().kind(),
        ErrorKind::Unavailable
    );
    assert_eq!(held(&space).await, [("a".into(), "1".into())]);
}

/// A full keyspace refuses what needs room and takes what makes room.
#[tokio::test]
async fn a_full_keyspace_takes_deletions() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings {
        quota_bytes: 2000,
        ..Settings::default()
    };
    let store = open_with(dir.path(), settings);
    let space = etcd(&store);
    let big = "x".repeat(900);
    space.put(put("a", &big)).await.unwrap();
    let error = space.put(put("b", &(big.clone() + &big))).await.unwrap_err();
    assert!(
        matches!(error, StoreError::Kv(KvError::NoSpace { .. })),
        "{error}"
    );
    space.delete(delete("a")).await.unwrap();
    let revision = space.revision();
    space.compact(revision, true).await.unwrap();
    space.put(put("b", &big)).await.unwrap();
    assert_eq!(
        space
            .range(&range(Keys::One(key("b")), 0), Consistency::Serializable)
            .await
            .unwrap()
            .value
            .count,
        1
    );
    store.close();
}

fn copy_dir(from: &std::path::Path, to: &std::path::Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir(&target).unwrap();
            copy_dir(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), &target).unwrap();
        }
    }
}
