//! The leases of a keyspace and the keys that live by them. When a lease ends is not known here, but in
//! [`Lessor`](crate::Lessor): deadlines are no part of what members agree on.
//!
//! Invariant: a key is in the set of the lease that its newest mark names, and in no other.

use std::collections::{BTreeMap, BTreeSet};

use crate::request::LeaseId;

/// A keyspace's leases.
#[derive(Debug, Default)]
pub(crate) struct Leases {
    by_id: BTreeMap<LeaseId, Lease>,
}

#[derive(Debug)]
struct Lease {
    ttl_s: i64,
    keys: BTreeSet<Box<[u8]>>,
}

impl Leases {
    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    pub(crate) fn contains(&self, id: LeaseId) -> bool {
        self.by_id.contains_key(&id)
    }

    pub(crate) fn ttl_s(&self, id: LeaseId) -> Option<i64> {
        self.by_id.get(&id).map(|lease| lease.ttl_s)
    }

    /// The lease's keys, in order.
    pub(crate) fn keys(&self, id: LeaseId) -> impl Iterator<Item = &[u8]> {
        self.by_id
            .get(&id)
            .into_iter()
            .flat_map(|lease| lease.keys.iter().map(AsRef::as_ref))
    }

    /// All of them with their time to live, in the order of their numbers.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (LeaseId, i64)> {
        self.by_id.iter().map(|(id, lease)| (*id, lease.ttl_s))
    }

    pub(crate) fn grant(&mut self, id: LeaseId, ttl_s: i64) {
        let keys = BTreeSet::new();
        self.by_id.insert(id, Lease { ttl_s, keys });
    }

    pub(crate) fn end(&mut self, id: LeaseId) {
        self.by_id.remove(&id);
    }

    /// The key lives by `to` now, and no more by `from`; either may be none.
    pub(crate) fn move_key(&mut self, key: &[u8], from: LeaseId, to: LeaseId) {
        if from == to {
            return;
        }
        if from.is_some()
            && let Some(lease) = self.by_id.get_mut(&from)
        {
            lease.keys.remove(key);
        }
        if to.is_some()
            && let Some(lease) = self.by_id.get_mut(&to)
        {
            lease.keys.insert(key.into());
        }
    }
}
