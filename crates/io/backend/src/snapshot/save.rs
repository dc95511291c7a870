//! A snapshot into a file: written under another name, synced and only then named, so that what has the name is whole.
//!
//! What is written is verified on the way: a snapshot that cannot be restored must not look like one.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use koinon_io_disk::{Disk, DiskFile};

use super::chunk::{HEAD_LEN, MAGIC, frame_len};
use super::verify::{Summary, Verifier};
use crate::batch::Batch;
use crate::error::BackendError;
use crate::place::{exists, fresh_path, parent, refuse_existing};

/// A snapshot being written. One that is dropped before it is finished goes away.
#[derive(Debug)]
pub struct Save {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    fresh: PathBuf,
    /// Locked, and until it is finished.
    file: Option<Arc<dyn DiskFile>>,
    verifier: Verifier,
    offset: u64,
    /// The beginning of a chunk that has not come whole.
    rest: BytesMut,
}

impl Save {
    /// Begins a snapshot that will be at `path`, where nothing must be.
    ///
    /// # Errors
    /// `AlreadyExists` when there is something; and whatever making the file fails with.
    pub fn begin(disk: Arc<dyn Disk>, path: &Path) -> Result<Self, BackendError> {
        refuse_existing(disk.as_ref(), path)?;
        let fresh = fresh_path(path);
        remove_remainder(disk.as_ref(), &fresh)?;
        let file = disk
            .create(&fresh)
            .map_err(|error| BackendError::io("create", &fresh, error))?;
        // Held from here on: dropping it takes the file away.
        let save = Self {
            disk,
            path: path.to_path_buf(),
            fresh,
            file: Some(file.clone()),
            verifier: Verifier::new(path),
            offset: 0,
            rest: BytesMut::new(),
        };
        lock(file.as_ref(), &save.fresh)?;
        Ok(save)
    }

    /// Takes the next bytes of the snapshot, wherever they end.
    ///
    /// # Errors
    /// As [`Self::chunk`].
    pub fn bytes(&mut self, bytes: &[u8]) -> Result<(), BackendError> {
        self.rest.extend_from_slice(bytes);
        while let Some(head) = self.rest.first_chunk::<HEAD_LEN>() {
            let len = frame_len(head).map_err(|error| self.damaged(error.to_string()))?;
            if self.rest.len() < len {
                break;
            }
            let frame = self.rest.split_to(len).freeze();
            self.chunk(&frame)?;
        }
        Ok(())
    }

    /// Takes the next chunk.
    ///
    /// # Errors
    /// `Corrupt` when it is not a chunk, or not the next; and whatever writing fails with.
    pub fn chunk(&mut self, frame: &Bytes) -> Result<(), BackendError> {
        self.verifier.take(frame, &mut Batch::default())?;
        if let Some(file) = &self.file {
            file.write_at(frame, self.offset)
                .map_err(|error| BackendError::io("write", &self.fresh, error))?;
        }
        self.offset += frame.len() as u64;
        Ok(())
    }

    /// After the last chunk: makes the file durable and gives it its name.
    ///
    /// # Errors
    /// `Corrupt` when something is missing, `AlreadyExists` when there is something of that name meanwhile.
    pub fn finish(mut self) -> Result<Summary, BackendError> {
        if !self.rest.is_empty() {
            return Err(self.damaged("it ends within a chunk".to_owned()));
        }
        let verifier = std::mem::replace(&mut self.verifier, Verifier::new(&self.path));
        let summary = verifier.finish()?;
        if let Some(file) = &self.file {
            file.sync_data()
                .map_err(|error| BackendError::io("sync", &self.fresh, error))?;
        }
        refuse_existing(self.disk.as_ref(), &self.path)?;
        let named = self.disk.rename(&self.fresh, &self.path);
        // The name it was removed by, if that came to it, is gone.
        self.file = named.is_err().then(|| self.file.take()).flatten();
        let named = named.and_then(|()| self.disk.sync_dir(parent(&self.path)));
        named.map_err(|error| BackendError::io("name", &self.path, error))?;
        Ok(summary)
    }

    fn damaged(&self, what: String) -> BackendError {
        BackendError::Damaged {
            path: self.path.clone(),
            what: format!("at byte {}: {what}", self.offset),
        }
    }
}

impl Drop for Save {
    fn drop(&mut self) {
        if self.file.take().is_some() {
            // The error that was handed on says what went wrong; that the rest stays as well adds nothing to it.
            drop(self.disk.remove(&self.fresh));
        }
    }
}

/// Writes the snapshot that `frames` are the chunks of to `path`, where nothing must be.
///
/// # Errors
/// As [`Save`]'s steps, and whatever making the chunks fails with. What was begun is taken away.
pub fn save(
    disk: Arc<dyn Disk>,
    path: &Path,
    frames: impl IntoIterator<Item = Result<Bytes, BackendError>>,
) -> Result<Summary, BackendError> {
    let mut save = Save::begin(disk, path)?;
    for frame in frames {
        save.chunk(&frame?)?;
    }
    save.finish()
}

/// Takes away what a crash left of a snapshot, and nothing else: the folder is not ours.
fn remove_remainder(disk: &dyn Disk, fresh: &Path) -> Result<(), BackendError> {
    if !exists(disk, fresh)? {
        return Ok(());
    }
    let failed = |error| BackendError::io("open", fresh, error);
    let file = disk.open(fresh).map_err(failed)?;
    let mut begin = [0; MAGIC.len()];
    let len = file.read_at(&mut begin, 0).map_err(failed)?;
    let begin = begin.get(..len).unwrap_or_default();
    // What was not synced may have become zeros.
    if !MAGIC.starts_with(begin) && begin.iter().any(|byte| *byte != 0) {
        return Err(BackendError::Exists {
            path: fresh.to_path_buf(),
        });
    }
    lock(file.as_ref(), fresh)?;
    disk.remove(fresh)
        .map_err(|error| BackendError::io("remove", fresh, error))
}

fn lock(file: &dyn DiskFile, path: &Path) -> Result<(), BackendError> {
    file.try_lock().map_err(|error| {
        if error.kind() == std::io::ErrorKind::WouldBlock {
            return BackendError::InUse {
                path: path.to_path_buf(),
            };
        }
        BackendError::io("lock", path, error)
    })
}
