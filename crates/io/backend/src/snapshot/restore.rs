//! A snapshot as a backend: built under another name, checked to its end and only then named. An existing backend is never
//! touched.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use koinon_io_disk::Disk;

use super::verify::{Summary, Verifier};
use crate::batch::Batch;
use crate::contract::Backend;
use crate::error::BackendError;
use crate::place::{exists, fresh_path, parent, refuse_existing};
use crate::redb::{BackendSettings, RedbBackend};

/// Bytes of records that are written in one transaction.
const BATCH_BYTES: usize = 8 << 20;

/// A backend being made of chunks, which may come from anywhere. One that is dropped before it is finished goes away.
#[derive(Debug)]
pub struct Restore {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    fresh: PathBuf,
    /// Until it is finished.
    backend: Option<RedbBackend>,
    verifier: Option<Verifier>,
    batch: Batch,
    batch_bytes: usize,
}

impl Restore {
    /// Begins a backend that will be at `path`, from the snapshot that messages call `name`.
    ///
    /// # Errors
    /// `AlreadyExists` when there is one; and whatever making it fails with.
    pub fn begin(
        disk: Arc<dyn Disk>,
        path: &Path,
        settings: BackendSettings,
        name: &Path,
    ) -> Result<Self, BackendError> {
        refuse_existing(disk.as_ref(), path)?;
        let fresh = fresh_path(path);
        if exists(disk.as_ref(), &fresh)? {
            disk.remove(&fresh)
                .map_err(|error| BackendError::io("remove", &fresh, error))?;
        }
        let backend = RedbBackend::open(disk.clone(), &fresh, settings)?;
        Ok(Self {
            disk,
            path: path.to_path_buf(),
            fresh,
            backend: Some(backend),
            verifier: Some(Verifier::new(name)),
            batch: Batch::default(),
            batch_bytes: 0,
        })
    }

    /// Takes the next chunk.
    ///
    /// # Errors
    /// `Corrupt` when it is not what was written, or not the next; and whatever writing fails with.
    pub fn chunk(&mut self, frame: &Bytes) -> Result<(), BackendError> {
        if let Some(verifier) = &mut self.verifier {
            verifier.take(frame, &mut self.batch)?;
        }
        self.batch_bytes += frame.len();
        if self.batch_bytes >= BATCH_BYTES {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), BackendError> {
        if let Some(backend) = &self.backend {
            backend.commit(&self.batch)?;
        }
        self.batch = Batch {
            applied: self.batch.applied,
            ..Batch::default()
        };
        self.batch_bytes = 0;
        Ok(())
    }

    /// After the last chunk: gives the backend its name.
    ///
    /// # Errors
    /// `Corrupt` when chunks are missing; `AlreadyExists` when there is a backend meanwhile.
    pub fn finish(mut self) -> Result<Summary, BackendError> {
        let verifier = self.verifier.take().unwrap_or_else(|| Verifier::new(&self.path));
        let summary = verifier.finish()?;
        self.flush()?;
        refuse_existing(self.disk.as_ref(), &self.path)?;
        // Closes it: everything is durable and its lock free.
        drop(self.backend.take());
        let named = self.disk.rename(&self.fresh, &self.path);
        let named = named.and_then(|()| self.disk.sync_dir(parent(&self.path)));
        named.map_err(|error| BackendError::io("name", &self.path, error))?;
        Ok(summary)
    }
}

impl Drop for Restore {
    fn drop(&mut self) {
        if self.backend.take().is_some() {
            // Nobody is left to tell; the next restore or start takes it away.
            drop(self.disk.remove(&self.fresh));
        }
    }
}

/// Makes a backend at `path` of the snapshot that `frames` are the chunks of, and messages call `name`.
///
/// # Errors
/// As [`Restore`]'s steps.
pub fn restore(
    disk: Arc<dyn Disk>,
    path: &Path,
    settings: BackendSettings,
    name: &Path,
    frames: impl IntoIterator<Item = Result<Bytes, BackendError>>,
) -> Result<Summary, BackendError> {
    let mut restore = Restore::begin(disk, path, settings, name)?;
    for frame in frames {
        restore.chunk(&frame?)?;
    }
    restore.finish()
}
