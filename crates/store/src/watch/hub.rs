//! Which watchers are there in a keyspace, and handing them what happens.
//!
//! Invariants:
//! - a watcher that is not behind has been told, or has in its queue, everything it matches up to `revision`;
//! - one that is behind has been told everything before its `next`, and its queue gets nothing until it has caught up.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use koinon_core_kv::{Keys, Record, Revision, Watchers};

use super::queue::{Delivery, Group, Queue};
use super::teller::Teller;
use super::{WatchRequest, Watching};

/// A watcher's place in the hub.
pub(super) type Slot = usize;

/// The watchers of one keyspace.
#[derive(Debug)]
pub(crate) struct Hub {
    inner: Mutex<Inner>,
    teller: Arc<Teller>,
}

#[derive(Debug)]
struct Inner {
    /// The youngest main revision that was published.
    revision: i64,
    by_keys: Watchers<Slot>,
    slots: Vec<Option<Watcher>>,
    free: Vec<Slot>,
}

#[derive(Debug)]
struct Watcher {
    queue: Arc<Queue>,
    id: i64,
    keys: Keys,
    /// The first main revision that it has not been told of.
    next: i64,
    behind: bool,
    no_put: bool,
    no_delete: bool,
    prev_kv: bool,
}

/// A watcher that has to be caught up: what the stream needs to know to do it.
#[derive(Debug, Clone)]
pub(super) struct Behind {
    pub(super) slot: Slot,
    pub(super) id: i64,
    pub(super) keys: Keys,
    pub(super) next: i64,
    pub(super) no_put: bool,
    pub(super) no_delete: bool,
    pub(super) prev_kv: bool,
}

impl Hub {
    pub(crate) fn new(revision: i64) -> Self {
        Self {
            inner: Mutex::new(Inner {
                revision,
                by_keys: Watchers::new(),
                slots: Vec::new(),
                free: Vec::new(),
            }),
            teller: Teller::new(),
        }
    }

    /// Tells the watchers what the transaction of `revision` wrote. Never waits for a stream.
    pub(crate) fn publish(&self, revision: i64, records: &[(Revision, Arc<Record>)]) {
        let mut inner = self.lock();
        inner.revision = revision;
        let mut rung = Vec::new();
        match records {
            [] => {}
            [(_, record)] => inner.publish_one(revision, record, &mut rung),
            many => inner.publish_many(revision, many, &mut rung),
        }
        drop(inner);
        self.teller.wake(rung);
    }

    /// The youngest main revision that was published.
    pub(crate) fn revision(&self) -> i64 {
        self.lock().revision
    }

    /// How many watchers there are.
    pub(crate) fn len(&self) -> usize {
        let inner = self.lock();
        inner.slots.len() - inner.free.len()
    }

    pub(super) fn add(&self, queue: &Arc<Queue>, id: i64, request: &WatchRequest) -> (Slot, Watching) {
        self.teller.start();
        let mut inner = self.lock();
        let revision = inner.revision;
        let next = if request.start_revision > 0 {
            request.start_revision
        } else {
            revision + 1
        };
        let watcher = Watcher {
            queue: queue.clone(),
            id,
            keys: request.keys.clone(),
            next,
            behind: next <= revision,
            no_put: request.no_put,
            no_delete: request.no_delete,
            prev_kv: request.prev_kv,
        };
        if watcher.behind {
            queue.fell_behind();
        }
        let slot = inner.free.pop().unwrap_or(inner.slots.len());
        if slot == inner.slots.len() {
            inner.slots.push(None);
        }
        inner.by_keys.insert(&request.keys, slot);
        if let Some(place) = inner.slots.get_mut(slot) {
            *place = Some(watcher);
        }
        (slot, Watching { id, revision })
    }

    pub(super) fn remove(&self, slot: Slot) {
        let mut inner = self.lock();
        let Some(watcher) = inner.slots.get_mut(slot).and_then(Option::take) else {
            return;
        };
        if watcher.behind {
            watcher.queue.caught_up();
        }
        inner.by_keys.remove(&watcher.keys, &slot);
        inner.free.push(slot);
    }

    /// Those of `slots` that are behind, and the present revision.
    pub(super) fn behind(&self, slots: impl Iterator<Item = Slot>) -> (Vec<Behind>, i64) {
        let inner = self.lock();
        let behind = slots
            .filter_map(|slot| {
                let watcher = inner.slots.get(slot)?.as_ref()?;
                watcher.behind.then(|| Behind {
                    slot,
                    id: watcher.id,
                    keys: watcher.keys.clone(),
                    next: watcher.next,
                    no_put: watcher.no_put,
                    no_delete: watcher.no_delete,
                    prev_kv: watcher.prev_kv,
                })
            })
            .collect();
        (behind, inner.revision)
    }

    /// The watcher has been told everything before `next`. It is behind no more if nothing else has happened.
    pub(super) fn advance(&self, slot: Slot, next: i64) {
        let mut inner = self.lock();
        let revision = inner.revision;
        if let Some(watcher) = inner.slots.get_mut(slot).and_then(Option::as_mut) {
            watcher.next = next;
            if watcher.behind && next > revision {
                watcher.behind = false;
                watcher.queue.caught_up();
            }
        }
    }

    /// The present revision, if none of the queue's watchers is behind and nothing waits in it: what a stream may call its
    /// progress.
    pub(super) fn progress(&self, queue: &Queue) -> Option<i64> {
        let inner = self.lock();
        (queue.behind() == 0 && queue.is_empty()).then_some(inner.revision)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        self.teller.close();
    }
}

impl Inner {
    fn publish_one(&mut self, revision: i64, record: &Arc<Record>, rung: &mut Vec<Arc<Queue>>) {
        let Self { by_keys, slots, .. } = self;
        by_keys.matching(record.key(), |slot| {
            if let Some(watcher) = slots.get_mut(*slot).and_then(Option::as_mut)
                && watcher.wants(revision, record)
            {
                watcher.hand(revision, Group::One(record.clone()), rung);
            }
        });
    }

    fn publish_many(
        &mut self,
        revision: i64,
        records: &[(Revision, Arc<Record>)],
        rung: &mut Vec<Arc<Queue>>,
    ) {
        let Self { by_keys, slots, .. } = self;
        let mut groups: BTreeMap<Slot, Vec<Arc<Record>>> = BTreeMap::new();
        for (_, record) in records {
            by_keys.matching(record.key(), |slot| {
                let watcher = slots.get(*slot).and_then(Option::as_ref);
                if watcher.is_some_and(|watcher| watcher.wants(revision, record)) {
                    groups.entry(*slot).or_default().push(record.clone());
                }
            });
        }
        for (slot, records) in groups {
            if let Some(watcher) = slots.get_mut(slot).and_then(Option::as_mut) {
                watcher.hand(revision, Group::Many(records.into()), rung);
            }
        }
    }
}

impl Watcher {
    fn wants(&self, revision: i64, record: &Record) -> bool {
        !self.behind && revision >= self.next && told(record, self.no_put, self.no_delete)
    }

    /// Puts the group into the queue, or falls behind from here on. Notes the queue if its stream has to be woken.
    fn hand(&mut self, revision: i64, group: Group, rung: &mut Vec<Arc<Queue>>) {
        let taken = self.queue.push(Delivery {
            watch: self.id,
            prev_kv: self.prev_kv,
            revision,
            group,
        });
        if taken {
            self.next = revision + 1;
        } else {
            self.next = revision;
            self.behind = true;
            self.queue.fell_behind();
        }
        if self.queue.mark() {
            rung.push(self.queue.clone());
        }
    }
}

/// Whether a watcher with these filters is told of the record.
pub(super) fn told(record: &Record, no_put: bool, no_delete: bool) -> bool {
    match record {
        Record::Put(_) => !no_put,
        Record::Tombstone { .. } => !no_delete,
    }
}
