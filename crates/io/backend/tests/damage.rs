//! Rot: a backend whose file was changed behind its back says so, for the record that is concerned, or refuses to open.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::path::Path;

use koinon_base::{ErrorKind, Rng};
use koinon_core_kv::{Revision, SpaceId};
use koinon_io_backend::{Applied, Backend, BackendError, Batch, View};
use koinon_sim::SimDisk;
use support::{Model, PATH, all_records, open, sim, value};

/// A backend with two batches in it, closed or killed.
fn filled(disk: &SimDisk, records: i64, closed: bool) -> Model {
    let mut model = Model::default();
    let backend = open(disk).unwrap();
    let put = (0..records).map(|main| {
        (
            SpaceId::ETCD,
            Revision::new(main, 0),
            value(main.cast_unsigned(), 300),
        )
    });
    let batch = Batch {
        put: put.collect(),
        ..Batch::default()
    };
    backend.commit(&batch).unwrap();
    model.apply(&batch);
    let second = Batch {
        applied: Applied { index: 1, term: 1 },
        remove: vec![(SpaceId::ETCD, Revision::new(7, 0))],
        ..Batch::default()
    };
    backend.commit(&second).unwrap();
    model.apply(&second);
    if !closed {
        disk.kill();
    }
    model
}

/// Protects: a flipped bit in a record's bytes is told as damage of that record, by a read and by a scan, and the others are
/// still answered.
#[test]
fn a_damaged_record_is_named() {
    let disk = sim(512, 1);
    let model = filled(&disk, 4_000, true);
    let backend = open(&disk).unwrap();
    // After the start, which would refuse it; what is read now was last looked at long ago, as far as the cache goes.
    let at = Revision::new(123, 0);
    let record = &model.records[&(SpaceId::ETCD, at)];
    let mut bytes = disk.peek(Path::new(PATH)).unwrap();
    let found = bytes
        .windows(record.len())
        .position(|window| window == record)
        .unwrap();
    bytes[found + 100] ^= 4;
    disk.poke(Path::new(PATH), &bytes);
    let error = backend.get(SpaceId::ETCD, at).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert_eq!(
        error.to_string(),
        format!("{PATH} is damaged: the record at revision 123.0 of keyspace etcd is not what was written")
    );
    assert!(matches!(all_records(&backend), Err(BackendError::DamagedRecord { at: told, .. }) if told == at));
    let other = Revision::new(124, 0);
    assert_eq!(
        backend.get(SpaceId::ETCD, other).unwrap().as_ref(),
        model.records.get(&(SpaceId::ETCD, other))
    );
}

/// Protects: one flipped bit anywhere in the file, whether it was closed or its process killed, is found at the start, or
/// does no harm: no panic, no endless search, no wrong answer, and no quiet return to an older state.
#[test]
fn rot_is_found_at_the_start() {
    for closed in [true, false] {
        let disk = sim(512, 1);
        let model = filled(&disk, 400, closed);
        let whole = disk.peek(Path::new(PATH)).unwrap();
        let mut rng = Rng::from_seed(1);
        let mut refused = 0;
        for round in 0..150 {
            // The headers are few bytes with much in them.
            let at = if round < 50 {
                rng.below(512)
            } else {
                rng.below(whole.len())
            };
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << rng.below(8);
            let disk = sim(512, 1);
            disk.poke(Path::new(PATH), &bytes);
            match open(&disk) {
                Ok(backend) => model.check(&backend),
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Corrupt, "byte {at}: {error}");
                    refused += 1;
                }
            }
        }
        assert!((10..150).contains(&refused), "{refused} of 150 were refused");
    }
}
