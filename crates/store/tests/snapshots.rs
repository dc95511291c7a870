//! The whole store saved and restored: what was answered is in it, it is of one moment, and the restored store goes on.

#![allow(clippy::unwrap_used, reason = "a story ends where something it needs fails")]

mod common;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use common::{all, delete, etcd, held, held_at, key, open, put, range};
use koinon_base::{ErrorKind, SystemClock};
use koinon_core_kv::v2::{Change, Path as NodePath};
use koinon_core_kv::{KeyValue, KvError, LeaseId, Op, Put, Record, Revision, SpaceId, Txn};
use koinon_io_backend::SpaceMarks;
use koinon_io_disk::{Disk, OsDisk};
use koinon_sim::SimDisk;
use koinon_store::{Consistency, Import, OpenError, Settings, Space, Store, StoreError, inventory, restore};

const NAME: &str = "the snapshot";

async fn chunks(store: &Store) -> Vec<Bytes> {
    store.snapshot().await.unwrap().map(Result::unwrap).collect()
}

fn os() -> Arc<dyn Disk> {
    Arc::new(OsDisk)
}

fn restored(chunks: &[Bytes]) -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    restore(&os(), dir.path(), Path::new(NAME), chunks.iter().cloned().map(Ok)).unwrap();
    let store = open(dir.path());
    (dir, store)
}

/// Keys with history, a lease, a compaction and a deletion in one keyspace, others in others.
async fn fill(store: &Store) {
    let space = etcd(store);
    for number in 0..40 {
        space
            .put(put(&format!("k/{}", number % 7), &number.to_string()))
            .await
            .unwrap();
    }
    space.lease_grant(Some(LeaseId(7)), 600).await.unwrap();
    let leased = Put {
        lease: Some(LeaseId(7)),
        ..put("leased", "x")
    };
    space.put(leased).await.unwrap();
    space.delete(delete("k/3")).await.unwrap();
    space.compact(20, true).await.unwrap();
    store.space(SpaceId::REGISTRY).put(put("r", "1")).await.unwrap();
    let set = Change::Set {
        path: NodePath::new(b"/v2/node").unwrap(),
        dir: false,
        value: key("v"),
        expires_unix_ms: None,
        refresh: false,
    };
    store.tree().change(set).await.unwrap();
}

/// Protects: a restored store is the one it was saved of, in all keyspaces, with revisions, versions, leases and compaction;
/// and it goes on behind it.
#[tokio::test]
async fn a_restored_store_is_the_same_and_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    fill(&store).await;
    let saved = chunks(&store).await;
    let (then, when) = (held(&etcd(&store)).await, etcd(&store).revision());
    let (restored_dir, again) = restored(&saved);
    let space = etcd(&again);
    assert_eq!((held(&space).await, space.revision()), (then, when));
    assert_eq!(held_at(&space, 30).await, held_at(&etcd(&store), 30).await);
    let compacted = space.range(&range(all(), 19), Consistency::Linearizable).await;
    assert!(matches!(
        compacted,
        Err(StoreError::Kv(KvError::Compacted { compacted: 20, .. }))
    ));
    let lease = space.lease_state(LeaseId(7), true).await.unwrap().value.unwrap();
    assert_eq!((lease.granted_s, lease.keys), (600, vec![key("leased")]));
    assert_eq!(
        held(&again.space(SpaceId::REGISTRY)).await,
        [("r".to_owned(), "1".to_owned())]
    );
    assert_eq!(again.tree().index(), store.tree().index());
    assert_eq!(space.put(put("k/1", "after")).await.unwrap().revision, when + 1);
    again.close();
    drop((space, again));
    let again = open(restored_dir.path());
    assert_eq!(etcd(&again).revision(), when + 1);
    again.close();
    store.close();
}

/// Protects: what is told of a snapshot is what the store that it is of says of itself.
#[tokio::test]
async fn an_inventory_counts_what_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    fill(&store).await;
    let saved = chunks(&store).await;
    let found = inventory(Path::new(NAME), saved.iter().cloned().map(Ok)).unwrap();
    let figures = store.figures();
    assert_eq!(
        found.len,
        saved.iter().map(|chunk| chunk.len() as u64).sum::<u64>()
    );
    assert_eq!(found.spaces.len(), 3);
    for (id, of) in &found.spaces {
        let space = figures.spaces.iter().find(|space| space.space == *id).unwrap();
        let marks = of.held.marks.unwrap();
        assert_eq!(
            (marks.revision, marks.compacted, of.keys, of.leases),
            (
                space.kv.revision,
                space.kv.compacted,
                space.kv.keys,
                space.kv.leases
            ),
            "{id}"
        );
        assert!(of.held.figures.records >= of.keys as u64);
    }
    let again = inventory(Path::new(NAME), chunks(&store).await.into_iter().map(Ok)).unwrap();
    assert_eq!(again, found, "nothing was written in between");
    etcd(&store).put(put("k/1", "other")).await.unwrap();
    let other = inventory(Path::new(NAME), chunks(&store).await.into_iter().map(Ok)).unwrap();
    assert_ne!(other.spaces[0].1.hash, found.spaces[0].1.hash);
    assert_eq!(other.spaces[1..], found.spaces[1..]);
    store.close();
}

/// Writes the same number under two keys in one transaction, again and again, until it is told to stop.
async fn write_pairs(space: Space, stop: Arc<AtomicBool>) -> i64 {
    let mut number = 0;
    while !stop.load(Ordering::Relaxed) {
        number += 1;
        let text = number.to_string();
        let then = vec![Op::Put(put("left", &text)), Op::Put(put("right", &text))];
        let txn = Txn {
            then,
            ..Txn::default()
        };
        space.txn(txn, Consistency::Linearizable).await.unwrap();
    }
    number
}

/// Protects: a snapshot taken under writes is of one moment: what was answered before is in it, no transaction is half in
/// it, and its revision is the one of its last record.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_under_writes_is_of_one_moment() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let stop = Arc::new(AtomicBool::new(false));
    let writing =
        [SpaceId::ETCD, SpaceId::REGISTRY].map(|id| tokio::spawn(write_pairs(store.space(id), stop.clone())));
    let mut last = 0;
    for round in 0..8 {
        let before = etcd(&store)
            .put(put("marker", &round.to_string()))
            .await
            .unwrap()
            .revision;
        assert!(before > last, "nothing was written meanwhile");
        last = before;
        let (_dir, again) = restored(&chunks(&store).await);
        for id in [SpaceId::ETCD, SpaceId::REGISTRY] {
            let found = held(&again.space(id)).await;
            let of = |key: &str| {
                found
                    .iter()
                    .find(|(known, _)| known == key)
                    .map(|(_, value)| value)
            };
            assert_eq!(of("left"), of("right"), "round {round}: half of a transaction");
            let space = again.space(id);
            let youngest = space
                .range(&range(all(), 0), Consistency::Linearizable)
                .await
                .unwrap();
            let youngest = youngest.value.records.iter().map(|record| match &**record {
                Record::Put(kv) => kv.mod_revision,
                Record::Tombstone { mod_revision, .. } => *mod_revision,
            });
            assert_eq!(youngest.max().unwrap_or(1), space.revision());
        }
        let marker = held(&etcd(&again))
            .await
            .into_iter()
            .find(|(key, _)| key == "marker")
            .unwrap();
        assert_eq!(marker.1, round.to_string());
        assert!(etcd(&again).revision() >= before);
        again.close();
    }
    stop.store(true, Ordering::Relaxed);
    for writer in writing {
        assert!(writer.await.unwrap() > 8);
    }
    store.close();
}

/// Protects: a folder with a store, or with the log of one, is refused and stays as it is; a damaged snapshot leaves nothing.
#[tokio::test]
async fn nothing_is_overwritten_and_nothing_is_left() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    fill(&store).await;
    let saved = chunks(&store).await;
    let then = held(&etcd(&store)).await;
    store.close();
    drop(store);
    let into =
        |dir: &Path, chunks: &[Bytes]| restore(&os(), dir, Path::new(NAME), chunks.iter().cloned().map(Ok));
    assert_eq!(
        into(dir.path(), &saved).unwrap_err().kind(),
        ErrorKind::AlreadyExists
    );
    let store = open(dir.path());
    assert_eq!(held(&etcd(&store)).await, then);
    store.close();
    drop(store);
    std::fs::remove_file(dir.path().join("state.redb")).unwrap();
    let refused = into(dir.path(), &saved).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::AlreadyExists, "{refused}");
    let fresh = tempfile::tempdir().unwrap();
    for cut in [0, 1, saved.len() - 1] {
        let refused = into(fresh.path(), &saved[..cut]).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Corrupt, "{refused}");
        assert_eq!(std::fs::read_dir(fresh.path()).unwrap().count(), 0);
    }
    into(fresh.path(), &saved).unwrap();
}

/// Protects: a restored store whose log was lost is refused as any other, and the log of the store that was saved is not
/// taken for its own.
#[tokio::test]
async fn a_restored_store_has_a_log_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    fill(&store).await;
    let (restored_dir, again) = restored(&chunks(&store).await);
    etcd(&store).put(put("old", "1")).await.unwrap();
    etcd(&again).put(put("new", "1")).await.unwrap();
    again.close();
    store.close();
    drop((store, again));
    let log = restored_dir.path().join("wal");
    std::fs::rename(&log, restored_dir.path().join("kept")).unwrap();
    let reopened = || {
        Store::open(
            &os(),
            restored_dir.path(),
            Settings::default(),
            Arc::new(SystemClock::new()),
        )
    };
    assert!(matches!(reopened().unwrap_err(), OpenError::LogLost { .. }));
    std::fs::remove_dir_all(&log).unwrap();
    std::fs::rename(dir.path().join("wal"), &log).unwrap();
    assert!(matches!(reopened().unwrap_err(), OpenError::Log(_)));
}

/// Protects: wherever the process dies while a restored store is opened and written for the first time, what was saved is
/// there at the next start, and what was answered since.
#[tokio::test]
async fn a_crash_in_the_first_start_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    fill(&store).await;
    let saved = chunks(&store).await;
    let then = held(&etcd(&store)).await;
    store.close();
    let settings = || Settings {
        log_first_segment_bytes: 16 << 10,
        log_segment_bytes: 16 << 10,
        ..Settings::default()
    };
    let open =
        |disk: &Arc<dyn Disk>| Store::open(disk, Path::new("/s"), settings(), Arc::new(SystemClock::new()));
    for at in 0..120 {
        let sim = SimDisk::new(512, at);
        let disk: Arc<dyn Disk> = Arc::new(sim.clone());
        restore(
            &disk,
            Path::new("/s"),
            Path::new(NAME),
            saved.iter().cloned().map(Ok),
        )
        .unwrap();
        sim.die_at(sim.operations() + at);
        let mut answered = Vec::new();
        if let Ok(store) = open(&disk) {
            for number in 0..3 {
                let (key, value) = (format!("z/{number}"), number.to_string());
                if etcd(&store).put(put(&key, &value)).await.is_ok() {
                    answered.push((key, value));
                }
            }
            store.close();
        }
        sim.crash(at);
        let store = open(&disk).unwrap_or_else(|error| panic!("dead at {at}: {error:?}"));
        let found = held(&etcd(&store)).await;
        let lost = then.iter().chain(&answered).find(|pair| !found.contains(pair));
        assert_eq!(lost, None, "dead at {at}");
        store.close();
    }
}

/// Protects: records that somebody else kept become a store with the same history, and only in history's order.
#[tokio::test]
async fn records_are_imported() {
    let dir = tempfile::tempdir().unwrap();
    let record = |main: i64, version| {
        Record::Put(KeyValue {
            key: key("k"),
            value: key(&main.to_string()),
            create_revision: 2,
            mod_revision: main,
            version,
            lease: LeaseId(9),
        })
    };
    let mut import = Import::begin(&os(), dir.path()).unwrap();
    import.lease(SpaceId::ETCD, LeaseId(9), 60).unwrap();
    import
        .record(SpaceId::ETCD, Revision::new(5, 0), &record(5, 4))
        .unwrap();
    import
        .record(SpaceId::ETCD, Revision::new(7, 0), &record(7, 5))
        .unwrap();
    let late = import.record(SpaceId::ETCD, Revision::new(6, 0), &record(6, 6));
    assert_eq!(late.unwrap_err().kind(), ErrorKind::Corrupt);
    let marks = SpaceMarks {
        revision: 9,
        compacted: 6,
    };
    import.stood(SpaceId::ETCD, marks).unwrap();
    import.finish().unwrap();
    let store = open(dir.path());
    let space = etcd(&store);
    let answer = space
        .range(&range(all(), 0), Consistency::Linearizable)
        .await
        .unwrap();
    assert_eq!(
        (answer.revision, *answer.value.records[0] == record(7, 5)),
        (9, true)
    );
    assert_eq!(held_at(&space, 6).await, [("k".to_owned(), "5".to_owned())]);
    let lease = space.lease_state(LeaseId(9), true).await.unwrap().value.unwrap();
    assert_eq!((lease.granted_s, lease.keys), (60, vec![key("k")]));
    store.close();
}
