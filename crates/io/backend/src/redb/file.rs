//! The database's file on `io/disk`, and the memory of what went wrong with it.
//!
//! `redb` grows the file by doubling it, up to 4 GiB at a time; here that is a hole, which takes no space until a page in
//! it is written. After an error `redb` refuses everything until it is opened anew. Whether that is allowed depends on
//! which operation failed: a write that failed promised nothing, a sync that failed leaves nobody knowing what is
//! durable, and a database opened anew would take pages for durable that only the page cache has.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use koinon_io_disk::DiskFile;
use redb::StorageBackend;

/// What went wrong with the file, for as long as the process lives.
#[derive(Debug, Default)]
pub(super) struct Health {
    sync_failed: AtomicBool,
}

impl Health {
    /// Whether a sync ever failed.
    pub(super) fn sync_failed(&self) -> bool {
        self.sync_failed.load(Ordering::Acquire)
    }
}

/// The file as one opened database sees it. Several may share the file one after the other, so each can be shut.
#[derive(Debug, Clone)]
pub(super) struct File {
    file: Arc<dyn DiskFile>,
    health: Arc<Health>,
    session: Arc<Session>,
}

/// What became of one opened database.
#[derive(Debug, Default)]
struct Session {
    /// An operation failed, and the database refuses everything from then on.
    failed: AtomicBool,
    /// Another database has taken the file over.
    shut: AtomicBool,
}

impl File {
    /// For a database about to be opened.
    pub(super) fn new(file: Arc<dyn DiskFile>, health: Arc<Health>) -> Self {
        Self {
            file,
            health,
            session: Arc::default(),
        }
    }

    /// The same file for the database that is opened after this one, which changes nothing any more.
    pub(super) fn hand_over(&self) -> Self {
        self.session.shut.store(true, Ordering::Release);
        Self::new(self.file.clone(), self.health.clone())
    }

    /// Whether the database that has it refuses everything.
    pub(super) fn failed(&self) -> bool {
        self.session.failed.load(Ordering::Acquire)
    }

    /// The file's length, holes included.
    pub(super) fn size_bytes(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn noted<T>(&self, result: io::Result<T>) -> io::Result<T> {
        if result.is_err() {
            self.session.failed.store(true, Ordering::Release);
        }
        result
    }

    fn may_change(&self) -> io::Result<()> {
        if self.session.shut.load(Ordering::Acquire) {
            return self.noted(Err(io::Error::other("the file was opened anew since")));
        }
        Ok(())
    }
}

impl StorageBackend for File {
    fn len(&self) -> io::Result<u64> {
        self.noted(self.file.len())
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.noted(self.file.read_exact_at(out, offset))
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.may_change()?;
        self.noted(self.file.set_len(len))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.may_change()?;
        let result = self.file.sync_data();
        if result.is_err() {
            self.health.sync_failed.store(true, Ordering::Release);
        }
        self.noted(result)
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.may_change()?;
        self.noted(self.file.write_at(data, offset))
    }
}
