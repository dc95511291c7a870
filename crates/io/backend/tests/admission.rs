//! The bound on what a batch may take, held against what batches do take.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use koinon_base::Rng;
use koinon_core_kv::{LeaseId, Revision, SpaceId};
use koinon_io_backend::{Backend, BackendError, Batch, RedbBackend};
use koinon_sim::SimDisk;
use support::{open, sim, value};

/// Commits `batch` with exactly the space that the backend says it needs; answers how much of that was taken.
fn commit_with_what_it_needs(disk: &SimDisk, backend: &RedbBackend, batch: &Batch) -> (u64, u64) {
    let used = disk.used_bytes();
    disk.set_capacity(used);
    let Err(BackendError::LowSpace { need, free: 0, .. }) = backend.commit(batch) else {
        panic!("a batch was not refused on a full disk");
    };
    disk.set_capacity(used + need);
    backend.commit(batch).unwrap();
    (disk.used_bytes().saturating_sub(used), need)
}

/// Protects: a batch that was admitted does not run out of space: records of all sizes, alone and in thousands, scattered
/// removals and overwrites, leases and notes.
#[test]
fn an_admitted_batch_has_the_space_it_needs() {
    let disk = sim(4_096, 1);
    let backend = open(&disk).unwrap();
    let mut rng = Rng::from_seed(1);
    let mut main = 1;
    let mut most_used_share = 0.0_f64;
    for round in 0..60 {
        let len = [0, 100, 256, 1_365, 2_040, 2_100, 4_080, 9_000, 70_000, 1_100_000][round % 10];
        let count = if len > 50_000 {
            3
        } else {
            [1, 40, 1_500][rng.below(3)]
        };
        let mut batch = Batch::default();
        for _ in 0..count {
            // One in five overwrites.
            let at = if rng.below(5) == 0 {
                1 + rng.below(usize::try_from(main).unwrap()) as i64
            } else {
                main
            };
            main = main.max(at + 1);
            batch
                .put
                .push((SpaceId::ETCD, Revision::new(at, 0), value(1, len)));
        }
        for _ in 0..[0, 3, 400][rng.below(3)] {
            let at = rng.below(usize::try_from(main).unwrap()) as i64;
            batch.remove.push((SpaceId::ETCD, Revision::new(at, 0)));
            batch
                .leases
                .push((SpaceId::ETCD, LeaseId(at), (at % 2 == 0).then_some(60)));
        }
        for _ in 0..rng.below(3) {
            batch.meta.push((
                format!("note {}", rng.below(9)),
                Some(value(2, rng.below(200_000))),
            ));
        }
        let (took, need) = commit_with_what_it_needs(&disk, &backend, &batch);
        most_used_share = most_used_share.max(took as f64 / need as f64);
    }
    // A bound that is never neared would refuse batches for which there is space.
    assert!(
        most_used_share > 0.3,
        "the bound was at most {most_used_share:.2} used"
    );
}

/// Protects: the bound does not shut out small batches on a disk that has a few MiB left.
#[test]
fn a_small_batch_needs_little() {
    let disk = sim(512, 2);
    let backend = open(&disk).unwrap();
    let batch = Batch {
        put: vec![(SpaceId::ETCD, Revision::new(2, 0), value(1, 256))],
        ..Batch::default()
    };
    let (_, need) = commit_with_what_it_needs(&disk, &backend, &batch);
    assert!(need < 1 << 20, "{need}");
}
