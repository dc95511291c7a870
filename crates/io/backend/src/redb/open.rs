//! Making the backend's file, opening it, and opening it anew.
//!
//! A file is made under a name of its own and renamed when it is whole, so that a crash while it is made leaves no file
//! that cannot be opened. The next start takes such a remainder away.

use std::io;
use std::path::Path;
use std::sync::Arc;

use koinon_io_disk::{Disk, DiskFile};
use redb::{Builder, Database};

use super::file::{File, Health};
use super::refusal::refused;
use super::view::RedbView;
use super::write::{self, WriteError};
use crate::contract::View;
use crate::error::BackendError;
use crate::held::Held;
use crate::place::{exists, fresh_path, parent};

/// How a backend is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackendSettings {
    /// Memory for pages of the file. Default 32 MiB: the branches of 1 M records take 3, and the leaves are in the
    /// operating system's cache as well. Less costs reads, more costs memory.
    pub cache_bytes: usize,
    /// Free space below which nothing is written, beyond what a batch may take itself: room for what else grows on the
    /// disk meanwhile. Default 64 MiB, a log segment.
    pub reserve_bytes: u64,
}

impl Default for BackendSettings {
    fn default() -> Self {
        Self {
            cache_bytes: 32 << 20,
            reserve_bytes: 64 << 20,
        }
    }
}

/// An opened database, what it shows, and what it holds.
pub(super) struct Opened {
    pub(super) database: Database,
    pub(super) file: File,
    pub(super) view: Arc<RedbView>,
    pub(super) held: Held,
}

/// Opens the backend at `path`, and makes it if there is none.
pub(super) fn open(
    disk: &dyn Disk,
    path: &Arc<Path>,
    settings: BackendSettings,
    health: &Arc<Health>,
) -> Result<Opened, BackendError> {
    remove_remainder(disk, path)?;
    if !exists(disk, path)? {
        make(disk, path, settings, health)?;
    }
    let file = disk
        .open(path)
        .map_err(|error| BackendError::io("open", path, error))?;
    lock(file.as_ref(), path)?;
    session(File::new(file, health.clone()), path, settings, Trust::Nothing)
}

/// Whether the file may be taken for what was written to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trust {
    /// Another life or another program wrote it: every page's checksum is looked at first. The database takes pages for
    /// right when it reads them, and may panic or never end where they are not. A start reads the file anyway.
    Nothing,
    /// This process wrote it, and readers wait.
    OwnWrites,
}

/// Opens the database that is in `file`.
pub(super) fn session(
    file: File,
    path: &Arc<Path>,
    settings: BackendSettings,
    trust: Trust,
) -> Result<Opened, BackendError> {
    let database = database(file.clone(), path, settings, trust)?;
    let view = RedbView::new(&database, path).map_err(|error| refused("open", path, error))?;
    view.check_format()?;
    let held = view.load()?;
    Ok(Opened {
        database,
        file,
        view: Arc::new(view),
        held,
    })
}

/// Makes an empty backend at `path`, where there is none.
fn make(
    disk: &dyn Disk,
    path: &Arc<Path>,
    settings: BackendSettings,
    health: &Arc<Health>,
) -> Result<(), BackendError> {
    let fresh: Arc<Path> = fresh_path(path).into();
    let file = disk
        .create(&fresh)
        .map_err(|error| BackendError::io("create", &fresh, error))?;
    lock(file.as_ref(), &fresh)?;
    let database = database(
        File::new(file, health.clone()),
        &fresh,
        settings,
        Trust::OwnWrites,
    )?;
    write::initialise(&database).map_err(|error| {
        let (WriteError::Before(error) | WriteError::InCommit(error)) = error;
        BackendError::failed("create", &fresh, error)
    })?;
    drop(database);
    let named = disk
        .rename(&fresh, path)
        .and_then(|()| disk.sync_dir(parent(path)));
    named.map_err(|error| BackendError::io("name", path, error))
}

fn database(
    file: File,
    path: &Path,
    settings: BackendSettings,
    trust: Trust,
) -> Result<Database, BackendError> {
    let mut builder = Builder::new();
    builder.set_cache_size(settings.cache_bytes);
    builder.set_check_integrity_on_open(trust == Trust::Nothing);
    builder
        .create_with_backend(file)
        .map_err(|error| refused("open", path, error))
}

/// Takes away what a crash left of a file that was being made, unless another process is making it.
fn remove_remainder(disk: &dyn Disk, path: &Path) -> Result<(), BackendError> {
    let fresh = fresh_path(path);
    if !exists(disk, &fresh)? {
        return Ok(());
    }
    let remainder = disk
        .open(&fresh)
        .map_err(|error| BackendError::io("open", &fresh, error))?;
    lock(remainder.as_ref(), &fresh)?;
    disk.remove(&fresh)
        .map_err(|error| BackendError::io("remove", &fresh, error))
}

fn lock(file: &dyn DiskFile, path: &Path) -> Result<(), BackendError> {
    file.try_lock().map_err(|error| {
        if error.kind() == io::ErrorKind::WouldBlock {
            return BackendError::InUse {
                path: path.to_path_buf(),
            };
        }
        BackendError::io("lock", path, error)
    })
}
