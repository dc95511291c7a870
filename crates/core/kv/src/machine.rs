//! All keyspaces, and how far the log was applied to them.
//!
//! Invariant: `applied` is the index of the last entry whose command was committed or refused; entries come in order, and
//! each once.

mod loading;

use crate::error::KvError;
use crate::keyspace::Keyspace;
use crate::plan::Plan;
use crate::records::Records;
use crate::request::Command;
use crate::space::SpaceId;

pub use loading::Loading;

/// The state that every member of a cluster agrees on.
#[derive(Debug)]
pub struct Machine {
    /// In the order of [`SpaceId::ALL`]: a handful.
    spaces: Vec<Keyspace>,
    applied: u64,
}

impl Default for Machine {
    fn default() -> Self {
        Self::new()
    }
}

impl Machine {
    /// All keyspaces, empty, before the log's first entry.
    #[must_use]
    pub fn new() -> Self {
        Self {
            spaces: SpaceId::ALL.iter().map(|(id, _)| Keyspace::new(*id)).collect(),
            applied: 0,
        }
    }

    /// A keyspace.
    ///
    /// # Errors
    /// When there is no such keyspace.
    pub fn space(&self, id: SpaceId) -> Result<&Keyspace, KvError> {
        self.spaces
            .iter()
            .find(|space| space.id() == id)
            .ok_or(KvError::UnknownSpace(id))
    }

    /// A keyspace, to remove compacted records from.
    ///
    /// # Errors
    /// When there is no such keyspace.
    pub fn space_mut(&mut self, id: SpaceId) -> Result<&mut Keyspace, KvError> {
        self.spaces
            .iter_mut()
            .find(|space| space.id() == id)
            .ok_or(KvError::UnknownSpace(id))
    }

    /// All keyspaces.
    pub fn spaces(&self) -> impl Iterator<Item = &Keyspace> {
        self.spaces.iter()
    }

    /// The index of the last entry that was applied; 0 before the first.
    #[must_use]
    pub fn applied(&self) -> u64 {
        self.applied
    }

    /// Decides what a command will do; see [`Keyspace::plan`].
    ///
    /// # Errors
    /// When it is refused.
    pub fn plan(&self, command: &Command, records: &dyn Records) -> Result<Plan, KvError> {
        self.space(command.space())?.plan(command, records)
    }

    /// Carries out the command of entry `index`.
    pub fn commit(&mut self, index: u64, plan: &Plan) {
        let mut done = 0;
        while !self.commit_some(index, plan, &mut done, usize::MAX) {}
    }

    /// Carries out up to `records_max` more records of the command of entry `index`; `done` counts them, from 0. `true` when
    /// that was all. In between others may read, and see what was before; nothing else may be planned or committed.
    pub fn commit_some(&mut self, index: u64, plan: &Plan, done: &mut usize, records_max: usize) -> bool {
        let whole = match self.space_mut(plan.space) {
            Ok(space) => space.commit_some(plan, done, records_max),
            Err(_) => true,
        };
        if whole {
            self.pass(index);
        }
        whole
    }

    /// Entry `index` has no effect: its command was refused, or it carries none.
    pub fn pass(&mut self, index: u64) {
        debug_assert!(index > self.applied, "entry {index} after entry {}", self.applied);
        self.applied = index;
    }
}
