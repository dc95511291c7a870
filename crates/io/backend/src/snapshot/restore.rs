//! A snapshot as a backend: checked to its end before it gets its name.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use koinon_io_disk::Disk;

use super::verify::{Summary, Verifier};
use crate::build::Build;
use crate::error::BackendError;
use crate::redb::BackendSettings;

/// A backend being made of chunks, which may come from anywhere. One that is dropped before it is finished goes away.
#[derive(Debug)]
pub struct Restore {
    build: Build,
    verifier: Verifier,
}

impl Restore {
    /// Begins a backend that will be at `path`, from the snapshot that messages call `name`.
    ///
    /// # Errors
    /// As [`Build::begin`].
    pub fn begin(
        disk: Arc<dyn Disk>,
        path: &Path,
        settings: BackendSettings,
        name: &Path,
    ) -> Result<Self, BackendError> {
        Ok(Self {
            build: Build::begin(disk, path, settings)?,
            verifier: Verifier::new(name),
        })
    }

    /// Takes the next chunk.
    ///
    /// # Errors
    /// `Corrupt` when it is not what was written, or not the next; and whatever writing fails with.
    pub fn chunk(&mut self, frame: &Bytes) -> Result<(), BackendError> {
        let verifier = &mut self.verifier;
        self.build.add(frame.len(), |batch| verifier.take(frame, batch))
    }

    /// After the last chunk: what the snapshot is of, and the backend, which has no name yet.
    ///
    /// # Errors
    /// `Corrupt` when chunks are missing.
    pub fn verified(self) -> Result<(Summary, Build), BackendError> {
        Ok((self.verifier.finish()?, self.build))
    }

    /// After the last chunk: gives the backend its name.
    ///
    /// # Errors
    /// As [`Self::verified`] and [`Build::finish`].
    pub fn finish(self) -> Result<Summary, BackendError> {
        let (summary, build) = self.verified()?;
        build.finish()?;
        Ok(summary)
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
