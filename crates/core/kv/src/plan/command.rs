//! From a command to its plan: each kind of command looks at the keyspace and decides.

use std::sync::Arc;

use bytes::Bytes;

use super::draft::Draft;
use crate::error::KvError;
use crate::keyspace::Keyspace;
use crate::ledger::LEASE_OVERHEAD_BYTES;
use crate::plan::{Answer, Effect, Plan};
use crate::record::Record;
use crate::records::Records;
use crate::request::{Command, LeaseId, Op, Txn};
use crate::revision::Revision;

/// The longest time that a lease may be granted for, in seconds: etcd's.
pub const LEASE_TTL_MAX_S: i64 = 9_000_000_000;

impl Keyspace {
    /// Decides what a command will do. It changes nothing, and reads records only where values matter.
    ///
    /// # Errors
    /// When the command is refused: it has no effect then, on any member.
    pub fn plan(&self, command: &Command, records: &dyn Records) -> Result<Plan, KvError> {
        if command.space() != self.id {
            return Err(KvError::UnknownSpace(command.space()));
        }
        match command {
            Command::Txn { txn, .. } => self.plan_txn(txn, records),
            Command::Compact { revision, .. } => self.plan_compact(*revision),
            Command::LeaseGrant { id, ttl_s, .. } => self.plan_grant(*id, *ttl_s),
            Command::LeaseRevoke { id, .. } => self.plan_revoke(*id),
            Command::V2 {
                now_unix_ms, change, ..
            } => self.plan_v2(change, *now_unix_ms, records),
        }
    }

    /// Whether there is room for a command in `quota` bytes. To be asked before the log, by the member that proposes: quotas
    /// are settings and may differ, so no member may decide by them what an entry of the log does.
    ///
    /// # Errors
    /// `NoSpace`, only for what may put a key or grants a lease: deletions and compaction make room.
    pub fn admit(&self, command: &Command, quota: u64) -> Result<(), KvError> {
        let cost = match command {
            Command::Txn { txn, .. } => txn.cost_bytes(),
            Command::LeaseGrant { .. } => LEASE_OVERHEAD_BYTES,
            Command::V2 { change, .. } => change.cost_bytes(),
            Command::Compact { .. } | Command::LeaseRevoke { .. } => 0,
        };
        let used = self.ledger.live();
        if cost > 0 && used.saturating_add(cost) > quota {
            let space = self.id;
            return Err(KvError::NoSpace { space, used, quota });
        }
        Ok(())
    }

    fn plan_txn(&self, txn: &Txn, records: &dyn Records) -> Result<Plan, KvError> {
        txn.check_size(usize::MAX)?;
        txn.check_duplicates()?;
        let mut draft = Draft::new(self, records, txn);
        let done = draft.txn(txn)?;
        Ok(Plan {
            space: self.id,
            revision: draft.revision(),
            records: draft.written,
            effect: Effect::None,
            answer: Answer::Txn(done),
        })
    }

    fn plan_compact(&self, revision: i64) -> Result<Plan, KvError> {
        if revision <= self.compacted {
            return Err(KvError::Compacted {
                asked: revision,
                compacted: self.compacted,
            });
        }
        self.readable(revision)?;
        Ok(self.plan_effect(Effect::Compact { revision }))
    }

    fn plan_grant(&self, id: LeaseId, ttl_s: i64) -> Result<Plan, KvError> {
        if !id.is_some() {
            return Err(KvError::LeaseNotFound(id));
        }
        if !(1..=LEASE_TTL_MAX_S).contains(&ttl_s) {
            return Err(KvError::LeaseTtl(ttl_s));
        }
        if self.leases.contains(id) {
            return Err(KvError::LeaseExists(id));
        }
        Ok(self.plan_effect(Effect::Grant { id, ttl_s }))
    }

    /// All keys of the lease go in one revision, in the order of keys; without keys there is none.
    fn plan_revoke(&self, id: LeaseId) -> Result<Plan, KvError> {
        if !self.leases.contains(id) {
            return Err(KvError::LeaseNotFound(id));
        }
        let mut plan = self.plan_effect(Effect::Revoke { id });
        let main = self.revision.saturating_add(1);
        for (sub, key) in (0..).zip(self.leases.keys(id)) {
            let key = Bytes::copy_from_slice(key);
            let record = Record::Tombstone {
                key,
                mod_revision: main,
            };
            plan.records.push((Revision::new(main, sub), Arc::new(record)));
        }
        if !plan.records.is_empty() {
            plan.revision = main;
        }
        Ok(plan)
    }

    fn plan_effect(&self, effect: Effect) -> Plan {
        Plan {
            space: self.id,
            revision: self.revision,
            records: Vec::new(),
            effect,
            answer: Answer::Done,
        }
    }
}

/// Whether a step may see what another one of the same transaction wrote.
pub(super) fn steps_may_meet(txn: &Txn) -> bool {
    let alone = |ops: &[Op]| matches!(ops, [] | [Op::Range(_) | Op::Put(_) | Op::Delete(_)]);
    !alone(&txn.then) || !alone(&txn.or_else)
}
