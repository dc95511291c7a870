//! The backend: one writer under a lock, readers on a shared view of the latest commit.
//!
//! Invariants:
//! - `view` shows the latest commit that succeeded, or is empty while that cannot be shown: a reader never misses a record
//!   that a commit was answered for;
//! - after anything went wrong in a commit, no other is tried before the file was opened anew;
//! - after a sync failed, never.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::{ArcSwapOption, Guard};
use bytes::Bytes;
use koinon_core_kv::{Revision, SpaceId};
use koinon_io_disk::Disk;
use redb::Database;

use super::admission;
use super::file::{File, Health};
use super::open::{self, BackendSettings, Opened, Trust};
use super::refusal::refused;
use super::view::RedbView;
use super::write::{self, Spaces, WriteError};
use crate::batch::Batch;
use crate::contract::{Backend, Figures, View, Visit};
use crate::error::BackendError;
use crate::held::{Applied, Held};
use crate::place::parent;

/// A backend in one file.
#[derive(Debug)]
pub struct RedbBackend {
    disk: Arc<dyn Disk>,
    path: Arc<Path>,
    settings: BackendSettings,
    health: Arc<Health>,
    /// Something went wrong in a commit, or is going on: set before one begins, so that a panic leaves it set.
    stalled: AtomicBool,
    writer: Mutex<Writer>,
    view: ArcSwapOption<RedbView>,
    figures: Mutex<Figures>,
}

#[derive(Debug)]
struct Writer {
    database: Database,
    file: File,
    applied: Applied,
    spaces: Spaces,
}

impl Writer {
    fn new(database: Database, file: File, held: &Held) -> Self {
        Self {
            database,
            file,
            applied: held.applied,
            spaces: held.spaces.clone(),
        }
    }
}

impl RedbBackend {
    /// Opens the backend at `path`, and makes it if there is none. The folder must exist.
    ///
    /// # Errors
    /// The file cannot be opened, is in use, is damaged or of a newer format.
    pub fn open(disk: Arc<dyn Disk>, path: &Path, settings: BackendSettings) -> Result<Self, BackendError> {
        let path: Arc<Path> = path.into();
        let health = Arc::<Health>::default();
        let Opened {
            database,
            file,
            view,
            held,
        } = open::open(disk.as_ref(), &path, settings, &health)?;
        let backend = Self {
            disk,
            path,
            settings,
            health,
            stalled: AtomicBool::new(false),
            writer: Mutex::new(Writer::new(database, file, &held)),
            view: ArcSwapOption::from(Some(view)),
            figures: Mutex::default(),
        };
        backend.count(held.applied, &held.spaces, |_| {});
        Ok(backend)
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        // A panic in the database leaves `stalled` set, so nothing is written before the file was opened anew.
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn view(&self) -> Result<Guard<Option<Arc<RedbView>>>, BackendError> {
        let view = self.view.load();
        if view.is_none() {
            return Err(self.stalled_error());
        }
        Ok(view)
    }

    fn on_view<T>(&self, read: impl FnOnce(&RedbView) -> Result<T, BackendError>) -> Result<T, BackendError> {
        match self.view()?.as_deref() {
            Some(view) => read(view),
            None => Err(self.stalled_error()),
        }
    }

    fn stalled_error(&self) -> BackendError {
        BackendError::Stalled {
            path: self.path.to_path_buf(),
        }
    }

    fn is_stalled(&self, writer: &Writer) -> bool {
        self.stalled.load(Ordering::Acquire) || writer.file.failed()
    }

    /// Refuses a batch that can be refused before the database is touched.
    fn admit(&self, batch: &Batch, writer: &Writer) -> Result<(), BackendError> {
        if self.health.sync_failed() {
            return Err(self.sync_failed_error());
        }
        if self.is_stalled(writer) {
            return Err(self.stalled_error());
        }
        if batch.applied.index < writer.applied.index {
            return Err(BackendError::Backwards {
                asked: batch.applied.index,
                present: writer.applied.index,
            });
        }
        let failed = |error| BackendError::io("look for space for", &self.path, error);
        let free = self.disk.free_bytes(parent(&self.path)).map_err(failed)?;
        let size_bytes = writer.file.size_bytes().map_err(failed)?;
        let need = admission::need(batch, size_bytes).saturating_add(self.settings.reserve_bytes);
        if free >= need {
            return Ok(());
        }
        self.figures(|figures| figures.refused += 1);
        Err(BackendError::LowSpace {
            path: self.path.to_path_buf(),
            need,
            free,
        })
    }

    fn sync_failed_error(&self) -> BackendError {
        BackendError::SyncFailed {
            path: self.path.to_path_buf(),
        }
    }

    fn write_error(&self, error: WriteError) -> BackendError {
        if self.health.sync_failed() {
            return self.sync_failed_error();
        }
        match error {
            WriteError::Before(error) => refused("write to", &self.path, error),
            WriteError::InCommit(error) => BackendError::CommitBroken {
                path: self.path.to_path_buf(),
                source: error.into(),
            },
        }
    }

    /// Shows readers the latest commit, or nothing if that cannot be read.
    fn renew_view(&self, writer: &Writer) {
        let view = RedbView::new(&writer.database, &self.path);
        if view.is_err() {
            self.stalled.store(true, Ordering::Release);
        }
        self.view.store(view.ok().map(Arc::new));
    }

    fn figures<T>(&self, change: impl FnOnce(&mut Figures) -> T) -> T {
        change(&mut self.figures.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn count(&self, applied: Applied, spaces: &Spaces, also: impl FnOnce(&mut Figures)) {
        self.figures(|figures| {
            figures.applied = applied;
            figures.live_records = spaces.values().map(|space| space.figures.records).sum();
            figures.live_bytes = spaces.values().map(|space| space.figures.bytes).sum();
            also(figures);
        });
    }
}

impl View for RedbBackend {
    fn get(&self, space: SpaceId, at: Revision) -> Result<Option<Bytes>, BackendError> {
        self.on_view(|view| view.get(space, at))
    }

    fn visit(
        &self,
        space: SpaceId,
        from: Revision,
        to: Option<Revision>,
        each: &mut Visit<'_>,
    ) -> Result<Option<Revision>, BackendError> {
        self.on_view(|view| view.visit(space, from, to, each))
    }

    fn load(&self) -> Result<Held, BackendError> {
        self.on_view(View::load)
    }
}

impl Backend for RedbBackend {
    fn commit(&self, batch: &Batch) -> Result<(), BackendError> {
        batch.check()?;
        let mut writer = self.writer();
        self.admit(batch, &writer)?;
        self.stalled.store(true, Ordering::Release);
        let changed =
            write::write(&writer.database, batch, &writer.spaces).map_err(|error| self.write_error(error))?;
        self.stalled.store(false, Ordering::Release);
        writer.applied = batch.applied;
        writer.spaces.extend(changed);
        self.renew_view(&writer);
        self.count(writer.applied, &writer.spaces, |figures| figures.commits += 1);
        Ok(())
    }

    fn reader(&self) -> Result<Arc<dyn View>, BackendError> {
        match Guard::into_inner(self.view()?) {
            Some(view) => Ok(view),
            None => Err(self.stalled_error()),
        }
    }

    fn reopen(&self) -> Result<(), BackendError> {
        let mut writer = self.writer();
        if self.health.sync_failed() {
            return Err(self.sync_failed_error());
        }
        if !self.is_stalled(&writer) {
            return Ok(());
        }
        let Opened {
            database,
            file,
            view,
            held,
        } = open::session(
            writer.file.hand_over(),
            &self.path,
            self.settings,
            Trust::OwnWrites,
        )?;
        self.view.store(Some(view));
        *writer = Writer::new(database, file, &held);
        self.stalled.store(false, Ordering::Release);
        self.count(held.applied, &held.spaces, |figures| figures.reopened += 1);
        Ok(())
    }

    fn needs_reopen(&self) -> bool {
        // A commit under way holds the lock and has not failed yet.
        match self.writer.try_lock() {
            Ok(writer) => self.is_stalled(&writer),
            Err(std::sync::TryLockError::Poisoned(writer)) => self.is_stalled(writer.get_ref()),
            Err(std::sync::TryLockError::WouldBlock) => false,
        }
    }

    fn figures(&self) -> Figures {
        let mut figures = self.figures(|figures| *figures);
        let size_bytes = self
            .writer
            .try_lock()
            .ok()
            .and_then(|writer| writer.file.size_bytes().ok());
        figures.size_bytes = size_bytes.unwrap_or_default();
        figures
    }
}
