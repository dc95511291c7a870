//! What can go wrong with the log, and what its owner must do then.

use std::io;
use std::path::PathBuf;

use koinon_base::ErrorKind;

/// Why the log did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum WalError {
    /// Bytes that were durable have changed or are gone.
    #[error("{} is damaged at byte {offset}: {what}", file.display())]
    Corrupt {
        /// The segment.
        file: PathBuf,
        /// Where in it.
        offset: u64,
        /// What was found.
        what: String,
    },
    /// There is no space for the next segment. Nothing was written; it heals when there is.
    #[error("there is no segment with room for {bytes} bytes more in {}", dir.display())]
    NoSegment {
        /// The log's directory.
        dir: PathBuf,
        /// What was to be appended.
        bytes: u64,
        /// Why none could be made.
        source: io::Error,
    },
    /// An entry that does not follow the log.
    #[error("entry {index} does not follow the log, which holds entries {first} to {last}")]
    Gap {
        /// The entry's index.
        index: u64,
        /// The log's first index.
        first: u64,
        /// The log's last index (one less than the first in an empty log).
        last: u64,
    },
    /// More than the log takes at once.
    #[error("{bytes} bytes are more than the {max} that are taken {per}")]
    TooLarge {
        /// What was to be appended.
        bytes: u64,
        /// The bound.
        max: u64,
        /// What the bound is for.
        per: &'static str,
    },
    /// Too much is waiting to be synced.
    #[error("{bytes} bytes wait to be synced already")]
    Unsynced {
        /// How much waits.
        bytes: u64,
    },
    /// The log is another member's.
    #[error(
        "{} belongs to member {member:#x} of cluster {cluster:#x}: is this the right data directory?",
        file.display()
    )]
    Foreign {
        /// The segment.
        file: PathBuf,
        /// Whose it is.
        cluster: u64,
        /// Whose it is.
        member: u64,
    },
    /// The log was written by a version that this one does not understand.
    #[error("{} has version {version} of the log's format, this program knows {known}", file.display())]
    Version {
        /// The segment.
        file: PathBuf,
        /// What it says.
        version: u32,
        /// What this program knows.
        known: u32,
    },
    /// Another process has the log.
    #[error("the log in {} is in use by another process", dir.display())]
    Locked {
        /// The log's directory.
        dir: PathBuf,
        /// The lock's refusal.
        source: io::Error,
    },
    /// Entries that were asked for are gone.
    #[error("entry {index} is not in the log any more, which begins with {first}")]
    Purged {
        /// What was asked for.
        index: u64,
        /// What the log begins with.
        first: u64,
    },
    /// A write or a sync failed: nobody knows what is on the disk. The process must end, and recover.
    #[error("the log in {} failed and takes nothing more", dir.display())]
    Failed {
        /// The log's directory.
        dir: PathBuf,
        /// The failure; `None` when it was told before.
        source: Option<io::Error>,
    },
    /// The disk refused while the log was opened or read.
    #[error("the log in {} cannot be read", dir.display())]
    Io {
        /// The log's directory.
        dir: PathBuf,
        /// The disk's refusal.
        source: io::Error,
    },
}

impl WalError {
    /// What the caller must do.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Corrupt { .. } => ErrorKind::Corrupt,
            Self::NoSegment { .. } | Self::Locked { .. } => ErrorKind::Unavailable,
            Self::Gap { .. } | Self::TooLarge { .. } | Self::Foreign { .. } | Self::Version { .. } => {
                ErrorKind::Invalid
            }
            Self::Unsynced { .. } => ErrorKind::Overloaded,
            Self::Purged { .. } => ErrorKind::NotFound,
            Self::Failed { .. } | Self::Io { .. } => ErrorKind::Internal,
        }
    }
}
