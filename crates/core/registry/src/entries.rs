//! Every instance with its lease, found by its id in one step: the path of every heartbeat.
//!
//! A hash table, because a heartbeat among 100 000 instances must cost what it costs among 1 000, and by the instance
//! id alone, because ids are almost always different in the whole registry: so the same table answers who has an id.
//! The few that share one, in several services, are beside each other in an ordered table.
//!
//! The hash has keys of its own, so that no stranger can choose ids that collide. The table's order is therefore
//! another one in every process: whoever decides by order must sort. It is cut into shards, because a hash table that
//! has to grow moves everything it holds, and that happens under the lock.
//!
//! Invariant: an entry is in the shard of its id's hash, under that hash; `Many` holds at least two.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};
use std::sync::Arc;

use koinon_base::{InstanceId, Now, ServiceName};

use crate::lease::Lease;
use crate::model::Instance;
use crate::table::Table;

/// With 250 000 instances a shard holds about a thousand: it grows in some ten microseconds. Empty, all take 8 KiB.
const SHARDS: usize = 256;

/// An instance and its lease; one that is persistent has none.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) instance: Arc<Instance>,
    pub(crate) lease: Option<Lease>,
    /// The names that are in the instance too, here to be compared without going there.
    service: ServiceName,
    id: InstanceId,
}

/// All that have ids of the same hash.
#[derive(Debug)]
enum Holders {
    One(Entry),
    Many(Table<(InstanceId, ServiceName), Entry>),
}

type Shard = HashMap<u64, Holders, BuildHasherDefault<AsItIs>>;

#[derive(Debug)]
pub(crate) struct Entries {
    keys: RandomState,
    shards: Box<[Shard]>,
}

impl Entry {
    pub(crate) fn new(instance: Arc<Instance>, lease: Option<Lease>) -> Self {
        Self {
            service: instance.service().clone(),
            id: instance.id().clone(),
            instance,
            lease,
        }
    }

    /// Whether it was silent for too long, `grace_ms` more allowed.
    pub(crate) fn is_expired(&self, now: Now, grace_ms: u64) -> bool {
        self.lease.is_some_and(|lease| lease.is_expired(now, grace_ms))
    }

    fn is(&self, service: &ServiceName, id: &InstanceId) -> bool {
        self.id == *id && self.service == *service
    }

    fn key(&self) -> (InstanceId, ServiceName) {
        (self.id.clone(), self.service.clone())
    }
}

impl Entries {
    pub(crate) fn new() -> Self {
        Self {
            keys: RandomState::new(),
            shards: (0..SHARDS).map(|_| Shard::default()).collect(),
        }
    }

    pub(crate) fn get(&self, service: &ServiceName, id: &InstanceId) -> Option<&Entry> {
        let hash = self.hash(id);
        match self.shards[shard(hash)].get(&hash)? {
            Holders::One(held) => held.is(service, id).then_some(held),
            Holders::Many(held) => held.get(&(id.clone(), service.clone())),
        }
    }

    pub(crate) fn get_mut(&mut self, service: &ServiceName, id: &InstanceId) -> Option<&mut Entry> {
        let hash = self.hash(id);
        match self.shards[shard(hash)].get_mut(&hash)? {
            Holders::One(held) => held.is(service, id).then_some(held),
            Holders::Many(held) => held.get_mut(&(id.clone(), service.clone())),
        }
    }

    /// Everybody of this id, by service.
    pub(crate) fn of_id(&self, id: &InstanceId) -> impl Iterator<Item = &Entry> {
        let hash = self.hash(id);
        let holders = self.shards[shard(hash)].get(&hash);
        let held = holders.into_iter().flat_map(Holders::iter);
        held.filter(move |held| held.id == *id)
    }

    /// All, in no order that means anything.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Entry> {
        let holders = self.shards.iter().flat_map(HashMap::values);
        holders.flat_map(Holders::iter)
    }

    /// Adds an entry, which is not there yet.
    pub(crate) fn insert(&mut self, entry: Entry) {
        let hash = self.hash(&entry.id);
        match self.shards[shard(hash)].entry(hash) {
            Slot::Vacant(free) => drop(free.insert(Holders::One(entry))),
            Slot::Occupied(mut taken) => taken.get_mut().insert(entry),
        }
    }

    pub(crate) fn remove(&mut self, service: &ServiceName, id: &InstanceId) -> Option<Entry> {
        let hash = self.hash(id);
        let Slot::Occupied(mut taken) = self.shards[shard(hash)].entry(hash) else {
            return None;
        };
        match taken.get_mut() {
            Holders::One(held) => {
                let held = held.is(service, id).then(|| held.clone())?;
                taken.remove();
                Some(held)
            }
            Holders::Many(held) => {
                let removed = held.remove(&(id.clone(), service.clone()))?;
                let only = (held.len() == 1).then(|| held.values().next().cloned());
                if let Some(last) = only.flatten() {
                    taken.insert(Holders::One(last));
                }
                Some(removed)
            }
        }
    }

    fn hash(&self, id: &InstanceId) -> u64 {
        self.keys.hash_one(id)
    }
}

impl Holders {
    fn insert(&mut self, entry: Entry) {
        match self {
            Self::One(held) => {
                let mut both = Table::default();
                both.insert(held.key(), held.clone());
                both.insert(entry.key(), entry);
                *self = Self::Many(both);
            }
            Self::Many(held) => drop(held.insert(entry.key(), entry)),
        }
    }

    fn iter(&self) -> impl Iterator<Item = &Entry> {
        let (one, many) = match self {
            Self::One(held) => (Some(held), None),
            Self::Many(held) => (None, Some(held)),
        };
        one.into_iter().chain(many.into_iter().flat_map(Table::values))
    }
}

/// Bits that the shard's own table looks at last: it places by the lowest and tells apart by the highest.
fn shard(hash: u64) -> usize {
    (hash >> 40) as usize % SHARDS
}

/// Takes a number that is a hash already for its own hash.
#[derive(Debug, Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn write(&mut self, bytes: &[u8]) {
        // Never called for a `u64`; a sound hash for whatever else a key might become.
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
