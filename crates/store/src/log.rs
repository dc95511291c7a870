//! The log as the store needs it: one writer that makes entries durable in order. Today a file; with more members, Raft.

use std::fmt::Debug;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use koinon_base::ErrorKind;
use koinon_io_disk::Disk;
use koinon_io_wal::{Entries, Figures, Record, Settings, Wal, WalError};

/// The term of a store with one member: it leads from the start and for ever.
pub(crate) const ONLY_TERM: u64 = 1;

/// What makes entries durable, in order.
pub(crate) trait Log: Debug + Send {
    /// Makes `entries` durable, the first under `index`. All of them, or the error's kind says what is known:
    /// `Internal` that nobody knows, and the log takes nothing more; every other that nothing was written.
    fn append(&mut self, index: u64, entries: &[Bytes]) -> Result<(), WalError>;

    /// Entries up to `index` are not needed any more.
    fn purge(&mut self, index: u64) -> Result<(), WalError>;

    /// The term of what is appended now.
    fn term(&self) -> u64;

    /// What it has done.
    fn figures(&self) -> Figures;
}

/// The log of a store with one member: a file on its disk.
#[derive(Debug)]
pub(crate) struct FileLog {
    wal: Wal,
    last: u64,
}

/// An entry that was found in the log.
#[derive(Debug)]
pub(crate) struct LogEntry {
    pub(crate) index: u64,
    pub(crate) term: u64,
    pub(crate) payload: Bytes,
}

impl FileLog {
    /// Opens the log.
    pub(crate) fn open(disk: Arc<dyn Disk>, dir: &Path, settings: Settings) -> Result<Self, WalError> {
        let (wal, recovered) = Wal::open(disk, dir, settings)?;
        if let Some(cut) = &recovered.cut {
            tracing::warn!(
                ?cut,
                "the log ended in the middle of a write that was never answered; that was cut off"
            );
        }
        let last = recovered.last_index;
        Ok(Self { wal, last })
    }

    /// The index of the last entry.
    pub(crate) fn last(&self) -> u64 {
        self.last
    }

    /// The entries after `index`.
    pub(crate) fn after(
        &self,
        index: u64,
    ) -> Result<impl Iterator<Item = Result<LogEntry, WalError>> + use<>, WalError> {
        let entries: Entries = self.wal.entries(index + 1)?;
        Ok(entries.map(|entry| {
            entry.map(|entry| LogEntry {
                index: entry.index,
                term: entry.term,
                payload: Bytes::from(entry.payload),
            })
        }))
    }
}

impl Log for FileLog {
    fn append(&mut self, index: u64, entries: &[Bytes]) -> Result<(), WalError> {
        let records: Vec<_> = (index..)
            .zip(entries)
            .map(|(index, payload)| Record::Entry {
                term: ONLY_TERM,
                index,
                payload,
            })
            .collect();
        self.wal.append(&records)?;
        self.wal.sync()
    }

    fn purge(&mut self, index: u64) -> Result<(), WalError> {
        self.wal.purge(index + 1)
    }

    fn term(&self) -> u64 {
        ONLY_TERM
    }

    fn figures(&self) -> Figures {
        self.wal.figures()
    }
}

/// Whether after this error nobody knows what is in the log.
pub(crate) fn is_lost(error: &WalError) -> bool {
    error.kind() == ErrorKind::Internal
}
