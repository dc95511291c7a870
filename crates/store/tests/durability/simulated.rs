//! The proof on the simulated disk: the process dies in one of its operations, the power fails, and the law must hold; then it
//! goes on from there, and dies again.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use koinon_base::{Rng, SystemClock};
use koinon_core_kv::SpaceId;
use koinon_io_disk::Disk;
use koinon_sim::SimDisk;
use koinon_store::{Settings, Store};

use crate::law;
use crate::planted::Planted;
use crate::workload::{self, Fact};

const WRITERS: usize = 4;
const TRANSACTIONS: i64 = 60;
/// How many stores, each with its own seed; more in the long runs (`KOINON_SEEDS`).
const SEEDS: u64 = 60;
/// How many lives one store has.
const LIVES: u64 = 4;

/// Segments that roll and are purged every few dozen entries, flushes all the time.
fn settings(planted: Option<Planted>) -> Settings {
    let flush_ms = match planted {
        // The backend must be behind, or nothing is lost by it.
        Some(Planted::PurgedAtOnce) => 30,
        Some(Planted::LogNotSynced | Planted::BackendNotSynced) | None => 2,
    };
    Settings {
        log_first_segment_bytes: 16 << 10,
        log_segment_bytes: 32 << 10,
        flush_interval: Duration::from_millis(flush_ms),
        cache_bytes_max: 8 << 10,
        ..Settings::default()
    }
}

/// Runs a store through its lives. The law's complaint, if it was broken.
fn lives(seed: u64, planted: Option<Planted>) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let mut rng = Rng::from_seed(seed);
    let sim = SimDisk::new(if seed.is_multiple_of(2) { 512 } else { 4096 }, rng.next_u64());
    let disk: Arc<dyn Disk> = Arc::new(sim.clone());
    let disk = planted.map_or(disk.clone(), |planted| planted.on(disk));
    let mut facts: Vec<Fact> = Vec::new();
    for life in 0..LIVES {
        // Small numbers too: opening is where much can go wrong.
        let within = [40, 200, 1500][rng.below(3)];
        sim.die_at(sim.operations() + 1 + rng.below(within) as u64);
        if let Ok(store) = Store::open(
            &disk,
            Path::new("/store"),
            settings(planted),
            Arc::new(SystemClock::new()),
        ) {
            let (report, kept) = workload::kept();
            runtime.block_on(workload::run(
                &store.space(SpaceId::ETCD),
                WRITERS,
                TRANSACTIONS,
                seed,
                &report,
            ));
            store.close();
            facts.extend(std::mem::take(&mut *kept.lock().unwrap()));
        }
        sim.crash(rng.next_u64());
        let store = Store::open(
            &disk,
            Path::new("/store"),
            settings(planted),
            Arc::new(SystemClock::new()),
        )
        .map_err(|error| format!("life {life}: it does not open: {}", chain(&error)))?;
        let space = store.space(SpaceId::ETCD);
        let held = runtime.block_on(law::check(&space, WRITERS, &facts));
        store.close();
        held.map_err(|broken| format!("life {life}: {broken}"))?;
    }
    Ok(())
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// Nothing that was answered is lost, doubled or changed, wherever the process dies and whatever the disk keeps of what
/// was not synced.
#[test]
fn what_was_answered_survives_any_crash() {
    for seed in 0..crate::common::rounds("KOINON_SEEDS", SEEDS) {
        if let Err(broken) = lives(seed, None) {
            panic!("seed {seed}: {broken}");
        }
    }
}

/// The proof is one: with a log whose syncs do nothing it fails.
#[test]
fn a_log_that_is_not_synced_is_found_out() {
    assert!(
        (0..20).any(|seed| lives(seed, Some(Planted::LogNotSynced)).is_err()),
        "nobody noticed"
    );
}

/// The same for a backend whose commits are not durable when the log before them is given up.
#[test]
fn a_backend_that_is_not_synced_is_found_out() {
    assert!(
        (0..20).any(|seed| lives(seed, Some(Planted::BackendNotSynced)).is_err()),
        "nobody noticed"
    );
}

/// The same for a log that is purged before the backend's commit.
#[test]
fn a_log_purged_before_the_backend_has_it_is_found_out() {
    assert!(
        (0..40).any(|seed| lives(seed, Some(Planted::PurgedAtOnce)).is_err()),
        "nobody noticed"
    );
}
