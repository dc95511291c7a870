//! A backend that is made of what somebody else has: built under another name, and only named when it is whole. An
//! existing backend is never touched.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use koinon_io_disk::Disk;

use crate::batch::Batch;
use crate::contract::{Backend, View};
use crate::error::BackendError;
use crate::place::{exists, fresh_path, parent, refuse_existing};
use crate::redb::{BackendSettings, RedbBackend};

/// Bytes of records that are written in one transaction.
const BATCH_BYTES: usize = 8 << 20;

/// A backend being built. One that is dropped before it is finished goes away.
#[derive(Debug)]
pub struct Build {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    fresh: PathBuf,
    /// Until it is finished.
    backend: Option<RedbBackend>,
    batch: Batch,
    batch_bytes: usize,
}

impl Build {
    /// Begins a backend that will be at `path`.
    ///
    /// # Errors
    /// `AlreadyExists` when there is one; and whatever making it fails with.
    pub fn begin(disk: Arc<dyn Disk>, path: &Path, settings: BackendSettings) -> Result<Self, BackendError> {
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
            batch: Batch::default(),
            batch_bytes: 0,
        })
    }

    /// Adds to what is written next; its applied index is the whole backend's.
    ///
    /// # Errors
    /// `add`'s, and whatever writing fails with.
    pub fn add<T>(
        &mut self,
        bytes: usize,
        add: impl FnOnce(&mut Batch) -> Result<T, BackendError>,
    ) -> Result<T, BackendError> {
        let added = add(&mut self.batch)?;
        self.batch_bytes += bytes;
        if self.batch_bytes >= BATCH_BYTES {
            self.flush()?;
        }
        Ok(added)
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

    /// What has been added, for a last look before it gets its name.
    ///
    /// # Errors
    /// Whatever writing and reading fail with.
    pub fn view(&mut self) -> Result<Arc<dyn View>, BackendError> {
        self.flush()?;
        match &self.backend {
            Some(backend) => backend.reader(),
            None => Err(BackendError::Stalled {
                path: self.fresh.clone(),
            }),
        }
    }

    /// Gives the backend its name.
    ///
    /// # Errors
    /// `AlreadyExists` when there is a backend meanwhile; and whatever writing fails with.
    pub fn finish(mut self) -> Result<(), BackendError> {
        self.flush()?;
        refuse_existing(self.disk.as_ref(), &self.path)?;
        // Closes it: everything is durable and its lock free.
        drop(self.backend.take());
        let named = self.disk.rename(&self.fresh, &self.path);
        let named = named.and_then(|()| self.disk.sync_dir(parent(&self.path)));
        named.map_err(|error| BackendError::io("name", &self.path, error))
    }
}

impl Drop for Build {
    fn drop(&mut self) {
        if self.backend.take().is_some() {
            // Nobody is left to tell; the next attempt or start takes it away.
            drop(self.disk.remove(&self.fresh));
        }
    }
}
