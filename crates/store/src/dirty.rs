//! What was applied and the backend does not have yet.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use koinon_core_kv::{Effect, LeaseId, Plan, Record, Revision, SpaceId};
use koinon_io_backend::{Applied, Batch, SpaceMarks};

/// Applied entries' effects, in their order.
#[derive(Debug, Default)]
pub(crate) struct Dirty {
    pub(crate) applied: Applied,
    /// How many entries, with and without effect.
    pub(crate) entries: usize,
    /// Their bytes in the log.
    pub(crate) bytes: usize,
    records: Vec<(SpaceId, Revision, Arc<Record>)>,
    removed: Vec<(SpaceId, Revision)>,
    spaces: BTreeMap<SpaceId, SpaceMarks>,
    leases: Vec<(SpaceId, LeaseId, Option<i64>)>,
}

impl Dirty {
    /// Nothing yet, after what the backend has.
    pub(crate) fn after(applied: Applied) -> Self {
        Self {
            applied,
            ..Self::default()
        }
    }

    /// An entry was applied without effect.
    pub(crate) fn applied(&mut self, index: u64, term: u64, bytes: usize) {
        self.applied = Applied { index, term };
        self.entries += 1;
        self.bytes += bytes;
    }

    /// A plan was committed in a keyspace whose oldest readable revision is `compacted` now.
    pub(crate) fn committed(&mut self, plan: &Plan, compacted: i64) {
        let records = plan.records.iter();
        self.records
            .extend(records.map(|(at, record)| (plan.space, *at, record.clone())));
        match plan.effect {
            Effect::Grant { id, ttl_s } => self.leases.push((plan.space, id, Some(ttl_s))),
            Effect::Revoke { id } => self.leases.push((plan.space, id, None)),
            Effect::Compact { .. } | Effect::None => {}
        }
        let revision = plan.revision;
        self.spaces.insert(plan.space, SpaceMarks { revision, compacted });
    }

    /// Compaction removed records from the index.
    pub(crate) fn remove(&mut self, space: SpaceId, removed: &[Revision]) {
        self.removed.extend(removed.iter().map(|at| (space, *at)));
    }

    /// Whether the backend lacks nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.entries == 0 && self.removed.is_empty()
    }

    /// Everything, if there is anything; how far the log was applied is still known afterwards.
    pub(crate) fn take_all(&mut self) -> Option<Self> {
        if self.is_empty() {
            return None;
        }
        let applied = self.applied;
        let empty = Self {
            applied,
            ..Self::default()
        };
        Some(std::mem::replace(self, empty))
    }

    /// How many records the backend does not have.
    pub(crate) fn records(&self) -> usize {
        self.records.len()
    }

    /// As the backend takes it.
    pub(crate) fn into_batch(self) -> Batch {
        let encoded = self.records.into_iter();
        Batch {
            applied: self.applied,
            put: encoded
                .map(|(space, at, record)| {
                    let mut bytes = Vec::with_capacity(record.encoded_len());
                    record.encode(&mut bytes);
                    (space, at, Bytes::from(bytes))
                })
                .collect(),
            remove: self.removed,
            spaces: self.spaces.into_iter().collect(),
            leases: self.leases,
            meta: Vec::new(),
        }
    }
}
