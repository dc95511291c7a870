//! The simulated disk keeps the ordering law, and nothing more than the law.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::Path;

use koinon_io_disk::{Disk, is_full};
use koinon_sim::{Fault, Operation, SimDisk};

fn disk(sector: usize) -> SimDisk {
    let disk = SimDisk::new(sector, 1);
    disk.create_dir(Path::new("/d")).unwrap();
    disk
}

/// Protects: what was synced, bytes and name, survives every crash.
#[test]
fn what_was_synced_stays() {
    for seed in 0..100 {
        let disk = disk(512);
        let path = Path::new("/d/a");
        let file = disk.create(path).unwrap();
        file.write_at(&[7; 2_000], 0).unwrap();
        file.sync_data().unwrap();
        disk.sync_dir(Path::new("/d")).unwrap();
        file.write_at(&[8; 2_000], 0).unwrap();
        disk.crash(seed);
        let bytes = disk.peek(path).unwrap();
        assert_eq!(bytes.len(), 2_000);
        assert!(bytes.iter().all(|byte| matches!(byte, 7 | 8)));
        assert!(
            file.write_at(b"x", 0).is_err(),
            "a handle of a dead process does nothing"
        );
    }
}

/// Protects: a crash really tears: of a write over four sectors every mixture of old and new is seen, at sector borders only.
#[test]
fn writes_are_torn_at_sector_borders() {
    let mut seen = BTreeSet::new();
    for seed in 0..500 {
        let disk = disk(512);
        let path = Path::new("/d/a");
        let file = disk.create(path).unwrap();
        file.allocate(2_048).unwrap();
        file.sync_data().unwrap();
        disk.sync_dir(Path::new("/d")).unwrap();
        file.write_at(&[1; 2_048], 0).unwrap();
        disk.crash(seed);
        let bytes = disk.peek(path).unwrap();
        let mixture: Vec<u8> = bytes.chunks(512).map(|sector| sector[0]).collect();
        assert!(
            bytes
                .chunks(512)
                .all(|sector| sector.iter().all(|byte| *byte == sector[0]))
        );
        seen.insert(mixture);
    }
    assert_eq!(seen.len(), 16);
}

/// Protects: a sector that was written twice may be found as it was in between.
#[test]
fn versions_in_between_are_possible() {
    let found = |seed| {
        let disk = disk(512);
        let file = disk.create(Path::new("/d/a")).unwrap();
        file.sync_data().unwrap();
        disk.sync_dir(Path::new("/d")).unwrap();
        file.write_at(&[1; 512], 0).unwrap();
        file.write_at(&[2; 512], 0).unwrap();
        disk.crash(seed);
        disk.peek(Path::new("/d/a")).unwrap().first().copied()
    };
    let seen: BTreeSet<Option<u8>> = (0..200).map(found).collect();
    assert_eq!(seen, BTreeSet::from([None, Some(0), Some(1), Some(2)]));
}

/// Protects: names that were not synced may be lost or kept, in any order; a synced directory's are kept.
#[test]
fn names_are_lost_until_the_directory_is_synced() {
    let found = |seed, sync: bool| {
        let disk = disk(512);
        for name in ["/d/a", "/d/b"] {
            disk.create(Path::new(name)).unwrap().sync_data().unwrap();
        }
        disk.sync_dir(Path::new("/d")).unwrap();
        disk.rename(Path::new("/d/a"), Path::new("/d/c")).unwrap();
        disk.remove(Path::new("/d/b")).unwrap();
        if sync {
            disk.sync_dir(Path::new("/d")).unwrap();
        }
        disk.crash(seed);
        disk.paths()
            .iter()
            .map(|path| path.to_str().unwrap().to_owned())
            .collect::<Vec<_>>()
            .join(" ")
    };
    let seen: BTreeSet<String> = (0..200).map(|seed| found(seed, false)).collect();
    let all = ["/d/a", "/d/a /d/b", "/d/b /d/c", "/d/c"];
    assert_eq!(seen, all.map(str::to_owned).into());
    assert!((0..50).all(|seed| found(seed, true) == "/d/c"));
}

/// Protects: after a failed sync no later one makes up for it, as on Linux.
#[test]
fn a_failed_sync_is_never_made_up_for() {
    let lost = (0..50).filter(|seed| {
        let disk = SimDisk::new(512, *seed);
        disk.create_dir(Path::new("/d")).unwrap();
        let file = disk.create(Path::new("/d/a")).unwrap();
        disk.sync_dir(Path::new("/d")).unwrap();
        file.write_at(&[1; 512], 0).unwrap();
        disk.fail(Fault {
            operation: Operation::Sync,
            nth: 1,
        });
        file.sync_data().unwrap_err();
        file.write_at(b"", 0).unwrap();
        let mut read = [0; 512];
        file.read_exact_at(&mut read, 0).unwrap();
        assert_eq!(read, [1; 512], "a reader sees it all the same");
        disk.crash(*seed);
        disk.peek(Path::new("/d/a")).unwrap() != [1; 512]
    });
    assert!(lost.count() > 10);
}

/// Protects: a full disk refuses, writes what fits, and takes more when there is space; holes take none.
#[test]
fn a_disk_fills_up() {
    let disk = disk(512);
    disk.set_capacity(2_048);
    let file = disk.create(Path::new("/d/a")).unwrap();
    file.set_len(1_000_000).unwrap();
    assert_eq!(disk.free_bytes(Path::new("/d")).unwrap(), 2_048);
    file.write_at(&[1; 1_024], 0).unwrap();
    let full = file.write_at(&[1; 2_048], 512).unwrap_err();
    assert!(is_full(&full), "{full}");
    assert_eq!(disk.free_bytes(Path::new("/d")).unwrap(), 0);
    let other = disk.create(Path::new("/d/b")).unwrap();
    assert!(is_full(&other.allocate(512).unwrap_err()));
    file.write_at(&[2; 2_048], 0).unwrap();
    drop(file);
    disk.remove(Path::new("/d/a")).unwrap();
    other.allocate(2_048).unwrap();
    assert_eq!(disk.used_bytes(), 2_048);
}

/// Protects: a process dies where it was told to, is deaf from then on, and lives again after a kill with all it wrote.
#[test]
fn a_process_dies_at_its_point() {
    let disk = disk(512);
    disk.die_at(disk.operations() + 1);
    let file = disk.create(Path::new("/d/a")).unwrap();
    file.try_lock().unwrap();
    file.write_at(b"last words", 0).unwrap_err();
    assert!(disk.is_dead());
    disk.open(Path::new("/d/a")).unwrap_err();
    disk.kill();
    let again = disk.open(Path::new("/d/a")).unwrap();
    again.try_lock().unwrap();
    assert_eq!(disk.peek(Path::new("/d/a")).unwrap(), b"last words");
    assert_eq!(
        disk.open(Path::new("/d/a"))
            .unwrap()
            .try_lock()
            .unwrap_err()
            .kind(),
        ErrorKind::WouldBlock
    );
}

/// Protects: the n-th operation of a kind fails, once, and has no effect.
#[test]
fn the_nth_operation_fails() {
    let disk = disk(512);
    disk.fail(Fault {
        operation: Operation::Write,
        nth: 2,
    });
    let file = disk.create(Path::new("/d/a")).unwrap();
    file.write_at(b"a", 0).unwrap();
    let error = file.write_at(b"b", 0).unwrap_err();
    assert!(error.to_string().contains("/d/a"), "{error}");
    assert_eq!(disk.peek(Path::new("/d/a")).unwrap(), b"a");
    file.write_at(b"c", 0).unwrap();
    assert_eq!(disk.count(Operation::Write), 3);
}
