//! One owner at a time: two processes that append to one log would destroy it.

use std::io;
use std::path::Path;
use std::sync::Arc;

use koinon_io_disk::{Disk, DiskFile};

use crate::error::WalError;

/// The lock that keeps a second process out; held as long as the handle.
pub(crate) fn lock(disk: &dyn Disk, dir: &Path) -> Result<Arc<dyn DiskFile>, WalError> {
    let io = |source| WalError::Io {
        dir: dir.to_path_buf(),
        source,
    };
    let path = dir.join("LOCK");
    let file = match disk.create(&path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => disk.open(&path),
        other => other,
    };
    let file = file.map_err(io)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(source) if source.kind() == io::ErrorKind::WouldBlock => Err(WalError::Locked {
            dir: dir.to_path_buf(),
            source,
        }),
        Err(source) => Err(io(source)),
    }
}
