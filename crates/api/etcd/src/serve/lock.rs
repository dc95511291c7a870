//! Locks: the oldest key under a name holds it; the others wait for those before them.

use bytes::Bytes;
use koinon_core_kv::{Delete, Keys, Op, OpResponse, Txn};

use super::door::Inner;
use super::recipe::{TakeBack, created_at, first, key_of, one, only_text, outermost, prefix, put};
use crate::translate::Refused;
use crate::wire::status::Status;
use crate::wire::v3lockpb::{LockRequest, LockResponse, UnlockRequest, UnlockResponse};

impl Inner {
    /// Answers when the lock is held.
    pub(super) async fn lock(&self, message: LockRequest) -> Result<LockResponse, Status> {
        let lease = self.session(message.lease).await?;
        let prefix = prefix(&message.name);
        let key = key_of(&prefix, lease);
        let owner = || Op::Range(outermost(&prefix, false, 0));
        let txn = Txn {
            compare: vec![created_at(&key, 0)],
            then: vec![put(&key, Bytes::new(), lease), owner()],
            or_else: vec![Op::Range(one(&key)), owner()],
        };
        let done = self.recipe_txn(txn).await?;
        let mut found = done.value.responses.iter().map(|response| match response {
            OpResponse::Range(ranged) => first(ranged).map(|kv| kv.create_revision),
            OpResponse::Put(_) | OpResponse::Delete(_) | OpResponse::Txn(_) => None,
        });
        let (mine, owner) = (found.next().flatten(), found.next().flatten());
        let created = if done.value.succeeded {
            done.revision
        } else {
            mine.unwrap_or(done.revision)
        };
        if owner.is_none_or(|owner| owner == created) {
            return Ok(LockResponse {
                header: self.header(done.revision),
                key,
            });
        }
        let waiting = TakeBack::new(&self.space, key.clone(), created);
        self.wait_for_earlier(&prefix, created - 1).await?;
        // The lease may have ended while others held the lock.
        let (revision, found) = self.one(&one(&key)).await.map_err(only_text)?;
        if first(&found).is_none() {
            return Err(Refused::SessionExpired.into());
        }
        waiting.keep();
        Ok(LockResponse {
            header: self.header(revision),
            key,
        })
    }

    pub(super) async fn unlock(&self, message: UnlockRequest) -> Result<UnlockResponse, Status> {
        if message.key.is_empty() {
            return Err(only_text(Refused::EmptyKey));
        }
        let delete = Delete {
            keys: Keys::One(message.key),
            prev_kv: false,
        };
        let done = self.space.delete(delete).await.map_err(only_text)?;
        Ok(UnlockResponse {
            header: self.header(done.revision),
        })
    }
}
