//! The handle: every operation on a keyspace, for doors and for the domains that keep their state here.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use koinon_core_kv::{
    Command, Delete, Deleted, LeaseId, Op, OpResponse, Put, PutDone, Range, Ranged, SpaceId, Txn, TxnDone,
};

use crate::error::StoreError;
use crate::open::Threads;
use crate::shared::Shared;
use crate::watch::WatchStream;

/// The store. Clones share it.
#[derive(Clone)]
pub struct Store {
    pub(crate) shared: Arc<Shared>,
    pub(crate) threads: Arc<Threads>,
}

/// One keyspace of the store.
#[derive(Clone)]
pub struct Space {
    pub(crate) shared: Arc<Shared>,
    pub(crate) id: SpaceId,
}

/// How fresh a read must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consistency {
    /// It sees every write that was acknowledged before it was asked.
    Linearizable,
    /// It sees some state of the past, whatever this member has.
    Serializable,
}

/// An answer, with where the keyspace stood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer<T> {
    /// The keyspace's main revision when it was answered.
    pub revision: i64,
    /// What was asked for.
    pub value: T,
}

/// A lease as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseState {
    /// Seconds that it was granted for.
    pub granted_s: i64,
    /// Milliseconds that it still lives; 0 when its time is over and it is about to end.
    pub remaining_ms: u64,
    /// The keys that live by it, if asked for.
    pub keys: Vec<Bytes>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

impl fmt::Debug for Space {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Space")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl Store {
    /// A keyspace of the store.
    #[must_use]
    pub fn space(&self, id: SpaceId) -> Space {
        Space {
            shared: self.shared.clone(),
            id,
        }
    }
}

impl Space {
    /// Reads keys.
    ///
    /// # Errors
    /// When the revision asked for is compacted or in the future, or records cannot be read.
    pub async fn range(&self, range: &Range, consistency: Consistency) -> Result<Answer<Ranged>, StoreError> {
        self.shared.barrier(consistency).await?;
        self.shared.range(self.id, range)
    }

    /// The same, if the answer waits for nobody; `None` when only [`Self::range`] can tell.
    ///
    /// # Errors
    /// As [`Self::range`].
    #[must_use]
    pub fn range_at_once(
        &self,
        range: &Range,
        consistency: Consistency,
    ) -> Option<Result<Answer<Ranged>, StoreError>> {
        let may_look = self.shared.is_fresh(consistency);
        may_look.then(|| self.shared.range(self.id, range))
    }

    /// Writes a key.
    ///
    /// # Errors
    /// When the keyspace refuses it, the store takes no writes, or nobody knows whether it was done.
    pub async fn put(&self, put: Put) -> Result<Answer<PutDone>, StoreError> {
        let answer = self.change(Op::Put(put)).await?;
        match answer.value {
            Some(OpResponse::Put(value)) => Ok(Answer {
                revision: answer.revision,
                value,
            }),
            Some(OpResponse::Range(_) | OpResponse::Delete(_) | OpResponse::Txn(_)) | None => {
                Err(StoreError::Broken)
            }
        }
    }

    /// Deletes keys.
    ///
    /// # Errors
    /// As [`Self::put`].
    pub async fn delete(&self, delete: Delete) -> Result<Answer<Deleted>, StoreError> {
        let answer = self.change(Op::Delete(delete)).await?;
        match answer.value {
            Some(OpResponse::Delete(value)) => Ok(Answer {
                revision: answer.revision,
                value,
            }),
            Some(OpResponse::Range(_) | OpResponse::Put(_) | OpResponse::Txn(_)) | None => {
                Err(StoreError::Broken)
            }
        }
    }

    /// A transaction. One that changes nothing whichever way it goes is a read, and takes no place in the log.
    ///
    /// # Errors
    /// As [`Self::put`].
    pub async fn txn(&self, txn: Txn, consistency: Consistency) -> Result<Answer<TxnDone>, StoreError> {
        if txn.is_read_only() {
            self.shared.barrier(consistency).await?;
            return self.shared.read_txn(self.id, &txn);
        }
        self.shared.propose_txn(self.id, txn).await
    }

    /// Forgets history below `revision`. With `physical`, answers when the space is free again.
    ///
    /// # Errors
    /// When `revision` is compacted already or in the future; else as [`Self::put`].
    pub async fn compact(&self, revision: i64, physical: bool) -> Result<Answer<()>, StoreError> {
        let answer = self
            .shared
            .propose(Command::Compact {
                space: self.id,
                revision,
            })
            .await?;
        if physical {
            self.shared.compacted(self.id, revision).await;
        }
        Ok(Answer {
            revision: answer.revision,
            value: (),
        })
    }

    /// Makes a lease and answers its number and its time to live in seconds, which may be longer than asked for.
    ///
    /// # Errors
    /// When the number is taken or the time out of bounds; else as [`Self::put`].
    pub async fn lease_grant(
        &self,
        id: Option<LeaseId>,
        ttl_s: i64,
    ) -> Result<Answer<(LeaseId, i64)>, StoreError> {
        self.shared.lease_grant(self.id, id, ttl_s).await
    }

    /// Ends a lease; its keys are deleted.
    ///
    /// # Errors
    /// When there is no such lease; else as [`Self::put`].
    pub async fn lease_revoke(&self, id: LeaseId) -> Result<Answer<()>, StoreError> {
        let answer = self
            .shared
            .propose(Command::LeaseRevoke { space: self.id, id })
            .await?;
        Ok(Answer {
            revision: answer.revision,
            value: (),
        })
    }

    /// Lets a lease live its whole time from now on, and answers that time; `None` if there is no such lease.
    ///
    /// # Errors
    /// When this member does not lead.
    pub async fn lease_keep_alive(&self, id: LeaseId) -> Result<Answer<Option<i64>>, StoreError> {
        self.shared.barrier(Consistency::Linearizable).await?;
        Ok(self.shared.lease_renew(self.id, id))
    }

    /// How a lease stands; `None` if there is no such lease.
    ///
    /// # Errors
    /// When this member does not lead.
    pub async fn lease_state(
        &self,
        id: LeaseId,
        keys: bool,
    ) -> Result<Answer<Option<LeaseState>>, StoreError> {
        self.shared.barrier(Consistency::Linearizable).await?;
        Ok(self.shared.lease_state(self.id, id, keys))
    }

    /// All leases, in the order of their numbers.
    #[must_use]
    pub fn leases(&self) -> Answer<Vec<LeaseId>> {
        self.shared.leases(self.id)
    }

    /// A stream for watchers of this keyspace.
    #[must_use]
    pub fn watch_stream(&self) -> WatchStream {
        WatchStream::new(self.shared.clone(), self.id)
    }

    /// The keyspace's main revision.
    #[must_use]
    pub fn revision(&self) -> i64 {
        self.shared.revision(self.id)
    }

    async fn change(&self, op: Op) -> Result<Answer<Option<OpResponse>>, StoreError> {
        let txn = Txn::of(op);
        let mut answer = self.shared.propose_txn(self.id, txn).await?;
        Ok(Answer {
            revision: answer.revision,
            value: answer.value.responses.pop(),
        })
    }
}
