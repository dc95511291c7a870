//! The whole store as a snapshot, and what a snapshot holds.
//!
//! A snapshot is of the backend's last transaction, so it is of one place in the log: every keyspace at one revision,
//! every transaction whole. Writes go on meanwhile.

use std::collections::{BTreeMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use koinon_base::ErrorKind;
use koinon_core_kv::{CodecError, Record, Revision, SpaceId};
use koinon_io_backend::snapshot::{SnapshotChunks, Verifier};
use koinon_io_backend::{Applied, BackendError, Batch, HeldSpace};
use sha2::{Digest, Sha256};
use thiserror::Error;
use tokio::time::timeout;

use crate::handle::Store;
use crate::shared::Shared;

/// How long a snapshot waits for the backend to have what was answered: a flush takes some milliseconds.
const FLUSH_WITHIN: Duration = Duration::from_secs(5);

/// Why there is no snapshot.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// The backend cannot be read, or a snapshot is damaged.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// The backend is behind.
    #[error(
        "the store's disk does not take what was written last, so a snapshot would miss it; try again later"
    )]
    Behind,
    /// A record is not one.
    #[error("{path} is damaged: the record at revision {at} of keyspace {space} is not one")]
    Record {
        /// The snapshot.
        path: PathBuf,
        /// In which keyspace.
        space: SpaceId,
        /// Which.
        at: Revision,
        /// Why.
        #[source]
        source: CodecError,
    },
}

impl SnapshotError {
    /// What the caller must do.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Backend(error) => error.kind(),
            Self::Behind => ErrorKind::Unavailable,
            Self::Record { .. } => ErrorKind::Corrupt,
        }
    }
}

impl Store {
    /// Everything that was answered until now, as the chunks of a snapshot. Each is read when it is asked for, which blocks;
    /// as long as there are more, what was removed since keeps its space.
    ///
    /// # Errors
    /// `Unavailable` when the backend does not keep up, or cannot be read.
    pub async fn snapshot(&self) -> Result<SnapshotChunks, SnapshotError> {
        let shared = &self.shared;
        let applied = shared.dirty().applied.index;
        timeout(FLUSH_WITHIN, shared.durable_to(applied))
            .await
            .map_err(|_elapsed| SnapshotError::Behind)?;
        let backend = shared.values.backend.clone();
        let begun = tokio::task::spawn_blocking(move || SnapshotChunks::new(backend.reader()?)).await;
        match begun {
            Ok(begun) => Ok(begun?),
            Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
        }
    }
}

impl Shared {
    /// Waits until the backend has the effect of entry `index`.
    async fn durable_to(&self, index: u64) {
        loop {
            let flushed = self.flushed.notified();
            if self.durable.load(Ordering::Acquire) >= index {
                return;
            }
            self.bell.ring();
            flushed.await;
        }
    }
}

/// What a whole snapshot holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inventory {
    /// The last log entry in it.
    pub applied: Applied,
    /// Its length in bytes.
    pub len: u64,
    /// The SHA-256 of everything before the trailer.
    pub hash: [u8; 32],
    /// Its keyspaces, ascending.
    pub spaces: Vec<(SpaceId, SpaceInventory)>,
}

/// What a snapshot holds of a keyspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpaceInventory {
    /// Its marks, and how many records there are.
    pub held: HeldSpace,
    /// Keys that exist.
    pub keys: usize,
    /// Leases that exist.
    pub leases: usize,
    /// The SHA-256 of its records with their revisions.
    pub hash: [u8; 32],
}

/// Takes stock of the snapshot that `frames` are the chunks of and messages call `name`. All of it is read and checked.
///
/// # Errors
/// `Corrupt` when it is not whole, and whatever reading it fails with.
pub fn inventory(
    name: &Path,
    frames: impl IntoIterator<Item = Result<Bytes, BackendError>>,
) -> Result<Inventory, SnapshotError> {
    let mut verifier = Verifier::new(name);
    let mut counts: BTreeMap<SpaceId, Count> = BTreeMap::new();
    let hasher = RandomState::new();
    for frame in frames {
        let mut batch = Batch::default();
        verifier.take(&frame?, &mut batch)?;
        for (space, at, bytes) in batch.put {
            let count = counts.entry(space).or_default();
            count
                .record(at, bytes, &hasher)
                .map_err(|source| SnapshotError::Record {
                    path: name.to_path_buf(),
                    space,
                    at,
                    source,
                })?;
        }
        for (space, _, _) in batch.leases {
            counts.entry(space).or_default().leases += 1;
        }
    }
    let summary = verifier.finish()?;
    let spaces = summary.spaces.into_iter().map(|(space, held)| {
        let count = counts.remove(&space).unwrap_or_default();
        let space_inventory = SpaceInventory {
            held,
            keys: count.present.len(),
            leases: count.leases,
            hash: count.hash.finalize().into(),
        };
        (space, space_inventory)
    });
    Ok(Inventory {
        applied: summary.applied,
        len: summary.len,
        hash: summary.hash,
        spaces: spaces.collect(),
    })
}

/// A keyspace being counted.
#[derive(Debug, Default)]
struct Count {
    /// A number for each key that exists: eight bytes a key, whatever its length. Among ten million keys, two have the
    /// same once in 300,000 runs.
    present: HashSet<u64>,
    leases: usize,
    hash: Sha256,
}

impl Count {
    /// Takes in the next record of history.
    fn record(&mut self, at: Revision, bytes: Bytes, hasher: &RandomState) -> Result<(), CodecError> {
        self.hash.update(at.main.to_be_bytes());
        self.hash.update(at.sub.to_be_bytes());
        self.hash.update((bytes.len() as u64).to_be_bytes());
        self.hash.update(&bytes);
        let record = Record::decode(bytes)?;
        let number = hasher.hash_one(record.key());
        match record {
            Record::Put(_) => self.present.insert(number),
            Record::Tombstone { .. } => self.present.remove(&number),
        };
        Ok(())
    }
}
