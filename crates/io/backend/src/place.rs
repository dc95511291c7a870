//! Where files lie while they are made, and what is there already.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use koinon_io_disk::Disk;

use crate::error::BackendError;

/// Where a file is made that will be at `path`.
pub(crate) fn fresh_path(path: &Path) -> PathBuf {
    let mut name = path.file_name().map(OsString::from).unwrap_or_default();
    name.push(".new");
    path.with_file_name(name)
}

/// The folder that `path` is in.
pub(crate) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        _ => Path::new("."),
    }
}

/// Whether there is a file at `path`; its folder must exist.
pub(crate) fn exists(disk: &dyn Disk, path: &Path) -> Result<bool, BackendError> {
    let names = disk
        .list(parent(path))
        .map_err(|error| BackendError::io("look for", path, error))?;
    Ok(path
        .file_name()
        .is_some_and(|name| names.iter().any(|known| known == name)))
}

/// Refuses to go on when there is a file at `path`.
pub(crate) fn refuse_existing(disk: &dyn Disk, path: &Path) -> Result<(), BackendError> {
    if exists(disk, path)? {
        return Err(BackendError::Exists {
            path: path.to_path_buf(),
        });
    }
    Ok(())
}
