//! A data folder made of what was saved: a snapshot of Koinon's, or a database of etcd's. A node starts on it afterwards.
//!
//! Invariant: a folder that has a store is refused and stays as it is; one that was made for a restore that failed is gone.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use koinon_api_etcd::wire::database::{DatabaseError, Head, Opened, Sum, check_sum};
use koinon_base::ErrorKind;
use koinon_core_kv::{Record, SpaceId};
use koinon_io_backend::snapshot::SnapshotFrames;
use koinon_io_backend::{BackendError, SpaceMarks};
use koinon_io_disk::{Disk, OsDisk};
use koinon_store::{Import, RestoreError as StoreError, Restored, restore};
use thiserror::Error;

use crate::data_dir::{DataDir, DataDirError, STORE};

/// Why there is no restored data folder.
#[derive(Debug, Error)]
pub enum RestoreError {
    /// What was saved cannot be read.
    #[error("cannot read {}", path.display())]
    Source {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The data folder.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The store was not made.
    #[error("{} was not restored", path.display())]
    Store {
        /// What was saved.
        path: PathBuf,
        /// Why.
        #[source]
        source: StoreError,
    },
    /// It is no database of etcd's.
    #[error("{} is no etcd database that can be taken over", path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        #[source]
        source: DatabaseError,
    },
    /// There is no check sum behind the database.
    #[error(
        "{} has no check sum, as a copy of a running server's file has none; --skip-hash-check takes it nevertheless",
        path.display()
    )]
    NoSum {
        /// The file.
        path: PathBuf,
    },
}

impl RestoreError {
    /// What the caller must do.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Source { .. } | Self::NoSum { .. } => ErrorKind::Invalid,
            Self::DataDir(error) => error.kind(),
            Self::Store { source, .. } => source.kind(),
            Self::Database { .. } => ErrorKind::Corrupt,
        }
    }
}

/// What a data folder is made of.
#[derive(Debug, Clone, Copy)]
pub enum Saved<'a> {
    /// A snapshot of Koinon's.
    Snapshot(&'a Path),
    /// A database file of etcd's.
    Etcd {
        /// The file.
        path: &'a Path,
        /// Whether it is taken without its check sum being looked at.
        skip_hash_check: bool,
    },
}

/// Makes the data folder `dir` of what was saved. Blocks.
///
/// # Errors
/// When there is a store in it already, or what was saved is damaged; nothing of it stays then.
pub fn restore_data_dir(dir: &Path, saved: Saved<'_>) -> Result<Restored, RestoreError> {
    // Before anything is made: a misspelt file must leave no trace.
    let source = Source::open(saved)?;
    let existed = dir.exists();
    let data_dir = DataDir::open(dir)?;
    let store = dir.join(STORE);
    let restored = source.into_store(&store);
    if restored.is_err() {
        // Both succeed only if nothing is in them, which is when they should.
        let _ = std::fs::remove_dir(&store);
        if !existed {
            data_dir.remove();
        }
    }
    restored
}

/// What was saved, opened.
enum Source<'a> {
    Snapshot(&'a Path, SnapshotFrames),
    Etcd(&'a Path, File),
}

impl<'a> Source<'a> {
    fn open(saved: Saved<'a>) -> Result<Self, RestoreError> {
        match saved {
            Saved::Snapshot(path) => Ok(Self::Snapshot(path, snapshot_frames(path)?)),
            Saved::Etcd {
                path,
                skip_hash_check,
            } => {
                let file = File::open(path).map_err(unreadable(path))?;
                if !skip_hash_check && check_sum(&file).map_err(not_taken(path))? == Sum::Absent {
                    // Whatever is no database at all is told so.
                    Opened::open(&file).map_err(not_taken(path))?;
                    return Err(RestoreError::NoSum {
                        path: path.to_path_buf(),
                    });
                }
                Ok(Self::Etcd(path, file))
            }
        }
    }

    fn into_store(self, dir: &Path) -> Result<Restored, RestoreError> {
        let disk: Arc<dyn Disk> = Arc::new(OsDisk);
        match self {
            Self::Snapshot(path, frames) => restore(&disk, dir, path, frames).map_err(not_made(path)),
            Self::Etcd(path, file) => import(&disk, dir, path, &file),
        }
    }
}

/// The chunks of the snapshot at `path`, which is only read.
///
/// # Errors
/// It cannot be opened.
pub fn snapshot_frames(path: &Path) -> Result<SnapshotFrames, RestoreError> {
    let file = OsDisk::open_to_read(path).map_err(unreadable(path))?;
    SnapshotFrames::of(file, path).map_err(|source: BackendError| RestoreError::Store {
        path: path.to_path_buf(),
        source: source.into(),
    })
}

/// Takes over etcd's keys with all their revisions, its leases and how far it was compacted. What it says of members,
/// alarms and users belongs to its cluster and is left out.
fn import(disk: &Arc<dyn Disk>, dir: &Path, path: &Path, file: &File) -> Result<Restored, RestoreError> {
    const SPACE: SpaceId = SpaceId::ETCD;
    let (made, taken) = (not_made(path), not_taken(path));
    let opened = Opened::open(file).map_err(&taken)?;
    let Head {
        compacted, leases, ..
    } = opened.head().map_err(&taken)?;
    let mut import = Import::begin(disk, dir).map_err(&made)?;
    for (id, ttl_s) in leases {
        import.lease(SPACE, id, ttl_s).map_err(&made)?;
    }
    // Compaction may have taken the last record away; a cluster begins at 1.
    let mut revision = compacted.max(1);
    let mut records = opened.records().map_err(&taken)?;
    while let Some((at, record)) = records.next_record().map_err(&taken)? {
        if let Record::Put(kv) = &record
            && kv.mod_revision != at.main
        {
            return Err(taken(DatabaseError::Entry {
                bucket: "key",
                what: "its revision is not the one that it is kept under",
            }));
        }
        import.record(SPACE, at, &record).map_err(&made)?;
        revision = revision.max(at.main);
    }
    let marks = SpaceMarks {
        revision,
        compacted: if compacted > 0 { compacted } else { -1 },
    };
    import.stood(SPACE, marks).map_err(&made)?;
    import.finish().map_err(&made)
}

fn unreadable(path: &Path) -> impl Fn(io::Error) -> RestoreError {
    let path = path.to_path_buf();
    move |source| RestoreError::Source {
        path: path.clone(),
        source,
    }
}

fn not_taken(path: &Path) -> impl Fn(DatabaseError) -> RestoreError {
    let path = path.to_path_buf();
    move |source| RestoreError::Database {
        path: path.clone(),
        source,
    }
}

fn not_made(path: &Path) -> impl Fn(StoreError) -> RestoreError {
    let path = path.to_path_buf();
    move |source| RestoreError::Store {
        path: path.clone(),
        source,
    }
}
