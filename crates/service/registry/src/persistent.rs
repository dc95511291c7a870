//! Persistent instances: kept in the store, a key each, and shown from memory.
//!
//! Every change is one transaction that compares the key's own revision and nothing else, so that it can run on another
//! store with the same three words (compare, then, else). Whoever made a change waits until this node shows it, so that what
//! was answered can be read here. docs/adr/0009 has the layout and why.

mod follow;
mod key;
mod stored;

use std::time::Duration;

use bytes::Bytes;
use koinon_core_kv::{
    Compare, CompareTarget, Delete, KeyValue, Keys, LeaseId, Op, OpResponse, Ordering, Put, Range, Record,
    Txn,
};
use koinon_store::{Consistency, Space, StoreError};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::error::ServiceError;

pub use follow::Follower;
pub(crate) use key::Who;
pub(crate) use stored::{FORMAT, Problem, Stored};

/// How long the store may take. A sync takes milliseconds; after this long nobody waits any more.
const ANSWER_WAIT: Duration = Duration::from_secs(10);
/// How long a change may take from the store to this node's memory: without trouble, less than a millisecond.
const SHOW_WAIT: Duration = Duration::from_secs(5);
/// How often a change is decided anew because another one came first.
const ATTEMPTS_MAX: usize = 16;
/// The most bytes of a stored instance: with its key it fits the requests of any etcd.
const VALUE_LEN_MAX: usize = 1 << 20;

/// The store's side of a registry.
#[derive(Debug)]
pub(crate) struct Persistence {
    space: Space,
    /// The store's revision up to which this node shows everything.
    shown: watch::Sender<i64>,
}

/// What the store has at a key.
#[derive(Debug)]
pub(crate) enum Held {
    Nothing,
    Instance(Box<Stored>),
    Unreadable(Problem),
}

/// What is to become of it.
#[derive(Debug)]
pub(crate) enum Next {
    Put(Box<Stored>),
    Delete,
    /// It is already as it should be.
    Stay,
}

impl Persistence {
    pub(crate) fn new(space: Space) -> Self {
        Self {
            space,
            shown: watch::Sender::new(0),
        }
    }

    /// Says that everything up to `revision` is shown.
    fn show(&self, revision: i64) {
        self.shown.send_if_modified(|shown| {
            let news = revision > *shown;
            *shown = revision.max(*shown);
            news
        });
    }

    /// Changes an instance as `decide` wants it, which may be asked again when somebody else changes it meanwhile; answers
    /// when this node shows it.
    pub(crate) async fn change(
        &self,
        who: &Who,
        decide: impl FnMut(Held) -> Result<Next, ServiceError>,
    ) -> Result<(), ServiceError> {
        let answered = timeout(ANSWER_WAIT, self.store_change(who, decide)).await;
        let revision = answered.map_err(|_| ServiceError::TimedOut {
            waited_s: ANSWER_WAIT.as_secs(),
        })??;
        let mut shown = self.shown.subscribe();
        let waited = timeout(SHOW_WAIT, shown.wait_for(|shown| *shown >= revision)).await;
        match waited {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(who.not_shown()),
        }
    }

    /// The same without waiting for this node; answers the store's revision of what holds then.
    async fn store_change(
        &self,
        who: &Who,
        mut decide: impl FnMut(Held) -> Result<Next, ServiceError>,
    ) -> Result<i64, ServiceError> {
        let key = who.key();
        let one = Keys::One(key.clone());
        let read = self
            .space
            .range(&Range::of(one.clone()), Consistency::Linearizable)
            .await?;
        let mut held = found(read.value.records.first().map(|record| &**record));
        for _ in 0..ATTEMPTS_MAX {
            let revision = held.as_ref().map_or(0, |kv| kv.mod_revision);
            let step = match decide(Held::of(held.as_ref()))? {
                Next::Stay => return Ok(revision),
                Next::Delete => Op::Delete(Delete {
                    keys: one.clone(),
                    prev_kv: false,
                }),
                Next::Put(stored) => Op::Put(put(key.clone(), encoded(who, &stored)?)),
            };
            let txn = Txn {
                compare: vec![Compare {
                    keys: one.clone(),
                    ordering: Ordering::Equal,
                    target: CompareTarget::Mod(revision),
                }],
                then: vec![step],
                or_else: vec![Op::Range(Range::of(one.clone()))],
            };
            let done = self.space.txn(txn, Consistency::Linearizable).await?.value;
            match done.responses.into_iter().next() {
                Some(OpResponse::Put(done)) => return Ok(done.revision),
                Some(OpResponse::Delete(done)) => return Ok(done.revision),
                Some(OpResponse::Range(ranged)) => {
                    held = found(ranged.records.first().map(|record| &**record));
                }
                Some(OpResponse::Txn(_)) | None => return Err(StoreError::Broken.into()),
            }
        }
        Err(ServiceError::Contended {
            service: who.service.clone(),
            id: who.id.clone(),
        })
    }
}

impl Held {
    fn of(kv: Option<&KeyValue>) -> Self {
        match kv.map(|kv| Stored::decode(&kv.value)) {
            None => Self::Nothing,
            Some(Ok(stored)) => Self::Instance(Box::new(stored)),
            Some(Err(problem)) => Self::Unreadable(problem),
        }
    }

    /// What is there, when it has to be.
    pub(crate) fn instance(self, who: &Who) -> Result<Box<Stored>, ServiceError> {
        match self {
            Self::Instance(stored) => Ok(stored),
            Self::Nothing => Err(who.not_registered().into()),
            Self::Unreadable(problem) => Err(who.unreadable(&problem)),
        }
    }
}

fn found(record: Option<&Record>) -> Option<KeyValue> {
    match record {
        Some(Record::Put(kv)) => Some(kv.clone()),
        Some(Record::Tombstone { .. }) | None => None,
    }
}

fn encoded(who: &Who, stored: &Stored) -> Result<Bytes, ServiceError> {
    let value = stored.encode();
    if value.len() > VALUE_LEN_MAX {
        return Err(ServiceError::TooLarge {
            service: who.service.clone(),
            id: who.id.clone(),
            len: value.len(),
            max: VALUE_LEN_MAX,
        });
    }
    Ok(value)
}

fn put(key: Bytes, value: Bytes) -> Put {
    Put {
        key,
        value: Some(value),
        lease: Some(LeaseId::NONE),
        prev_kv: false,
    }
}
