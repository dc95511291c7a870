//! What the store needs of a backend. Calls block: they belong on threads of their own, or must be known to be short.

use std::fmt::Debug;
use std::ops::ControlFlow;
use std::sync::Arc;

use bytes::Bytes;
use koinon_core_kv::{Revision, SpaceId};

use crate::batch::Batch;
use crate::error::BackendError;
use crate::held::{Applied, Held};

/// Called with each record, in the order of revisions; `Break` ends the visit before the record counts as seen.
pub type Visit<'a> = dyn FnMut(Revision, &[u8]) -> ControlFlow<()> + 'a;

/// Bytes of records after which [`View::scan`] stops, whatever its limit, so that large values cost bounded memory.
const SCAN_BYTES_MAX: usize = 4 << 20;

/// What a backend holds.
pub trait View: Debug + Send + Sync {
    /// The record written at `at`.
    ///
    /// # Errors
    /// `Unavailable` while the backend cannot be read, `Corrupt` when the record is not what was written.
    fn get(&self, space: SpaceId, at: Revision) -> Result<Option<Bytes>, BackendError>;

    /// Shows `each` the records of `space` from `from` on, before `to` if there is one. Answers where it was broken
    /// off, `None` when all were seen.
    ///
    /// # Errors
    /// As [`View::get`].
    fn visit(
        &self,
        space: SpaceId,
        from: Revision,
        to: Option<Revision>,
        each: &mut Visit<'_>,
    ) -> Result<Option<Revision>, BackendError>;

    /// Everything but the records.
    ///
    /// # Errors
    /// As [`View::get`].
    fn load(&self) -> Result<Held, BackendError>;

    /// Up to `limit` records of `space` from `from` on, before `to` if there is one; fewer when they are large, but
    /// one at least.
    ///
    /// # Errors
    /// As [`View::get`].
    fn scan(
        &self,
        space: SpaceId,
        from: Revision,
        to: Option<Revision>,
        limit: usize,
    ) -> Result<Scanned, BackendError> {
        let mut records = Vec::new();
        let mut len = 0;
        let next = self.visit(space, from, to, &mut |at, bytes| {
            if records.len() >= limit.max(1) || len >= SCAN_BYTES_MAX {
                return ControlFlow::Break(());
            }
            len += bytes.len();
            records.push((at, Bytes::copy_from_slice(bytes)));
            ControlFlow::Continue(())
        })?;
        Ok(Scanned { records, next })
    }
}

/// Records in the order of their revisions.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scanned {
    /// The records.
    pub records: Vec<(Revision, Bytes)>,
    /// The next record's revision when a bound ended it; `None` when there is no more.
    pub next: Option<Revision>,
}

/// The store's state on disk. As a [`View`] it shows what was committed last.
pub trait Backend: View {
    /// Makes the whole batch durable, or nothing of it. One at a time: others wait.
    ///
    /// # Errors
    /// By kind: `Unavailable`: nothing happened (too little space, or [`Backend::reopen`] is due); `OutcomeUnknown`:
    /// it broke off, `reopen` and then [`View::load`] tell what is there; `Internal`: a sync failed, nobody knows what
    /// is on the disk and the process must end; `Invalid`: the batch is out of bounds.
    fn commit(&self, batch: &Batch) -> Result<(), BackendError>;

    /// What is held now, and stays as it is for this view while batches are committed. What was removed since keeps
    /// its space until the view is dropped. After [`Backend::reopen`] an older view answers `Unavailable`.
    ///
    /// # Errors
    /// `Unavailable` while the backend cannot be read.
    fn reader(&self) -> Result<Arc<dyn View>, BackendError>;

    /// Opens the file anew, in place, after an I/O error; nothing happens when there was none. Until it has succeeded
    /// commits are refused, and reads answer what memory has or `Unavailable`.
    ///
    /// # Errors
    /// The file still cannot be read or written; or a sync failed, and opening it anew could not be trusted.
    fn reopen(&self) -> Result<(), BackendError>;

    /// Whether [`Backend::reopen`] is due.
    fn needs_reopen(&self) -> bool;

    /// Figures for operators.
    fn figures(&self) -> Figures;
}

/// How a backend stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Figures {
    /// How far it is.
    pub applied: Applied,
    /// The file's length, with the holes in it that take no space yet.
    pub size_bytes: u64,
    /// All keyspaces' records.
    pub live_records: u64,
    /// Their bytes.
    pub live_bytes: u64,
    /// Batches committed since the start.
    pub commits: u64,
    /// Batches refused for want of space since the start.
    pub refused: u64,
    /// How often it was opened anew since the start.
    pub reopened: u64,
}
