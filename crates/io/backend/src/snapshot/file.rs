//! A snapshot in a file: written under another name, synced and only then named, so that what has the name is whole.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use koinon_io_disk::{Disk, DiskFile};

use super::chunk::{HEAD_LEN, frame_len};
use super::verify::{Summary, Verifier};
use crate::batch::Batch;
use crate::error::BackendError;
use crate::place::{fresh_path, parent, refuse_existing};

/// Writes the snapshot that `frames` are the chunks of to `path`, where nothing must be.
///
/// # Errors
/// `AlreadyExists` when there is something at `path`; and whatever making the chunks or writing them fails with. What was
/// begun is taken away.
pub fn save(
    disk: &dyn Disk,
    path: &Path,
    frames: impl IntoIterator<Item = Result<Bytes, BackendError>>,
) -> Result<Summary, BackendError> {
    refuse_existing(disk, path)?;
    let fresh = fresh_path(path);
    let file = disk
        .create(&fresh)
        .map_err(|error| BackendError::io("create", &fresh, error))?;
    let written = write(file.as_ref(), path, frames).and_then(|summary| {
        refuse_existing(disk, path)?;
        let named = disk
            .rename(&fresh, path)
            .and_then(|()| disk.sync_dir(parent(path)));
        named.map_err(|error| BackendError::io("name", path, error))?;
        Ok(summary)
    });
    if written.is_err() {
        // The error that is handed on says what went wrong; that the rest stays as well adds nothing to it.
        drop(disk.remove(&fresh));
    }
    written
}

/// What is written is verified on the way: a snapshot that cannot be restored must not look like one.
fn write(
    file: &dyn DiskFile,
    path: &Path,
    frames: impl IntoIterator<Item = Result<Bytes, BackendError>>,
) -> Result<Summary, BackendError> {
    let failed = |error| BackendError::io("write", path, error);
    let mut verifier = Verifier::new(path);
    let mut offset = 0;
    for frame in frames {
        let frame = frame?;
        verifier.take(&frame, &mut Batch::default())?;
        file.write_at(&frame, offset).map_err(failed)?;
        offset += frame.len() as u64;
    }
    file.sync_data().map_err(failed)?;
    verifier.finish()
}

/// The chunks of a snapshot in a file. They are cut apart here and not checked.
#[derive(Debug)]
pub struct SnapshotFrames {
    file: Arc<dyn DiskFile>,
    path: PathBuf,
    offset: u64,
    len: u64,
}

impl SnapshotFrames {
    /// The chunks of the file at `path`.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn open(disk: &dyn Disk, path: &Path) -> Result<Self, BackendError> {
        let file = disk
            .open(path)
            .map_err(|error| BackendError::io("open", path, error))?;
        Ok(Self {
            len: file
                .len()
                .map_err(|error| BackendError::io("look at", path, error))?,
            file,
            path: path.to_path_buf(),
            offset: 0,
        })
    }

    fn frame(&self) -> Result<Bytes, BackendError> {
        let mut head = [0; HEAD_LEN];
        self.read(&mut head, self.offset)?;
        let len = frame_len(&head).map_err(|error| self.damaged(error.to_string()))?;
        let mut frame = BytesMut::zeroed(len);
        self.read(&mut frame, self.offset)?;
        Ok(frame.freeze())
    }

    fn read(&self, buffer: &mut [u8], offset: u64) -> Result<(), BackendError> {
        self.file.read_exact_at(buffer, offset).map_err(|error| {
            if error.kind() == io::ErrorKind::UnexpectedEof {
                return self.damaged("the file ends within a chunk".to_owned());
            }
            BackendError::io("read", &self.path, error)
        })
    }

    fn damaged(&self, what: String) -> BackendError {
        BackendError::Damaged {
            path: self.path.clone(),
            what: format!("at byte {}: {what}", self.offset),
        }
    }
}

impl Iterator for SnapshotFrames {
    type Item = Result<Bytes, BackendError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.offset >= self.len {
            return None;
        }
        let frame = self.frame();
        // After an error nothing more is read.
        self.offset = frame
            .as_ref()
            .map_or(self.len, |frame| self.offset + frame.len() as u64);
        Some(frame)
    }
}
