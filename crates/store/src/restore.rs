//! A store's folder made of what was saved elsewhere.
//!
//! The folder gets a backend and no log. The backend notes behind which entry its log begins, and forgets whose it was: opening
//! it draws a new identity and goes on from there. So a log of the old store can never continue the restored one.
//!
//! Invariants:
//! - nothing that is there is touched: a folder with a backend or a log is refused;
//! - the backend has its name only when it is whole, and a machine was made of it once.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use koinon_base::ErrorKind;
use koinon_core_kv::{LeaseId, Machine, Record, Revision, SpaceId};
use koinon_io_backend::snapshot::Restore;
use koinon_io_backend::{Applied, BackendError, BackendSettings, Build, SpaceMarks};
use koinon_io_disk::Disk;
use thiserror::Error;

use crate::log::ONLY_TERM;
use crate::open::{BACKEND, IDENTITY, LOG, LOG_BEGINS, OpenError, load};

/// The entry of the log that an import counts as: it stands for everything that happened elsewhere.
const IMPORTED: Applied = Applied {
    index: 1,
    term: ONLY_TERM,
};

/// Why a store was not restored. There is none in the folder.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// The folder cannot be used.
    #[error("cannot use {path} for the store")]
    Directory {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// There is a log already.
    #[error("{path} has a log; restore into a new folder, or move it away first")]
    Occupied {
        /// Where.
        path: PathBuf,
    },
    /// What was saved is damaged, or it cannot be written.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// What was imported is not in the order of history.
    #[error("the record at revision {at} of keyspace {space} does not follow the one before")]
    Order {
        /// In which keyspace.
        space: SpaceId,
        /// Which.
        at: Revision,
    },
    /// What was saved makes no store.
    #[error("what was saved makes no store")]
    Unsound(#[source] OpenError),
}

impl RestoreError {
    /// What the caller must do.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Directory { .. } => ErrorKind::Unavailable,
            Self::Occupied { .. } => ErrorKind::AlreadyExists,
            Self::Backend(error) => error.kind(),
            Self::Order { .. } => ErrorKind::Corrupt,
            Self::Unsound(error) => error.kind(),
        }
    }
}

/// What a restored store holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// Behind which entry its log begins.
    pub applied: Applied,
    /// Its keyspaces.
    pub spaces: Vec<(SpaceId, koinon_core_kv::Figures)>,
}

/// Makes the store in `dir` of the snapshot that `frames` are the chunks of and messages call `name`.
///
/// # Errors
/// `Corrupt` when the snapshot is not whole, `AlreadyExists` when there is a store, and whatever writing fails with.
pub fn restore(
    disk: &Arc<dyn Disk>,
    dir: &Path,
    name: &Path,
    frames: impl IntoIterator<Item = Result<Bytes, BackendError>>,
) -> Result<Restored, RestoreError> {
    prepare(disk.as_ref(), dir)?;
    let settings = BackendSettings::default();
    let mut restore = Restore::begin(disk.clone(), &dir.join(BACKEND), settings, name)?;
    for frame in frames {
        restore.chunk(&frame?)?;
    }
    let (_, build) = restore.verified()?;
    finish(build)
}

/// A store being made of single records. One that is dropped before it is finished goes away.
#[derive(Debug)]
pub struct Import {
    build: Build,
    last: Option<(SpaceId, Revision)>,
}

impl Import {
    /// Begins a store in `dir`.
    ///
    /// # Errors
    /// `AlreadyExists` when there is one, and whatever writing fails with.
    pub fn begin(disk: &Arc<dyn Disk>, dir: &Path) -> Result<Self, RestoreError> {
        prepare(disk.as_ref(), dir)?;
        let mut build = Build::begin(disk.clone(), &dir.join(BACKEND), BackendSettings::default())?;
        build.add(0, |batch| {
            batch.applied = IMPORTED;
            Ok(())
        })?;
        Ok(Self { build, last: None })
    }

    /// The next record: of each keyspace in the order of their revisions.
    ///
    /// # Errors
    /// `Corrupt` when it is not the next, and whatever writing fails with.
    pub fn record(&mut self, space: SpaceId, at: Revision, record: &Record) -> Result<(), RestoreError> {
        if self.last.is_some_and(|last| last >= (space, at)) {
            return Err(RestoreError::Order { space, at });
        }
        self.last = Some((space, at));
        let mut bytes = Vec::with_capacity(record.encoded_len());
        record.encode(&mut bytes);
        Ok(self.build.add(bytes.len(), |batch| {
            batch.put.push((space, at, Bytes::from(bytes)));
            Ok(())
        })?)
    }

    /// A lease, with the seconds it was granted for.
    ///
    /// # Errors
    /// Whatever writing fails with.
    pub fn lease(&mut self, space: SpaceId, id: LeaseId, ttl_s: i64) -> Result<(), RestoreError> {
        Ok(self.build.add(size_of::<i64>() * 2, |batch| {
            batch.leases.push((space, id, Some(ttl_s)));
            Ok(())
        })?)
    }

    /// Where a keyspace stood.
    ///
    /// # Errors
    /// Whatever writing fails with.
    pub fn stood(&mut self, space: SpaceId, marks: SpaceMarks) -> Result<(), RestoreError> {
        Ok(self.build.add(0, |batch| {
            batch.spaces.push((space, marks));
            Ok(())
        })?)
    }

    /// After everything: there is a store.
    ///
    /// # Errors
    /// `Corrupt` when it does not fit together, and whatever writing fails with.
    pub fn finish(self) -> Result<Restored, RestoreError> {
        finish(self.build)
    }
}

/// Makes the folder, in which there must not be a store.
fn prepare(disk: &dyn Disk, dir: &Path) -> Result<(), RestoreError> {
    let unusable = |source| RestoreError::Directory {
        path: dir.to_path_buf(),
        source,
    };
    disk.create_dir(dir).map_err(unusable)?;
    let log = dir.join(LOG);
    match disk.list(&log) {
        Ok(names) if names.is_empty() => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Ok(_) => Err(RestoreError::Occupied { path: log }),
        Err(error) => Err(unusable(error)),
    }
}

fn finish(mut build: Build) -> Result<Restored, RestoreError> {
    let applied = build.add(0, |batch| {
        batch.meta.push((IDENTITY.to_owned(), None));
        let begins = Bytes::copy_from_slice(&(batch.applied.index + 1).to_be_bytes());
        batch.meta.push((LOG_BEGINS.to_owned(), Some(begins)));
        Ok(batch.applied)
    })?;
    let machine = machine(&mut build)?;
    build.finish()?;
    let spaces = machine.spaces().map(|space| (space.id(), space.figures()));
    Ok(Restored {
        applied,
        spaces: spaces.collect(),
    })
}

/// What a start would make of it: what cannot be opened must not be called restored.
fn machine(build: &mut Build) -> Result<Machine, RestoreError> {
    let view = build.view()?;
    load(view.as_ref(), &view.load()?).map_err(RestoreError::Unsound)
}
