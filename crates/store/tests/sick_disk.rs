//! A disk that is full or fails: what an operator and the clients see, and that nothing is lost.

#![allow(clippy::unwrap_used, reason = "a story ends where something it needs fails")]

mod common;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use common::*;
use koinon_base::{ErrorKind, SystemClock};
use koinon_io_disk::Disk;
use koinon_sim::{Fault, Operation, SimDisk};
use koinon_store::{Settings, Store, StoreError};

fn settings() -> Settings {
    Settings {
        log_first_segment_bytes: 64 << 10,
        log_segment_bytes: 64 << 10,
        flush_interval: Duration::from_millis(2),
        unflushed_entries_max: 500,
        ..Settings::default()
    }
}

fn open_on(sim: &SimDisk) -> Store {
    let disk: Arc<dyn Disk> = Arc::new(sim.clone());
    Store::open(
        &disk,
        Path::new("/store"),
        settings(),
        Arc::new(SystemClock::new()),
    )
    .unwrap()
}

/// Writes until one is refused; how many were taken, and why no more.
async fn fill(store: &Store, from: usize) -> (usize, StoreError) {
    for n in from..100_000 {
        if let Err(error) = etcd(store).put(put(&format!("k{n:06}"), &"v".repeat(500))).await {
            return (n, error);
        }
    }
    panic!("the disk never filled up");
}

/// A full disk refuses writes with a kind that says that nothing happened, reads go on, and when there is space again
/// writes go on: also from a process that was started anew meanwhile.
#[tokio::test]
async fn a_full_disk_loses_nothing_and_heals() {
    // The backend keeps some 64 MiB free for itself.
    for capacity in [72_000_000, 75_500_000] {
        let sim = SimDisk::new(4096, capacity);
        sim.set_capacity(capacity);
        let store = open_on(&sim);
        let (written, error) = fill(&store, 0).await;
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
        assert_eq!(held(&etcd(&store)).await.len(), written);

        sim.set_capacity(u64::MAX / 2);
        heals(&store, "healed").await;
        assert_eq!(held(&etcd(&store)).await.len(), written + 1);
        store.close();
        drop(store);

        sim.crash(capacity);
        let store = open_on(&sim);
        assert_eq!(
            held(&etcd(&store)).await.len(),
            written + 1,
            "capacity {capacity}"
        );
        store.close();
    }
}

/// Writes until it is taken.
async fn heals(store: &Store, key: &str) {
    let began = Instant::now();
    while let Err(error) = etcd(store).put(put(key, "v")).await {
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
        assert!(began.elapsed() < DEADLINE, "it does not heal: {error}");
        tokio::task::yield_now().await;
    }
}

/// After a sync that failed nobody knows what is on the disk: the write's outcome is unknown, the node is told to end, and a
/// new process finds everything that was answered.
#[tokio::test]
async fn a_failed_sync_ends_the_node() {
    for nth in 1..12 {
        let sim = SimDisk::new(512, nth);
        let store = open_on(&sim);
        let mut answered = 0;
        sim.fail(Fault {
            operation: Operation::Sync,
            nth,
        });
        let failed = loop {
            match etcd(&store).put(put(&format!("k{answered:04}"), "v")).await {
                Ok(_) => answered += 1,
                Err(error) => break error,
            }
            assert!(answered < 100_000, "no sync failed");
        };
        assert!(
            matches!(failed.kind(), ErrorKind::OutcomeUnknown | ErrorKind::Unavailable),
            "{failed}"
        );
        let reason = tokio::time::timeout(DEADLINE, store.failure()).await.unwrap();
        assert!(!reason.is_empty());
        store.close();
        drop(store);

        sim.crash(nth);
        let store = open_on(&sim);
        let found = held(&etcd(&store)).await.len();
        assert!(
            found == answered || found == answered + 1,
            "{answered} were answered, {found} are there"
        );
        store.close();
    }
}

/// Two processes cannot have one store.
#[tokio::test]
async fn a_store_has_one_process() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let disk: Arc<dyn Disk> = Arc::new(koinon_io_disk::OsDisk);
    let clock = Arc::new(SystemClock::new());
    let error = Store::open(&disk, dir.path(), Settings::default(), clock).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    store.close();
}
