//! The proofs can fail: disks that break the ordering law, each in one way, are found out.

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::sync::Arc;

use koinon_io_disk::{Disk, DiskFile};
use koinon_sim::SimDisk;

use crate::crash::Proof;

/// What a disk says it has done, and has not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lie {
    SyncData,
    SyncDir,
    /// Space is there, but as a hole: nothing was written.
    Allocate,
}

#[derive(Debug)]
struct Liar(SimDisk, Lie);

#[derive(Debug)]
struct LyingFile(Arc<dyn DiskFile>, Lie);

impl Liar {
    fn file(&self, file: Arc<dyn DiskFile>) -> Arc<dyn DiskFile> {
        Arc::new(LyingFile(file, self.1))
    }
}

impl Disk for Liar {
    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        self.0.open(path).map(|file| self.file(file))
    }
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        self.0.create(path).map(|file| self.file(file))
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.0.rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        self.0.remove(path)
    }
    fn list(&self, dir: &Path) -> io::Result<Vec<OsString>> {
        self.0.list(dir)
    }
    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        self.0.create_dir(dir)
    }
    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        if self.1 == Lie::SyncDir {
            Ok(())
        } else {
            self.0.sync_dir(dir)
        }
    }
    fn free_bytes(&self, path: &Path) -> io::Result<u64> {
        self.0.free_bytes(path)
    }
}

impl DiskFile for LyingFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(buffer, offset)
    }
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.0.write_at(bytes, offset)
    }
    fn sync_data(&self) -> io::Result<()> {
        if self.1 == Lie::SyncData {
            Ok(())
        } else {
            self.0.sync_data()
        }
    }
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }
    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }
    fn allocate(&self, len: u64) -> io::Result<()> {
        if self.1 == Lie::Allocate {
            self.0.set_len(len.max(self.0.len()?))
        } else {
            self.0.allocate(len)
        }
    }
    fn try_lock(&self) -> io::Result<()> {
        self.0.try_lock()
    }
}

fn proof(wrap: fn(SimDisk) -> Arc<dyn Disk>, kill_first: bool) -> Result<u64, String> {
    Proof {
        wrap,
        sector: 512,
        workloads: 3,
        crashes: 3,
        kill_first,
    }
    .run()
}

/// Protects: the proof sees a sync that does nothing.
#[test]
fn a_sync_that_does_nothing_is_found() {
    let found = proof(|disk| Arc::new(Liar(disk, Lie::SyncData)), false).unwrap_err();
    assert!(found.contains("dying in operation"), "{found}");
}

/// Protects: the proof sees a sync of the directory that does nothing.
#[test]
fn a_directory_that_is_not_synced_is_found() {
    let found = proof(|disk| Arc::new(Liar(disk, Lie::SyncDir)), false).unwrap_err();
    assert!(found.contains("dying in operation"), "{found}");
}

/// Protects: the simulated disk is not simply unkind to everybody: what the log does not rest on for its content (that
/// space was really taken) may be missing.
#[test]
fn a_hole_for_space_loses_nothing_while_there_is_space() {
    proof(|disk| Arc::new(Liar(disk, Lie::Allocate)), false).unwrap();
}
