//! Why something was not done, and what state that leaves.

use std::io;
use std::path::PathBuf;

use koinon_base::ErrorKind;
use koinon_core_kv::{Revision, SpaceId};

/// What was behind a failure, for the log.
pub(crate) type Source = Box<dyn std::error::Error + Send + Sync>;

/// Why a backend did not do something.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackendError {
    /// There is less space than the batch may take. Nothing was touched, and it heals when there is space.
    #[error(
        "{path} needs {need} free bytes for this batch and its reserve, and {free} are free; make space on its disk"
    )]
    LowSpace {
        /// The backend's file.
        path: PathBuf,
        /// What the batch may take, and the reserve.
        need: u64,
        /// What is free.
        free: u64,
    },
    /// An earlier I/O error stands: it must be opened anew first. Nothing happened.
    #[error("{path} had an I/O error and was not opened anew since")]
    Stalled {
        /// The backend's file.
        path: PathBuf,
    },
    /// Something failed before anything was promised. Nothing happened.
    #[error("cannot {what} {path}")]
    Failed {
        /// What was tried.
        what: &'static str,
        /// The backend's or snapshot's file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Source,
    },
    /// A commit broke off: it is there wholly or not at all, and opening anew tells.
    #[error("a commit to {path} broke off")]
    CommitBroken {
        /// The backend's file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Source,
    },
    /// A sync failed: what is on the disk is unknown for good, the process must end and start anew.
    #[error("a sync of {path} failed: what is on its disk is unknown, the process must end")]
    SyncFailed {
        /// The backend's file.
        path: PathBuf,
    },
    /// Another process has the file.
    #[error("{path} is in use by another process")]
    InUse {
        /// The backend's file.
        path: PathBuf,
    },
    /// It would be overwritten, and never is.
    #[error("{path} exists; move it away first")]
    Exists {
        /// Which file.
        path: PathBuf,
    },
    /// A newer Koinon wrote it.
    #[error("{path} has format {version}, this program reads up to {known}; use the program that wrote it")]
    Newer {
        /// Which file.
        path: PathBuf,
        /// Its format.
        version: u32,
        /// The newest that is known here.
        known: u32,
    },
    /// A record is not what was written.
    #[error("{path} is damaged: the record at revision {at} of keyspace {space} is not what was written")]
    DamagedRecord {
        /// The backend's file.
        path: PathBuf,
        /// In which keyspace.
        space: SpaceId,
        /// Which record.
        at: Revision,
    },
    /// Something else in the file is not what was written.
    #[error("{path} is damaged: {what}")]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What, and where.
        what: String,
    },
    /// A part of a batch is too long.
    #[error("a {what} of {len} bytes is too long, the most is {max}")]
    TooLong {
        /// What is.
        what: &'static str,
        /// How long.
        len: usize,
        /// The bound.
        max: usize,
    },
    /// The applied index would go back.
    #[error("a batch up to log index {asked} came after one up to {present}")]
    Backwards {
        /// The batch's.
        asked: u64,
        /// The backend's.
        present: u64,
    },
}

impl BackendError {
    /// What the caller must do.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::LowSpace { .. } | Self::Stalled { .. } | Self::Failed { .. } | Self::InUse { .. } => {
                ErrorKind::Unavailable
            }
            Self::CommitBroken { .. } => ErrorKind::OutcomeUnknown,
            Self::SyncFailed { .. } | Self::Backwards { .. } => ErrorKind::Internal,
            Self::Exists { .. } => ErrorKind::AlreadyExists,
            Self::Newer { .. } | Self::TooLong { .. } => ErrorKind::Invalid,
            Self::DamagedRecord { .. } | Self::Damaged { .. } => ErrorKind::Corrupt,
        }
    }

    pub(crate) fn failed(what: &'static str, path: &std::path::Path, source: impl Into<Source>) -> Self {
        Self::Failed {
            what,
            path: path.to_path_buf(),
            source: source.into(),
        }
    }

    pub(crate) fn io(what: &'static str, path: &std::path::Path, source: io::Error) -> Self {
        Self::failed(what, path, source)
    }
}
