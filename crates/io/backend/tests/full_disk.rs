//! A full disk, and disks that break: writes fail with a clear error, reads go on or say that they cannot, nothing is lost,
//! and it heals when there is space.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::sync::Arc;

use koinon_base::{ErrorKind, Rng};
use koinon_core_kv::{Revision, SpaceId};
use koinon_io_backend::{Backend, BackendError, Batch, RedbBackend, View};
use koinon_sim::{Fault, Operation, SimDisk};
use support::{Boastful, Model, batch, open, open_on, sim, value};

const NO_BOUND: u64 = u64::MAX / 2;

/// A backend with some batches in it, and what it should hold.
fn begun(disk: &SimDisk, backend: &RedbBackend, seed: u64) -> (Model, Rng) {
    let mut model = Model::default();
    let mut rng = Rng::from_seed(seed);
    for index in 1..=4 {
        assert!(next(backend, &mut model, &mut rng).is_none());
        assert_eq!(model.held.applied.index, index);
    }
    assert!(disk.used_bytes() > 0);
    (model, rng)
}

/// Commits the next batch; the model follows if it was answered for, otherwise the batch and the error come back.
fn next(backend: &RedbBackend, model: &mut Model, rng: &mut Rng) -> Option<(Batch, BackendError)> {
    let batch = batch(model.held.applied.index + 1, model, rng);
    match backend.commit(&batch) {
        Ok(()) => {
            model.apply(&batch);
            None
        }
        Err(error) => Some((batch, error)),
    }
}

/// Protects: with too little space a batch is refused before the database is touched: nothing to reopen, reads go on, and
/// the same batch goes in once there is space.
#[test]
fn low_space_is_refused_before_anything_is_touched() {
    let disk = sim(512, 1);
    let backend = open(&disk).unwrap();
    let (mut model, mut rng) = begun(&disk, &backend, 11);
    disk.set_capacity(disk.used_bytes() + 100_000);
    let before = (disk.count(Operation::Write), disk.count(Operation::SetLen));
    let (refused, error) = next(&backend, &mut model, &mut rng).unwrap();
    assert!(
        matches!(error, BackendError::LowSpace { free: ..=100_000, .. }),
        "{error}"
    );
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(
        before,
        (disk.count(Operation::Write), disk.count(Operation::SetLen))
    );
    assert!(!backend.needs_reopen());
    assert_eq!(backend.figures().refused, 1);
    model.check(&backend);
    disk.set_capacity(NO_BOUND);
    backend.commit(&refused).unwrap();
    model.apply(&refused);
    model.check(&backend);
}

/// The disk fills in the middle of a commit, `room` bytes after its beginning. Answers whether it did.
fn fill_during_commit(seed: u64, room: u64) -> bool {
    let disk = sim(512, seed);
    let backend = open_on(Arc::new(Boastful(disk.clone()))).unwrap();
    let (mut model, mut rng) = begun(&disk, &backend, seed);
    let held_view = backend.reader().unwrap();
    disk.set_capacity(disk.used_bytes() + room);
    let Some((broken, error)) = next(&backend, &mut model, &mut rng) else {
        return false;
    };
    assert!(
        matches!(error.kind(), ErrorKind::OutcomeUnknown | ErrorKind::Unavailable),
        "{error}"
    );
    assert!(backend.needs_reopen());
    let again = backend.commit(&broken).unwrap_err();
    assert!(matches!(again, BackendError::Stalled { .. }), "{again}");
    assert_eq!(again.kind(), ErrorKind::Unavailable);
    model.check_honest(&backend);
    model.check_honest(held_view.as_ref());
    // Nothing has become free: opening anew may work or not, but must not harm.
    if let Err(error) = backend.reopen() {
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    }
    model.check_honest(&backend);
    disk.set_capacity(NO_BOUND);
    backend.reopen().unwrap();
    assert!(!backend.needs_reopen());
    let mut with_it = model.clone();
    with_it.apply(&broken);
    if backend.load().unwrap().applied == broken.applied {
        model = with_it;
    }
    model.check(&backend);
    assert!(next(&backend, &mut model, &mut rng).is_none());
    model.check(&backend);
    let figures = backend.figures();
    assert_eq!(figures.applied, model.held.applied);
    assert_eq!(figures.live_records, model.records.len() as u64);
    drop(backend);
    disk.crash(room);
    model.check(&open(&disk).unwrap());
    true
}

/// Protects: a disk that fills at any write of a commit stalls writes until the backend is opened anew in place; what was
/// answered for is there, readers meanwhile get the right answer or `Unavailable`, and it works when there is space.
#[test]
fn a_disk_that_fills_during_a_commit_heals() {
    for seed in 1..6 {
        let mut room = 0;
        while fill_during_commit(seed, room) {
            room += 512;
            assert!(room < 200 * 512, "a batch of the test needs more than 100 KiB");
        }
        assert!(
            room > 5 * 512,
            "a commit needs {room} bytes: it no longer fills the disk"
        );
    }
}

/// Protects: after a failed sync nothing is trusted: no commit, no opening anew; the process must end.
#[test]
fn a_failed_sync_is_final() {
    for nth in 1..=2 {
        let disk = sim(512, 5);
        let backend = open(&disk).unwrap();
        let (mut model, mut rng) = begun(&disk, &backend, 11);
        disk.fail(Fault {
            operation: Operation::Sync,
            nth,
        });
        let (broken, error) = next(&backend, &mut model, &mut rng).unwrap();
        assert!(matches!(error, BackendError::SyncFailed { .. }), "{error}");
        assert_eq!(error.kind(), ErrorKind::Internal);
        let after = [
            backend.reopen().unwrap_err(),
            backend.commit(&broken).unwrap_err(),
        ];
        assert!(
            after
                .iter()
                .all(|error| matches!(error, BackendError::SyncFailed { .. })),
            "{after:?}"
        );
        model.check_honest(&backend);
    }
}

/// Protects: an input/output error in any single write of a commit is survived by opening anew.
#[test]
fn a_failed_write_is_survived() {
    let mut failed = 0;
    for nth in 1..40 {
        let disk = sim(512, 6);
        let backend = open(&disk).unwrap();
        let (mut model, mut rng) = begun(&disk, &backend, 11);
        disk.fail(Fault {
            operation: Operation::Write,
            nth,
        });
        let Some((broken, error)) = next(&backend, &mut model, &mut rng) else {
            break;
        };
        failed += 1;
        assert!(
            matches!(error.kind(), ErrorKind::OutcomeUnknown | ErrorKind::Unavailable),
            "{error}"
        );
        backend.reopen().unwrap();
        if backend.load().unwrap().applied == broken.applied {
            model.apply(&broken);
        }
        model.check(&backend);
        assert!(next(&backend, &mut model, &mut rng).is_none());
        model.check(&backend);
    }
    assert!(failed > 5, "only {failed} commits met the fault");
}

/// Protects: a read that fails says so, is no proof of absence, and is healed by opening anew.
#[test]
fn a_failed_read_is_no_absence() {
    let disk = sim(512, 7);
    let mut model = Model::default();
    let batch = Batch {
        put: (0..2_000)
            .map(|main| (SpaceId::ETCD, Revision::new(main, 0), value(1, 300)))
            .collect(),
        ..Batch::default()
    };
    open(&disk).unwrap().commit(&batch).unwrap();
    model.apply(&batch);
    let backend = open(&disk).unwrap();
    disk.fail(Fault {
        operation: Operation::Read,
        nth: 1,
    });
    let answered = model.check_honest(&backend);
    assert!(answered < model.records.len(), "the fault was not met");
    assert!(backend.needs_reopen());
    backend.reopen().unwrap();
    model.check(&backend);
    assert_eq!(backend.figures().reopened, 1);
    // With nothing wrong it changes nothing.
    backend.reopen().unwrap();
    assert_eq!(backend.figures().reopened, 1);
}
