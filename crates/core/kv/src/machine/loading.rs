//! Making a machine from what was kept: the records that are not removed yet, the leases, and how far compaction was.

use std::sync::Arc;

use super::Machine;
use crate::error::KvError;
use crate::record::Record;
use crate::request::LeaseId;
use crate::revision::Revision;
use crate::space::SpaceId;

/// A machine being made. For each keyspace: first its leases, then its records in the order of their revisions.
#[derive(Debug)]
pub struct Loading {
    machine: Machine,
}

impl Machine {
    /// Begins to make a machine from what was kept up to entry `applied` of the log.
    #[must_use]
    pub fn load(applied: u64) -> Loading {
        let mut machine = Self::new();
        machine.applied = applied;
        Loading { machine }
    }
}

impl Loading {
    /// A lease that there is.
    ///
    /// # Errors
    /// When there is no such keyspace.
    pub fn lease(&mut self, space: SpaceId, id: LeaseId, ttl_s: i64) -> Result<(), KvError> {
        self.machine.space_mut(space)?.grant(id, ttl_s);
        Ok(())
    }

    /// A record that was kept, younger than all before it in its keyspace.
    ///
    /// # Errors
    /// When there is no such keyspace.
    pub fn record(&mut self, space: SpaceId, at: Revision, record: &Arc<Record>) -> Result<(), KvError> {
        let space = self.machine.space_mut(space)?;
        space.write(at, record);
        space.revision = at.main;
        Ok(())
    }

    /// Where a keyspace stood, after all of its records. `revision` matters if compaction removed the youngest record.
    ///
    /// # Errors
    /// When there is no such keyspace.
    pub fn stood(&mut self, space: SpaceId, revision: i64, compacted: i64) -> Result<(), KvError> {
        let space = self.machine.space_mut(space)?;
        space.compact(compacted);
        space.revision = space.revision.max(revision).max(space.compacted);
        Ok(())
    }

    /// The machine as it was.
    #[must_use]
    pub fn finish(self) -> Machine {
        self.machine
    }
}
