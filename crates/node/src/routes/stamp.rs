//! What tells one state of a file from another without reading it.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// For so long after a change the clock of a file system may give the next change the same time.
const COARSEST_CLOCK_S: i64 = 2;

/// A state of a file: another file at the same path has another inode, another content another size or time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    device: u64,
    inode: u64,
    len: u64,
    modified: (i64, i64),
    /// Also changes when an older file is moved here, or a time is set back.
    changed: (i64, i64),
}

impl Stamp {
    /// The state of the file at `path` now, links followed.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        std::fs::metadata(path).map(|metadata| Self::from(&metadata))
    }

    /// Whether a change right after this one could bear the same stamp.
    pub(super) fn is_fresh(&self) -> bool {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now_s = now.map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX));
        now_s.saturating_sub(self.changed.0) <= COARSEST_CLOCK_S
    }
}

impl From<&Metadata> for Stamp {
    fn from(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            len: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}
