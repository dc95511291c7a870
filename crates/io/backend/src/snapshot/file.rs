//! The chunks of a snapshot in a file, read one at a time.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use koinon_io_disk::{Disk, DiskFile};

use super::chunk::{HEAD_LEN, frame_len};
use crate::error::BackendError;

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
        Self::of(file, path)
    }

    /// The chunks of an open file that messages call `path`.
    ///
    /// # Errors
    /// It cannot be looked at.
    pub fn of(file: Arc<dyn DiskFile>, path: &Path) -> Result<Self, BackendError> {
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
