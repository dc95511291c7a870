//! Everything that can be read in a keyspace, as of one moment, while writes go on.
//!
//! Invariants:
//! - as long as an [`Export`] lives, compaction removes nothing that could be read when it was made;
//! - it never shows what was forgotten before, whether that is removed already or not.

use std::fmt;
use std::sync::Arc;

use koinon_core_kv::{KvError, LeaseId, Record, Revision, SpaceId};

use crate::error::StoreError;
use crate::handle::{Consistency, Space};
use crate::shared::Shared;

/// How many records are handed out at once, about; and how many are looked up in the index at once.
const PIECE_RECORDS: usize = 1000;

/// A keyspace as it stood.
pub struct Export {
    shared: Arc<Shared>,
    space: SpaceId,
    held: i64,
    revision: i64,
    compacted: i64,
    leases: Vec<(LeaseId, i64)>,
}

impl fmt::Debug for Export {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Export")
            .field("space", &self.space)
            .field("revision", &self.revision)
            .finish_non_exhaustive()
    }
}

/// Records in the order in which they were written.
#[derive(Debug)]
pub struct ExportPiece {
    /// The records, with where they were written.
    pub records: Vec<(Revision, Arc<Record>)>,
    /// The main revision to go on from; `None` when this was the last piece.
    pub next: Option<i64>,
}

impl Space {
    /// The keyspace as it stands now on this member.
    ///
    /// # Errors
    /// When there is no such keyspace.
    pub async fn export(&self) -> Result<Export, StoreError> {
        self.shared.barrier(Consistency::Serializable).await?;
        self.hold()
    }

    fn hold(&self) -> Result<Export, StoreError> {
        let machine = self.shared.machine_read();
        let space = machine.space(self.id)?;
        let held = space.compacted().max(0);
        self.shared.pins.add(self.id, held);
        Ok(Export {
            shared: Arc::clone(&self.shared),
            space: self.id,
            held,
            revision: space.revision(),
            compacted: space.compacted(),
            leases: space.leases().collect(),
        })
    }
}

impl Export {
    /// The keyspace's main revision.
    #[must_use]
    pub fn revision(&self) -> i64 {
        self.revision
    }

    /// The oldest main revision that could be read; negative if all could.
    #[must_use]
    pub fn compacted(&self) -> i64 {
        self.compacted
    }

    /// The leases with the seconds they were granted for, in the order of their numbers.
    #[must_use]
    pub fn leases(&self) -> &[(LeaseId, i64)] {
        &self.leases
    }

    /// A piece of the records, from main revision `from` on; begin with 0. The same call always gives the same records.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn piece(&self, from: i64) -> Result<ExportPiece, StoreError> {
        let history = self
            .shared
            .values
            .history(self.space, from, self.revision, PIECE_RECORDS)
            .map_err(KvError::from)?;
        let mut records = Vec::with_capacity(history.records.len());
        // What is left from before the compaction comes first, if any does.
        for chunk in history.records.chunks(PIECE_RECORDS) {
            if chunk.first().is_some_and(|(at, _)| at.main > self.compacted) {
                records.extend_from_slice(chunk);
                continue;
            }
            let machine = self.shared.machine_read();
            let space = machine.space(self.space)?;
            let stays = |at: &Revision, record: &Record| {
                at.main > self.compacted || space.outlives(record.key(), *at, self.compacted)
            };
            records.extend(chunk.iter().filter(|(at, record)| stays(at, record)).cloned());
        }
        Ok(ExportPiece {
            next: (history.upto < self.revision).then_some(history.upto + 1),
            records,
        })
    }
}

impl Drop for Export {
    fn drop(&mut self) {
        self.shared.pins.release(self.space, self.held);
    }
}
