//! Disks that are full or fail: what is refused has not happened, and what failed is never trusted again.

use std::sync::Arc;

use koinon_base::{ErrorKind, Rng};
use koinon_io_wal::{Wal, WalError};
use koinon_sim::{Fault, Operation, SimDisk};

use crate::ledger::{Ledger, Step};
use crate::torn::SECTOR;
use crate::workload::{append, open, run};

fn reopen(disk: &SimDisk, ledger: &mut Ledger) -> Wal {
    let (wal, recovered) = open(Arc::new(disk.clone()), SECTOR).unwrap();
    ledger.judge(&wal, &recovered).unwrap();
    wal
}

fn entry(index: u64, len: usize) -> Vec<Step> {
    vec![Step::Entry(koinon_io_wal::Entry {
        term: 1,
        index,
        payload: vec![7; len],
    })]
}

/// Protects: on a full disk an append is refused as a whole before anything is written, what was appended before can still
/// be synced and read, and the very same append succeeds when there is space.
#[test]
fn a_full_disk_refuses_and_heals() {
    let disk = SimDisk::new(SECTOR, 1);
    let mut ledger = Ledger::default();
    let mut wal = reopen(&disk, &mut ledger);
    append(&mut wal, &mut ledger, &entry(1, 100)).unwrap();
    wal.sync().unwrap();
    ledger.acknowledge();
    disk.set_capacity(disk.used_bytes() + 1_024);
    let mut index = 2;
    let refused = loop {
        match append(&mut wal, &mut ledger, &entry(index, 300)) {
            Ok(()) => index += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(refused.kind(), ErrorKind::Unavailable);
    assert!(matches!(refused, WalError::NoSegment { .. }), "{refused}");
    assert_eq!(wal.last_index(), index - 1);
    let writes = disk.count(Operation::Write);
    append(&mut wal, &mut ledger, &entry(index, 300)).unwrap_err();
    assert_eq!(
        disk.count(Operation::Write),
        writes,
        "nothing is written for a refused append"
    );
    wal.sync().unwrap();
    ledger.acknowledge();
    assert_eq!(wal.entries(1).unwrap().count() as u64, index - 1);
    disk.set_capacity(u64::MAX);
    append(&mut wal, &mut ledger, &entry(index, 300)).unwrap();
    wal.sync().unwrap();
    ledger.acknowledge();
    drop(wal);
    disk.crash(1);
    reopen(&disk, &mut ledger);
}

/// Protects: a disk that fills up and empties again and again under a whole workload, with crashes in between, loses and
/// invents nothing, and every refusal says that nothing happened.
#[test]
fn space_may_come_and_go() {
    let mut refusals = 0;
    for seed in 0..60 {
        let disk = SimDisk::new(SECTOR, seed);
        let mut ledger = Ledger::default();
        let mut rng = Rng::from_seed(seed);
        let mut wal = reopen(&disk, &mut ledger);
        for _ in 0..12 {
            disk.set_capacity(disk.used_bytes() + rng.below(8_000) as u64);
            if let Err(error) = run(&mut wal, &mut ledger, &mut rng, 10) {
                assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
                refusals += 1;
            }
            if rng.below(3) == 0 {
                drop(wal);
                disk.crash(rng.next_u64());
                wal = reopen(&disk, &mut ledger);
            }
        }
    }
    assert!(refusals > 50, "{refusals}");
}

/// Protects: after a failed sync or write the log is poisoned: every call is refused as `Internal`, nothing is written any
/// more, and the next life finds all that was acknowledged.
#[test]
fn a_failed_sync_poisons_the_log() {
    for (operation, nth) in [(Operation::Sync, 1), (Operation::Write, 1)] {
        let disk = SimDisk::new(SECTOR, 3);
        let mut ledger = Ledger::default();
        let mut wal = reopen(&disk, &mut ledger);
        append(&mut wal, &mut ledger, &entry(1, 100)).unwrap();
        wal.sync().unwrap();
        ledger.acknowledge();
        append(&mut wal, &mut ledger, &entry(2, 100)).unwrap();
        disk.fail(Fault { operation, nth });
        let error = wal.sync().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Internal);
        assert!(
            std::error::Error::source(&error).is_some(),
            "the cause is told: {error}"
        );
        let operations = disk.operations();
        for _ in 0..3 {
            assert_eq!(
                wal.append(&[entry(2, 1)[0].record()]).unwrap_err().kind(),
                ErrorKind::Internal
            );
            assert_eq!(wal.sync().unwrap_err().kind(), ErrorKind::Internal);
            assert_eq!(wal.purge(1).unwrap_err().kind(), ErrorKind::Internal);
        }
        assert_eq!(
            disk.operations(),
            operations,
            "a poisoned log leaves the disk alone"
        );
        drop(wal);
        disk.crash(8);
        reopen(&disk, &mut ledger);
    }
}

/// Protects: whichever single operation of a workload fails, the log refuses cleanly (`Unavailable`), or ends itself
/// (`Internal`), and in both cases keeps the law through the crash that follows.
#[test]
fn every_operation_may_fail() {
    let kinds = [
        Operation::Create,
        Operation::Open,
        Operation::Rename,
        Operation::Remove,
        Operation::SyncDir,
        Operation::Write,
        Operation::Sync,
        Operation::Allocate,
    ];
    let (mut refused, mut ended) = (0, 0);
    for seed in 0..8 {
        for operation in kinds {
            for nth in 1..40 {
                let disk = SimDisk::new(SECTOR, seed);
                let mut ledger = Ledger::default();
                let mut wal = reopen(&disk, &mut ledger);
                let before = disk.count(operation);
                disk.fail(Fault { operation, nth });
                let mut rng = Rng::from_seed(seed);
                for _ in 0..4 {
                    match run(&mut wal, &mut ledger, &mut rng, 15).map_err(|error| error.kind()) {
                        Ok(()) => {}
                        Err(ErrorKind::Unavailable) => refused += 1,
                        Err(kind) => {
                            assert_eq!(kind, ErrorKind::Internal, "{operation:?} {nth}");
                            ended += 1;
                            break;
                        }
                    }
                }
                let done = disk.count(operation) - before;
                drop(wal);
                disk.crash(seed + nth);
                reopen(&disk, &mut ledger);
                if done < nth {
                    break;
                }
            }
        }
    }
    assert!(refused > 3 && ended > 100, "{refused} refused, {ended} ended");
}
