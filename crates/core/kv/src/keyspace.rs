//! One keyspace: what its keys are and were, and how a decided command changes that.
//!
//! Invariants:
//! - `revision` never goes back, and every main revision above [`Revision::EMPTY`] wrote at least one record;
//! - what can be asked for lies between `compacted` and `revision`; what was compacted and not yet removed is refused all
//!   the same, so when removal happens shows nowhere;
//! - the index may be ahead of `revision` while a large command is committed in parts: whoever is not deciding commands asks it
//!   for what holds as of a revision.

use std::sync::Arc;

use crate::error::KvError;
use crate::figures::Figures;
use crate::history::Mark;
use crate::index::Index;
use crate::leases::Leases;
use crate::ledger::Ledger;
use crate::plan::{Effect, Plan};
use crate::record::Record;
use crate::request::LeaseId;
use crate::revision::Revision;
use crate::space::SpaceId;

/// The compacted revision of a keyspace that was never compacted. Like etcd's, so that compaction at 0 is done once.
pub(crate) const NEVER_COMPACTED: i64 = -1;

/// One keyspace.
#[derive(Debug)]
pub struct Keyspace {
    pub(crate) id: SpaceId,
    pub(crate) index: Index,
    pub(crate) leases: Leases,
    pub(crate) revision: i64,
    pub(crate) compacted: i64,
    /// Everything that may be forgotten at this main revision is.
    pub(crate) swept: i64,
    pub(crate) ledger: Ledger,
    /// The index has some of the next revision's marks already.
    pub(crate) half_done: bool,
}

impl Keyspace {
    /// A keyspace without keys.
    #[must_use]
    pub fn new(id: SpaceId) -> Self {
        Self {
            id,
            index: Index::default(),
            leases: Leases::default(),
            revision: Revision::EMPTY,
            compacted: NEVER_COMPACTED,
            swept: NEVER_COMPACTED,
            ledger: Ledger::default(),
            half_done: false,
        }
    }

    /// Which one it is.
    #[must_use]
    pub fn id(&self) -> SpaceId {
        self.id
    }

    /// The present main revision.
    #[must_use]
    pub fn revision(&self) -> i64 {
        self.revision
    }

    /// The oldest main revision that can be read and watched from; negative if all can.
    #[must_use]
    pub fn compacted(&self) -> i64 {
        self.compacted
    }

    /// The oldest main revision from which on nothing is left that nobody can read: removal has come as far as
    /// [`Self::compacted`] when both are equal.
    #[must_use]
    pub fn swept(&self) -> i64 {
        self.swept
    }

    /// Where the record is that holds for `key` at main revision `main`; `None` if the key did not exist then. For what was
    /// there before a change: ask at its main revision less one.
    ///
    /// # Errors
    /// When `main` is compacted or in the future.
    pub fn find(&self, key: &[u8], main: i64) -> Result<Option<Revision>, KvError> {
        self.readable(main)?;
        Ok(self
            .index
            .get(key)
            .and_then(|history| history.as_of(main))
            .map(Mark::at))
    }

    /// Whether compaction at main revision `floor` leaves the record of `key` that was written at `at`, at `floor` or before.
    /// That stays the same while it is carried out, as long as `floor` is pinned.
    #[must_use]
    pub fn outlives(&self, key: &[u8], at: Revision, floor: i64) -> bool {
        self.index
            .get(key)
            .is_some_and(|history| history.left_by(floor) == Some(at))
    }

    /// The seconds that a lease was granted for; `None` if there is no such lease.
    #[must_use]
    pub fn lease_ttl_s(&self, id: LeaseId) -> Option<i64> {
        self.leases.ttl_s(id)
    }

    /// The keys that live by a lease, in order.
    pub fn lease_keys(&self, id: LeaseId) -> impl Iterator<Item = &[u8]> {
        self.leases.keys(id)
    }

    /// All leases with the seconds they were granted for, in the order of their numbers.
    pub fn leases(&self) -> impl Iterator<Item = (LeaseId, i64)> {
        self.leases.iter()
    }

    /// How much there is.
    #[must_use]
    pub fn figures(&self) -> Figures {
        Figures {
            revision: self.revision,
            compacted: self.compacted,
            keys: self.index.present(),
            leases: self.leases.len(),
            live_bytes: self.ledger.live(),
        }
    }

    /// Carries out what [`Keyspace::plan`] decided. Nothing else may have been committed in between.
    pub fn commit(&mut self, plan: &Plan) {
        let mut done = 0;
        while !self.commit_some(plan, &mut done, usize::MAX) {}
    }

    /// Carries out up to `records_max` more records of a plan, of which `done` are. `true` when that was all of it; until then
    /// no read sees any of it, only figures and the keys of leases do.
    pub(crate) fn commit_some(&mut self, plan: &Plan, done: &mut usize, records_max: usize) -> bool {
        debug_assert_eq!(plan.space, self.id, "a plan of another keyspace");
        let records = plan.records.get(*done..).unwrap_or_default();
        for (at, record) in records.iter().take(records_max) {
            self.write(*at, record);
        }
        *done = done.saturating_add(records_max).min(plan.records.len());
        self.half_done = *done < plan.records.len();
        if self.half_done {
            return false;
        }
        if !plan.records.is_empty() {
            self.revision = plan.revision;
        }
        match plan.effect {
            Effect::Grant { id, ttl_s } => self.grant(id, ttl_s),
            Effect::Compact { revision } => self.compact(revision),
            Effect::Revoke { id } => {
                self.leases.end(id);
                self.ledger.lease(false);
            }
            Effect::None => {}
        }
        debug_assert_eq!(plan.revision, self.revision, "a plan of another moment");
        true
    }

    pub(crate) fn grant(&mut self, id: LeaseId, ttl_s: i64) {
        self.leases.grant(id, ttl_s);
        self.ledger.lease(true);
    }

    pub(crate) fn compact(&mut self, revision: i64) {
        self.compacted = self.compacted.max(revision);
        self.ledger.compact(self.compacted);
    }

    /// Its revision is not the keyspace's yet.
    pub(crate) fn write(&mut self, at: Revision, record: &Arc<Record>) {
        let key = record.key();
        let mark = Mark::of(at, record);
        let before = self.index.push(key, mark);
        self.ledger.wrote(key.len(), &mark, before.as_ref());
        let lease_before = before.map_or(LeaseId::NONE, |before| before.lease);
        self.leases.move_key(key, lease_before, mark.lease);
    }

    /// Whether `main` can be read.
    pub(crate) fn readable(&self, main: i64) -> Result<(), KvError> {
        if main > self.revision {
            return Err(KvError::FutureRevision {
                asked: main,
                current: self.revision,
            });
        }
        if main < self.compacted {
            return Err(KvError::Compacted {
                asked: main,
                compacted: self.compacted,
            });
        }
        Ok(())
    }
}
