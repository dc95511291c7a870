//! Snapshots: what is in one is what was there, a changed one is refused, and nothing that exists is ever overwritten.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use koinon_base::{ErrorKind, Rng};
use koinon_core_kv::{LeaseId, Revision, SpaceId};
use koinon_io_backend::snapshot::{
    CHUNK_LEN_MAX, Chunk, Save, SnapshotChunks, SnapshotFrames, Summary, restore, save, status,
};
use koinon_io_backend::{Backend, BackendError, Batch, RedbBackend};
use koinon_io_disk::Disk;
use koinon_sim::{Operation, SimDisk};
use support::{Model, batch, open, settings, sim, value};

const SNAPSHOT: &str = "/data/koinon.snapshot";
const RESTORED: &str = "/data/restored.redb";

/// A backend with everything: some history, records longer than a chunk, more leases and notes than fit into one.
fn filled(disk: &SimDisk) -> (RedbBackend, Model) {
    let backend = open(disk).unwrap();
    let mut model = Model::default();
    let mut rng = Rng::from_seed(1);
    for index in 1..=10 {
        let batch = batch(index, &model, &mut rng);
        backend.commit(&batch).unwrap();
        model.apply(&batch);
    }
    let long = [
        2_500_000,
        CHUNK_LEN_MAX,
        CHUNK_LEN_MAX - 29,
        CHUNK_LEN_MAX - 28,
        400_000,
    ];
    let long = long
        .iter()
        .zip(20_u32..)
        .map(|(len, sub)| (SpaceId::ETCD, Revision::new(5, sub), value(3, *len)));
    let batch = Batch {
        applied: model.held.applied,
        put: long.collect(),
        leases: (1..70_000)
            .map(|id| (SpaceId::REGISTRY, LeaseId(id), Some(id * 2)))
            .collect(),
        meta: (0..6)
            .map(|number| (format!("long {number}"), Some(value(4, 250_000))))
            .collect(),
        ..Batch::default()
    };
    backend.commit(&batch).unwrap();
    model.apply(&batch);
    (backend, model)
}

fn chunks(backend: &RedbBackend) -> Vec<Bytes> {
    let chunks = SnapshotChunks::new(backend.reader().unwrap()).unwrap();
    chunks.map(Result::unwrap).collect()
}

fn checked(frames: &[Bytes]) -> Result<Summary, BackendError> {
    status(Path::new("the snapshot"), frames.iter().cloned().map(Ok))
}

/// Protects: a snapshot restored is the backend it was taken of, and its status says what is in it.
#[test]
fn a_restored_backend_is_the_same() {
    let disk = sim(4_096, 1);
    let (backend, model) = filled(&disk);
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    let saved = save(
        shared.clone(),
        Path::new(SNAPSHOT),
        SnapshotChunks::new(backend.reader().unwrap()).unwrap(),
    )
    .unwrap();
    let frames = || SnapshotFrames::open(&disk, Path::new(SNAPSHOT)).unwrap();
    let read = status(Path::new(SNAPSHOT), frames()).unwrap();
    assert_eq!(saved, read);
    assert_eq!(read.len, disk.peek(Path::new(SNAPSHOT)).unwrap().len() as u64);
    assert_eq!(
        (read.applied, &read.spaces),
        (model.held.applied, &model.held.spaces)
    );
    assert_eq!(
        (read.leases, read.meta),
        (model.held.leases.len() as u64, model.held.meta.len() as u64)
    );
    let restored = restore(
        shared.clone(),
        Path::new(RESTORED),
        settings(),
        Path::new(SNAPSHOT),
        frames(),
    )
    .unwrap();
    assert_eq!(restored, read);
    disk.crash(1);
    model.check(&RedbBackend::open(shared, Path::new(RESTORED), settings()).unwrap());
}

/// Protects: every chunk is within its bound, and none but the last is small without a reason: the stream is bounded.
#[test]
fn chunks_are_bounded() {
    let disk = sim(4_096, 1);
    let (backend, model) = filled(&disk);
    let frames = chunks(&backend);
    assert!(frames.iter().all(|frame| frame.len() <= CHUNK_LEN_MAX));
    let bytes: usize = model.records.values().map(Bytes::len).sum();
    assert!(
        frames.len() < 12 + 2 * bytes / CHUNK_LEN_MAX,
        "{} chunks",
        frames.len()
    );
    assert!(
        frames
            .iter()
            .any(|frame| matches!(Chunk::decode(frame), Ok(Chunk::Part { .. })))
    );
}

/// Protects: a snapshot is of one moment, whatever is committed and compacted while it is read.
#[test]
fn a_snapshot_is_of_one_moment() {
    let disk = sim(4_096, 1);
    let (backend, mut model) = filled(&disk);
    let then = checked(&chunks(&backend)).unwrap();
    let mut frames = Vec::new();
    let mut rng = Rng::from_seed(9);
    for frame in SnapshotChunks::new(backend.reader().unwrap()).unwrap() {
        frames.push(frame.unwrap());
        let batch = batch(model.held.applied.index + 1, &model, &mut rng);
        backend.commit(&batch).unwrap();
        model.apply(&batch);
    }
    assert_eq!(checked(&frames).unwrap(), then);
    assert_ne!(checked(&chunks(&backend)).unwrap(), then);
}

/// Protects: a chunk that is missing, doubled, out of place or added is found, and so is a snapshot that ends early.
#[test]
fn no_chunk_may_be_missing_or_moved() {
    let disk = sim(4_096, 1);
    let (backend, _) = filled(&disk);
    let frames = chunks(&backend);
    checked(&frames).unwrap();
    for at in 0..frames.len() {
        let mut without = frames.clone();
        without.remove(at);
        assert_eq!(
            checked(&without).unwrap_err().kind(),
            ErrorKind::Corrupt,
            "without {at}"
        );
        let mut doubled = frames.clone();
        doubled.insert(at, frames[at].clone());
        assert_eq!(
            checked(&doubled).unwrap_err().kind(),
            ErrorKind::Corrupt,
            "doubled {at}"
        );
        assert_eq!(
            checked(&frames[..at]).unwrap_err().kind(),
            ErrorKind::Corrupt,
            "cut at {at}"
        );
        if at > 0 {
            let mut swapped = frames.clone();
            swapped.swap(at - 1, at);
            assert_eq!(
                checked(&swapped).unwrap_err().kind(),
                ErrorKind::Corrupt,
                "swapped {at}"
            );
        }
    }
}

/// Protects: a flipped bit anywhere in a snapshot's file, and a file cut anywhere, are found, and the message says where.
#[test]
fn a_changed_file_is_refused() {
    let disk = sim(4_096, 1);
    let backend = open(&disk).unwrap();
    let mut model = Model::default();
    for index in 1..=3 {
        let batch = batch(index, &model, &mut Rng::from_seed(index));
        backend.commit(&batch).unwrap();
        model.apply(&batch);
    }
    save(
        Arc::new(disk.clone()),
        Path::new(SNAPSHOT),
        SnapshotChunks::new(backend.reader().unwrap()).unwrap(),
    )
    .unwrap();
    let whole = disk.peek(Path::new(SNAPSHOT)).unwrap();
    let read = |bytes: &[u8]| {
        disk.poke(Path::new("/data/changed"), bytes);
        let frames = SnapshotFrames::open(&disk, Path::new("/data/changed")).unwrap();
        status(Path::new("/data/changed"), frames)
    };
    read(&whole).unwrap();
    for at in 0..whole.len() {
        let mut changed = whole.clone();
        changed[at] ^= 1 << (at % 8);
        let error = read(&changed).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "byte {at}: {error}");
        assert!(error.to_string().contains("at byte"), "{error}");
        assert_eq!(
            read(&whole[..at]).unwrap_err().kind(),
            ErrorKind::Corrupt,
            "cut at {at}"
        );
    }
}

/// Protects: neither a snapshot nor a backend that exists is overwritten, and they stay as they are.
#[test]
fn nothing_is_overwritten() {
    let disk = sim(4_096, 1);
    let (backend, model) = filled(&disk);
    let path = Path::new(SNAPSHOT);
    disk.poke(path, b"precious");
    let source = || SnapshotChunks::new(backend.reader().unwrap()).unwrap();
    assert_eq!(
        save(Arc::new(disk.clone()), path, source()).unwrap_err().kind(),
        ErrorKind::AlreadyExists
    );
    assert_eq!(disk.peek(path).unwrap(), b"precious");
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    let frames = source();
    let refused = restore(shared, Path::new(support::PATH), settings(), path, frames).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::AlreadyExists);
    model.check(&backend);
    assert_eq!(disk.paths().len(), 2, "{:?}", disk.paths());
}

/// Protects: a restore that fails, for a bad snapshot or a full disk, leaves nothing behind and can be tried again.
#[test]
fn a_failed_restore_leaves_nothing() {
    let disk = sim(4_096, 1);
    let (backend, model) = filled(&disk);
    let frames = chunks(&backend);
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    let path = Path::new(RESTORED);
    let attempt = |frames: &[Bytes]| {
        restore(
            shared.clone(),
            path,
            settings(),
            Path::new("s"),
            frames.iter().cloned().map(Ok),
        )
    };
    let bad = attempt(&frames[..frames.len() - 1]).unwrap_err();
    assert_eq!(bad.kind(), ErrorKind::Corrupt);
    disk.set_capacity(disk.used_bytes() + (4 << 20));
    let full = attempt(&frames).unwrap_err();
    assert!(matches!(full, BackendError::LowSpace { .. }), "{full}");
    assert_eq!(disk.paths(), [Path::new(support::PATH)]);
    disk.set_capacity(u64::MAX / 2);
    attempt(&frames).unwrap();
    model.check(&RedbBackend::open(shared.clone(), path, settings()).unwrap());
}

/// Protects: a process that dies while it restores or saves leaves what was there, and a whole result or none; the next try
/// succeeds.
#[test]
fn a_crash_during_a_restore_leaves_all_or_nothing() {
    let disk = sim(4_096, 1);
    let source = open(&disk).unwrap();
    let mut model = Model::default();
    let batch = batch(3, &model, &mut Rng::from_seed(3));
    source.commit(&batch).unwrap();
    model.apply(&batch);
    let frames = chunks(&source);
    let mut unfinished = 0;
    for at in 0..400 {
        let disk = sim(512, at);
        disk.die_at(disk.operations() + at);
        let shared: Arc<dyn Disk> = Arc::new(disk.clone());
        let attempt = || {
            restore(
                shared.clone(),
                Path::new(RESTORED),
                settings(),
                Path::new("s"),
                frames.iter().cloned().map(Ok),
            )
        };
        let done = attempt().is_ok();
        disk.crash(at);
        let exists = disk.paths().contains(&Path::new(RESTORED).to_path_buf());
        assert!(exists || !done, "a restore that was answered for is gone");
        if !exists {
            attempt().unwrap();
            unfinished += 1;
        }
        model.check(&RedbBackend::open(shared.clone(), Path::new(RESTORED), settings()).unwrap());
        if done {
            assert!(unfinished > 30 && disk.count(Operation::Rename) > 0);
            return;
        }
    }
    panic!("a restore needs more than 400 operations");
}

/// Protects: a view that cannot be read any more ends the snapshot with an error, never with a trailer.
#[test]
fn a_view_that_fails_ends_the_snapshot() {
    let disk = sim(4_096, 1);
    let (backend, _) = filled(&disk);
    let mut chunks = SnapshotChunks::new(backend.reader().unwrap()).unwrap();
    assert!(chunks.next().unwrap().is_ok());
    drop(backend);
    let rest: Vec<_> = chunks.collect();
    let (last, before) = rest.split_last().unwrap();
    assert!(before.iter().all(Result::is_ok));
    assert_eq!(last.as_ref().unwrap_err().kind(), ErrorKind::Unavailable);
}

/// Protects: a snapshot that comes over a connection, in pieces of any length, is the same file; one that breaks off is none.
#[test]
fn a_snapshot_comes_in_any_pieces() {
    let disk = sim(4_096, 1);
    let backend = open(&disk).unwrap();
    let mut model = Model::default();
    let batch = batch(4, &model, &mut Rng::from_seed(4));
    backend.commit(&batch).unwrap();
    model.apply(&batch);
    let whole: Vec<u8> = chunks(&backend).concat();
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    let path = Path::new(SNAPSHOT);
    for len in [1, 7, 12, 4_096, whole.len()] {
        let mut saving = Save::begin(shared.clone(), path).unwrap();
        whole.chunks(len).for_each(|piece| saving.bytes(piece).unwrap());
        saving.finish().unwrap();
        assert_eq!(disk.peek(path).unwrap(), whole, "pieces of {len}");
        shared.remove(path).unwrap();
    }
    for cut in [0, 5, 12, whole.len() / 2, whole.len() - 1] {
        let mut saving = Save::begin(shared.clone(), path).unwrap();
        saving.bytes(&whole[..cut]).unwrap();
        let refused = saving.finish().unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Corrupt, "cut at {cut}");
        assert_eq!(disk.paths(), [Path::new(support::PATH)], "cut at {cut}");
    }
}

/// Protects: what a killed process left of a snapshot is in nobody's way, and a file that only looks so by its name stays.
#[test]
fn a_remainder_is_taken_away_and_nothing_else() {
    let disk = sim(4_096, 1);
    let (backend, _) = filled(&disk);
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    let (path, fresh) = (Path::new(SNAPSHOT), Path::new("/data/koinon.snapshot.new"));
    let attempt = || {
        save(
            shared.clone(),
            path,
            SnapshotChunks::new(backend.reader().unwrap()).unwrap(),
        )
    };
    disk.poke(fresh, b"notes");
    assert_eq!(attempt().unwrap_err().kind(), ErrorKind::AlreadyExists);
    assert_eq!(disk.peek(fresh).unwrap(), b"notes");
    disk.poke(fresh, b"KSN\x01");
    let other = Save::begin(shared.clone(), path).unwrap();
    let refused = attempt().unwrap_err();
    assert!(matches!(refused, BackendError::InUse { .. }), "{refused}");
    drop(other);
    attempt().unwrap();
    assert_eq!(disk.peek(fresh), None);
}

/// Protects: a process that dies while it saves leaves a whole snapshot or none under its name.
#[test]
fn a_crash_during_a_save_leaves_all_or_nothing() {
    let source = sim(4_096, 1);
    let backend = open(&source).unwrap();
    let model = Model::default();
    backend.commit(&batch(3, &model, &mut Rng::from_seed(3))).unwrap();
    let frames = chunks(&backend);
    let path = Path::new(SNAPSHOT);
    for at in 0..100 {
        let disk = sim(512, at);
        let shared: Arc<dyn Disk> = Arc::new(disk.clone());
        disk.die_at(disk.operations() + at);
        let done = save(shared.clone(), path, frames.iter().cloned().map(Ok)).is_ok();
        disk.crash(at);
        let found = disk.peek(path);
        assert!(
            found.is_some() || !done,
            "a snapshot that was answered for is gone"
        );
        let whole = found.as_ref().is_none_or(|found| *found == frames.concat());
        assert!(whole, "dead at {at}");
        if done {
            assert!(at > 5, "{at} operations");
            return;
        }
        if found.is_none() {
            save(shared, path, frames.iter().cloned().map(Ok)).unwrap();
        }
    }
    panic!("a save needs more than 100 operations");
}
