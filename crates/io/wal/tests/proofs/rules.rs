//! What the log takes and refuses, one rule each.

use std::path::Path;
use std::sync::Arc;

use koinon_base::ErrorKind;
use koinon_io_disk::Disk as _;
use koinon_io_wal::{HardState, Identity, PAYLOAD_MAX, Record, Settings, Wal, WalError};
use koinon_sim::{Operation, SimDisk};

use crate::torn::SECTOR;
use crate::workload::{DIR, open, settings};

fn fresh() -> (SimDisk, Wal) {
    let disk = SimDisk::new(SECTOR, 1);
    let (wal, recovered) = open(Arc::new(disk.clone()), SECTOR).unwrap();
    assert_eq!((recovered.first_index, recovered.last_index), (1, 0));
    (disk, wal)
}

fn entry(index: u64, payload: &[u8]) -> Record<'_> {
    Record::Entry {
        term: 1,
        index,
        payload,
    }
}

/// Protects: a batch costs one write and one sync, however many appends made it, and an append costs the disk nothing.
#[test]
fn a_batch_is_one_write_and_one_sync() {
    let (disk, mut wal) = fresh();
    let operations = disk.operations();
    wal.append(&[entry(1, b"a"), entry(2, b"b")]).unwrap();
    wal.append(&[
        Record::HardState(HardState {
            term: 1,
            vote: 1,
            commit: 0,
        }),
        entry(3, b"c"),
    ])
    .unwrap();
    assert_eq!(disk.operations(), operations);
    assert_eq!((wal.last_index(), wal.durable_index()), (3, 0));
    let (writes, syncs) = (disk.count(Operation::Write), disk.count(Operation::Sync));
    wal.sync().unwrap();
    assert_eq!(
        (
            disk.count(Operation::Write) - writes,
            disk.count(Operation::Sync) - syncs
        ),
        (1, 1)
    );
    assert_eq!(disk.operations(), operations + 2);
    assert_eq!(wal.durable_index(), 3);
    wal.sync().unwrap();
    assert_eq!(disk.operations(), operations + 2, "there is nothing to sync");
    let figures = wal.figures();
    assert_eq!(
        (figures.syncs, figures.records, figures.sync_latency.count()),
        (1, 4, 1)
    );
}

/// Protects: an append that breaks a rule is refused whole: none of its records is in the log.
#[test]
fn a_wrong_append_is_refused_whole() {
    let (_disk, mut wal) = fresh();
    wal.append(&[entry(1, b"a"), entry(2, b"b")]).unwrap();
    for wrong in [0, 5, u64::MAX] {
        let error = wal.append(&[entry(3, b"c"), entry(wrong, b"d")]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
        assert_eq!(wal.last_index(), 2);
    }
    let long = vec![0; PAYLOAD_MAX];
    let error = wal.append(&[entry(3, &long)]).unwrap_err();
    assert!(matches!(error, WalError::TooLarge { .. }), "{error}");
    wal.append(&[entry(3, b"c")]).unwrap();
    wal.sync().unwrap();
    assert_eq!(wal.entries(1).unwrap().count(), 3);
}

/// Protects: an entry far longer than a segment is taken, first of all or later, and found again.
#[test]
fn an_entry_may_be_longer_than_a_segment() {
    for before in [0, 3] {
        let (disk, mut wal) = fresh();
        for index in 1..=before {
            wal.append(&[entry(index, b"small")]).unwrap();
        }
        let long: Vec<u8> = (0..100_000_u32).map(|n| (n % 251) as u8).collect();
        wal.append(&[entry(before + 1, &long)]).unwrap();
        wal.append(&[entry(before + 2, b"small")]).unwrap();
        wal.sync().unwrap();
        drop(wal);
        disk.crash(4);
        let (wal, recovered) = open(Arc::new(disk), SECTOR).unwrap();
        assert_eq!(recovered.last_index, before + 2);
        let read = wal.entries(before + 1).unwrap().next().unwrap().unwrap();
        assert_eq!(read.payload, long);
    }
}

/// Protects: more than the bound does not wait in memory.
#[test]
fn what_waits_is_bounded() {
    let (_disk, mut wal) = fresh();
    let long = vec![1; PAYLOAD_MAX - 16];
    let mut index = 1;
    let error = loop {
        match wal.append(&[entry(index, &long)]) {
            Ok(()) => index += 1,
            Err(error) => break error,
        }
    };
    assert_eq!((error.kind(), index), (ErrorKind::Overloaded, 8), "{error}");
    wal.sync().unwrap();
    wal.append(&[entry(index, &long)]).unwrap();
}

/// Protects: a second process is kept out, and comes in when the first is gone.
#[test]
fn a_log_has_one_owner() {
    let (disk, wal) = fresh();
    let error = open(Arc::new(disk.clone()), SECTOR).unwrap_err();
    assert!(matches!(error, WalError::Locked { .. }), "{error}");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    drop(wal);
    open(Arc::new(disk), SECTOR).unwrap();
}

/// Protects: another member's log is refused before anything is changed, and the error says whose it is.
#[test]
fn another_members_log_is_refused() {
    let (disk, mut wal) = fresh();
    wal.append(&[entry(1, b"a")]).unwrap();
    wal.sync().unwrap();
    drop(wal);
    let identity = Identity {
        cluster: 0xC0,
        member: 0xE2,
    };
    let other = Settings {
        identity,
        ..settings(SECTOR)
    };
    let error = Wal::open(Arc::new(disk.clone()), Path::new(DIR), other).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.to_string().contains("0xe1"), "{error}");
    assert_eq!(open(Arc::new(disk), SECTOR).unwrap().1.last_index, 1);
}

/// Protects: a new log may begin with any index (after a snapshot was restored), and remembers it.
#[test]
fn a_log_may_begin_anywhere() {
    let disk = SimDisk::new(SECTOR, 1);
    let settings = Settings {
        first_index: 1_000,
        ..settings(SECTOR)
    };
    let (mut wal, recovered) = Wal::open(Arc::new(disk.clone()), Path::new(DIR), settings).unwrap();
    assert_eq!((recovered.first_index, recovered.last_index), (1_000, 999));
    assert_eq!(
        wal.append(&[entry(1, b"")]).unwrap_err().kind(),
        ErrorKind::Invalid
    );
    wal.append(&[entry(1_000, b"a")]).unwrap();
    wal.sync().unwrap();
    drop(wal);
    let (wal, recovered) = open(Arc::new(disk), SECTOR).unwrap();
    assert_eq!((recovered.first_index, recovered.last_index), (1_000, 1_000));
    assert_eq!(wal.entries(999).unwrap_err().kind(), ErrorKind::NotFound);
}

/// Protects: the hard state outlives the segment that it was written to.
#[test]
fn the_hard_state_outlives_its_segment() {
    let (disk, mut wal) = fresh();
    let state = HardState {
        term: 7,
        vote: 2,
        commit: 5,
    };
    wal.append(&[Record::HardState(state)]).unwrap();
    for index in 1..=200 {
        wal.append(&[entry(index, &[1; 100])]).unwrap();
        wal.sync().unwrap();
    }
    wal.purge(200).unwrap();
    assert!(wal.first_index() > 100);
    drop(wal);
    disk.crash(1);
    assert_eq!(open(Arc::new(disk), SECTOR).unwrap().1.hard_state, state);
}

/// Protects: files that are not the log's are left alone, and half-made segments go away.
#[test]
fn foreign_files_stay() {
    let (disk, wal) = fresh();
    drop(wal);
    let dir = Path::new(DIR);
    disk.poke(&dir.join("notes.txt"), b"mine");
    disk.poke(&dir.join("0000000000000009.new"), b"half");
    drop(open(Arc::new(disk.clone()), SECTOR).unwrap());
    let names = disk.list(dir).unwrap();
    assert!(
        names.contains(&"notes.txt".into()) && !names.contains(&"0000000000000009.new".into()),
        "{names:?}"
    );
}
