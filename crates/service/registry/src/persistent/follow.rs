//! Following the store: what it has of instances is shown by this node's registry.
//!
//! First everything is read as of one revision, then changes are watched from the next one on. A watch that breaks is resumed
//! where it was. When that is compacted, everything is read again, and only what differs is applied; so nobody who follows
//! the registry hears of instances that did not change.
//!
//! Invariant: `known` has the key of each instance that is shown, with the store's revision of what is shown. Revisions are
//! compared with those of the same keyspace only.
//!
//! What there is no room for is not shown; it is tried again from time to time, and an operator is told.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use koinon_core_kv::{Keys, Range, Record};
use koinon_store::{Consistency, Space, StoreError, WatchMessage, WatchRequest};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep};
use tracing::{info, warn};

use super::key::{END, PREFIX};
use super::{Problem, Stored, Who};
use crate::error::ServiceError;
use crate::handle::RegistryHandle;

/// Keys read at once.
const PAGE_KEYS: i64 = 1024;
/// Between two attempts at a store that cannot be read.
const PAUSE: Duration = Duration::from_secs(1);
/// Between two attempts to show what there was no room for.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// Keeps a registry up to date with the store; see [`RegistryHandle::open`].
#[derive(Debug)]
pub struct Follower {
    registry: RegistryHandle,
    space: Space,
    known: BTreeMap<Bytes, i64>,
    /// The store's revision up to which everything is applied.
    reached: i64,
    /// Something is not shown for want of room.
    incomplete: bool,
}

/// Why following from a position ended.
enum Ended {
    /// The position is compacted.
    Compacted,
    /// It is time to try what there was no room for.
    LookAgain,
}

impl Follower {
    pub(crate) async fn open(registry: RegistryHandle, space: Space) -> Result<Self, StoreError> {
        let mut follower = Self {
            registry,
            space,
            known: BTreeMap::new(),
            reached: 0,
            incomplete: false,
        };
        follower.read_all().await?;
        Ok(follower)
    }

    /// Follows for ever; drop the future to stop it.
    pub async fn run(mut self) {
        loop {
            match self.follow().await {
                Ok(ended) => {
                    if matches!(ended, Ended::Compacted) {
                        info!("history of persistent instances is compacted; reading all of them again");
                    }
                    while let Err(error) = self.read_all().await {
                        warn!(error = %error, "cannot read persistent instances; trying again");
                        sleep(PAUSE).await;
                    }
                }
                Err(error) => {
                    warn!(error = %error, "cannot follow persistent instances; trying again");
                    sleep(PAUSE).await;
                }
            }
        }
    }

    /// Applies what happens after `reached`.
    async fn follow(&mut self) -> Result<Ended, StoreError> {
        let mut stream = self.space.watch_stream();
        let request = WatchRequest {
            id: 0,
            keys: Keys::prefixed(PREFIX.as_bytes()),
            start_revision: self.reached + 1,
            no_put: false,
            no_delete: false,
            prev_kv: false,
        };
        // A stream of its own has room for one watcher.
        stream.watch(&request).map_err(|_| StoreError::Broken)?;
        let mut look_again = interval_at(Instant::now() + LOOK_AGAIN, LOOK_AGAIN);
        look_again.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                message = stream.next() => match message? {
                    WatchMessage::Compacted { .. } => return Ok(Ended::Compacted),
                    WatchMessage::Events { events, .. } => {
                        for event in events {
                            self.apply(&event.record);
                            self.reached = self.reached.max(revision_of(&event.record));
                        }
                        self.show();
                    }
                },
                _ = look_again.tick(), if self.incomplete => return Ok(Ended::LookAgain),
            }
        }
    }

    /// Reads everything as of one revision, and applies what differs from what is known.
    async fn read_all(&mut self) -> Result<(), StoreError> {
        let mut gone = self.known.clone();
        let (first, end) = (
            Bytes::from_static(PREFIX.as_bytes()),
            Bytes::from_static(END.as_bytes()),
        );
        let mut range = Range {
            limit: PAGE_KEYS,
            ..Range::of(Keys::Between(first, end.clone()))
        };
        self.incomplete = false;
        loop {
            let read = self.space.range(&range, Consistency::Linearizable).await?.value;
            if range.revision == 0 {
                range.revision = read.revision;
            }
            for record in &read.records {
                gone.remove(record.key());
                if self.known.get(record.key()) != Some(&revision_of(record)) {
                    self.apply(record);
                }
            }
            let next = read.records.last().filter(|_| read.more);
            let Some(next) = next else { break };
            range.keys = Keys::Between(after(next.key()), end.clone());
            tokio::task::yield_now().await;
        }
        for key in gone.into_keys() {
            self.remove(&key);
        }
        self.reached = range.revision.max(self.reached);
        self.show();
        if self.incomplete {
            warn!(
                "some persistent instances are not shown, because there is no room for them; trying again later"
            );
        }
        Ok(())
    }

    fn apply(&mut self, record: &Record) {
        let Record::Put(kv) = record else {
            self.remove(record.key());
            return;
        };
        let Some(who) = Who::read(&kv.key) else {
            warn!(key = %kv.key.escape_ascii(), "a key among persistent instances is none of theirs");
            return;
        };
        match Stored::decode(&kv.value) {
            Ok(stored) => match self.keep(&who, stored) {
                Ok(()) => drop(self.known.insert(kv.key.clone(), kv.mod_revision)),
                Err(error) => {
                    if !self.incomplete {
                        warn!(service = %who.service, id = %who.id, error = %error, "a persistent instance is not shown");
                    }
                    self.incomplete = true;
                }
            },
            Err(problem) => {
                match problem {
                    Problem::Newer(format) => {
                        warn!(service = %who.service, id = %who.id, format, "a persistent instance needs a newer Koinon");
                    }
                    Problem::NoInstance(error) => {
                        warn!(service = %who.service, id = %who.id, error, "a persistent instance cannot be read");
                    }
                }
                // What was shown before is not what the store has.
                self.remove(&kv.key);
            }
        }
    }

    fn keep(&self, who: &Who, stored: Stored) -> Result<(), ServiceError> {
        let space = self.registry.spaces().get_or_new(&who.namespace)?;
        let now = self.registry.now();
        space.change(|registry| registry.keep(now, stored.kept(who)))?;
        Ok(())
    }

    fn remove(&mut self, key: &Bytes) {
        self.known.remove(key);
        let Some(who) = Who::read(key) else { return };
        let now = self.registry.now();
        if let Some(space) = self.registry.spaces().get(&who.namespace) {
            space.change(|registry| registry.release(now, &who.service, &who.id));
        }
    }

    fn show(&self) {
        if let Some(persistence) = self.registry.persistence() {
            persistence.show(self.reached);
        }
    }
}

/// The first key after `key`.
fn after(key: &[u8]) -> Bytes {
    [key, &[0]].concat().into()
}

fn revision_of(record: &Record) -> i64 {
    match record {
        Record::Put(kv) => kv.mod_revision,
        Record::Tombstone { mod_revision, .. } => *mod_revision,
    }
}
