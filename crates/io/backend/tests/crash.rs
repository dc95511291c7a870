//! The proof of a crash: whatever the disk loses, tears and reorders of what was not synced, a backend comes up as it was
//! after the last batch that was answered for, or after the one under way; never in between, never before.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use koinon_base::Rng;
use koinon_io_backend::{Backend, View};
use koinon_io_disk::Disk;
use koinon_sim::SimDisk;
use support::{Model, batch, open, sim};

const BATCHES: u64 = 6;

/// What should be there after each log index.
fn history(seed: u64) -> Vec<(koinon_io_backend::Batch, Model)> {
    let mut rng = Rng::from_seed(seed);
    let mut model = Model::default();
    let mut history = vec![(koinon_io_backend::Batch::default(), model.clone())];
    for index in 1..=BATCHES {
        let batch = batch(index, &model, &mut rng);
        model.apply(&batch);
        history.push((batch, model.clone()));
    }
    history
}

/// Opens and commits until the process dies or all is done; answers up to where batches were answered for.
fn live(disk: &SimDisk, history: &[(koinon_io_backend::Batch, Model)]) -> u64 {
    let Ok(backend) = open(disk) else { return 0 };
    let mut answered = backend.load().map_or(0, |held| held.applied.index);
    for (batch, _) in &history[usize::try_from(answered).unwrap() + 1..] {
        if backend.commit(batch).is_err() {
            break;
        }
        answered = batch.applied.index;
    }
    answered
}

/// After a crash: opens and finds what was answered for, or one batch more.
fn find(disk: &SimDisk, history: &[(koinon_io_backend::Batch, Model)], answered: u64) -> u64 {
    let backend = open(disk).unwrap();
    let found = backend.load().unwrap().applied.index;
    assert!(
        (answered..=answered + 1).contains(&found),
        "answered {answered}, found {found}"
    );
    history[usize::try_from(found).unwrap()].1.check(&backend);
    found
}

/// Dies at operation `at`, dies again while it is opened, and is then looked at.
fn die_and_look(seed: u64, sector: usize, at: u64) {
    let history = history(seed);
    let disk = sim(sector, seed);
    let begun = disk.operations();
    disk.die_at(begun + at);
    let answered = live(&disk, &history);
    disk.crash(seed ^ at);
    let mut rng = Rng::from_seed(at);
    disk.die_at(disk.operations() + rng.below(60) as u64);
    let answered = live(&disk, &history).max(answered);
    disk.crash(seed ^ at ^ 1);
    find(&disk, &history, answered);
    // And it is as good as new: all the rest goes in, is there after a clean end, and after a crash.
    assert_eq!(live(&disk, &history), BATCHES);
    assert_eq!(find(&disk, &history, BATCHES), BATCHES);
    disk.crash(at);
    assert_eq!(find(&disk, &history, BATCHES), BATCHES);
}

/// Protects: a batch that was answered for survives a power failure at every single operation on the disk, and no batch is
/// ever there in part, also when the power fails again while the backend is opened.
#[test]
fn a_power_failure_at_every_operation() {
    for (seed, sector) in [(1, 512), (2, 4_096)] {
        let disk = sim(sector, seed);
        let begun = disk.operations();
        assert_eq!(live(&disk, &history(seed)), BATCHES);
        let operations = disk.operations() - begun;
        assert!(
            operations > 100,
            "only {operations} operations: the test no longer sees a commit's writes"
        );
        for at in 0..operations {
            die_and_look(seed, sector, at);
        }
    }
}

/// Protects: a killed process (everything written is still there, nothing was closed) finds all that was answered for.
#[test]
fn a_killed_process_finds_everything() {
    let history = history(3);
    let disk = sim(512, 3);
    let backend = open(&disk).unwrap();
    for (batch, _) in &history[1..] {
        backend.commit(batch).unwrap();
    }
    disk.kill();
    drop(backend);
    assert_eq!(find(&disk, &history, BATCHES), BATCHES);
}

/// Protects: only one process has the file, and the lock goes with the process, not with a name left behind.
#[test]
fn a_second_process_is_refused() {
    let disk = sim(512, 4);
    let first = open(&disk).unwrap();
    let refused = open(&disk).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "/data/state.redb is in use by another process"
    );
    drop(first);
    assert_eq!(disk.list(std::path::Path::new("/data")).unwrap().len(), 1);
    drop(open(&disk).unwrap());
}
