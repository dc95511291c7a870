//! Keys: reading, writing, deleting, transactions, compaction.

use bytes::{Bytes, BytesMut};
use koinon_core_kv::{Keys, KvError, LeaseId, Range, Ranged, Record};
use koinon_store::{Answer, Consistency, StoreError};
use prost::Message;

use super::calls::read;
use super::door::Inner;
use super::pipe::{Outgoing, send};
use crate::translate::{DoorError, Refused, request, response, txn};
use crate::wire::etcdserverpb::{
    CompactionRequest, CompactionResponse, DeleteRangeResponse, PutResponse, RangeRequest, RangeResponse,
    RangeStreamResponse, TxnResponse,
};
use crate::wire::frame;
use crate::wire::status::Status;

/// Keys in the first piece of a stream. Few: how large they are is not known yet.
const PIECE_KEYS_FIRST: i64 = 10;
/// Keys in a piece at most.
const PIECE_KEYS_MAX: i64 = 10_000;

impl Inner {
    /// A range, framed.
    pub(super) async fn range(&self, message: RangeRequest) -> Result<Bytes, Status> {
        let consistency = request::consistency(message.serializable);
        let range = request::range(message)?;
        let found = self
            .space
            .range(&range, consistency)
            .await
            .map_err(DoorError::from)?;
        let answer = response::range(&found.value, self.header(found.revision));
        Ok(frame::encode(&answer))
    }

    /// The same, if nothing has to be waited for.
    pub(super) fn range_at_once(&self, message: Bytes) -> Option<Result<Bytes, Status>> {
        let message: RangeRequest = match read(message) {
            Ok(message) => message,
            Err(status) => return Some(Err(status)),
        };
        let consistency = request::consistency(message.serializable);
        let range = match request::range(message) {
            Ok(range) => range,
            Err(refused) => return Some(Err(refused.into())),
        };
        let found = self.space.range_at_once(&range, consistency)?;
        Some(
            found
                .map_err(|error| DoorError::from(error).into())
                .map(|found| frame::encode(&response::range(&found.value, self.header(found.revision)))),
        )
    }

    pub(super) async fn put(&self, message: Bytes) -> Result<PutResponse, Status> {
        let put = request::put(read(self.sized(message)?)?)?;
        let lease = put.lease;
        self.room().map_err(DoorError::from)?;
        match self.space.put(put).await {
            Ok(done) => Ok(response::put(done.value, self.header(done.revision))),
            Err(error) => {
                let first = Box::pin(self.first_refusal(error, lease)).await;
                Err(DoorError::from(first).into())
            }
        }
    }

    /// Of two reasons to refuse a put etcd tells the missing lease first; of those to refuse one in a transaction, the
    /// missing key. To the store both are the same command.
    async fn first_refusal(&self, error: StoreError, lease: Option<LeaseId>) -> StoreError {
        let key_missing = matches!(error, StoreError::Kv(KvError::KeyNotFound));
        if let Some(lease) = lease.filter(|lease| key_missing && lease.is_some())
            && let Ok(Answer { value: None, .. }) = self.space.lease_state(lease, false).await
        {
            return StoreError::Kv(KvError::LeaseNotFound(lease));
        }
        self.refused(error).await
    }

    pub(super) async fn delete_range(&self, message: Bytes) -> Result<DeleteRangeResponse, Status> {
        let delete = request::delete(read(self.sized(message)?)?)?;
        let done = self.space.delete(delete).await.map_err(DoorError::from)?;
        Ok(response::delete(done.value, self.header(done.revision)))
    }

    pub(super) async fn txn(&self, message: Bytes) -> Result<TxnResponse, Status> {
        let len = message.len();
        let (txn, consistency) = txn::txn(read(message)?, self.limits.txn_ops_max)?;
        if len > self.limits.request_bytes_max && !txn.is_read_only() {
            return Err(Refused::TooLarge.into());
        }
        if txn.cost_bytes() > 0 {
            self.room().map_err(DoorError::from)?;
        }
        let done = match self.space.txn(txn, consistency).await {
            Ok(done) => done,
            Err(error) => return Err(DoorError::from(self.refused(error).await).into()),
        };
        Ok(response::txn(
            done.value,
            done.revision,
            self.header(done.revision),
        ))
    }

    pub(super) async fn compact(&self, message: CompactionRequest) -> Result<CompactionResponse, Status> {
        let done = self
            .space
            .compact(message.revision, message.physical)
            .await
            .map_err(DoorError::from)?;
        Ok(CompactionResponse {
            header: self.header(done.revision),
        })
    }

    /// What goes into the log may be so large, and no larger; etcd looks at what it would log, which is a few bytes more.
    fn sized(&self, message: Bytes) -> Result<Bytes, Refused> {
        if message.len() > self.limits.request_bytes_max {
            return Err(Refused::TooLarge);
        }
        Ok(message)
    }

    /// A range in pieces of about the size of the largest request, all of one revision.
    pub(super) async fn range_stream(
        &self,
        message: RangeRequest,
        answers: &mut impl Outgoing,
    ) -> Result<(), Status> {
        let consistency = request::consistency(message.serializable);
        let mut range = request::range_stream(message)?;
        let limit = if range.limit > 0 { range.limit } else { i64::MAX };
        let (mut sent, mut pace) = (0, PIECE_KEYS_FIRST);
        let mut pinned = None;
        loop {
            range.limit = pace.min(limit - sent);
            let found = self
                .space
                .range(&range, consistency)
                .await
                .map_err(DoorError::from)?;
            let (revision, ranged) = (*pinned.get_or_insert(found.revision), found.value);
            if range.revision <= 0 {
                range.revision = revision;
            }
            let last = !ranged.more || sent + len(&ranged) >= limit;
            let piece = RangeResponse {
                header: last.then(|| self.header(revision)).flatten(),
                more: last && ranged.more,
                // Of a later piece the store counts what was left, and the client wants all.
                count: if last { ranged.count + sent } else { 0 },
                ..response::range(&ranged, None)
            };
            let size = piece.encoded_len();
            sent += len(&ranged);
            send(
                answers,
                &RangeStreamResponse {
                    range_response: Some(piece),
                },
            )
            .await?;
            let Some(next) = next_key(&ranged).filter(|_| !last) else {
                return Ok(());
            };
            range.keys = after(range.keys, next);
            pace = paced(pace, size, self.limits.request_bytes_max);
        }
    }

    /// The consistency of the door's own reads.
    pub(super) async fn one(&self, range: &Range) -> Result<(i64, Ranged), DoorError> {
        let found = self.space.range(range, Consistency::Linearizable).await?;
        Ok((found.revision, found.value))
    }
}

fn len(ranged: &Ranged) -> i64 {
    i64::try_from(ranged.records.len()).unwrap_or(i64::MAX)
}

/// The key right after the last one found.
fn next_key(ranged: &Ranged) -> Option<Bytes> {
    let last = ranged.records.last().map(|record| Record::key(record))?;
    let mut next = BytesMut::with_capacity(last.len() + 1);
    next.extend_from_slice(last);
    next.extend_from_slice(&[0]);
    Some(next.freeze())
}

/// What is left of `keys` from `next` on.
fn after(keys: Keys, next: Bytes) -> Keys {
    match keys {
        Keys::One(_) | Keys::From(_) => Keys::From(next),
        Keys::Between(_, end) => Keys::Between(next, end),
    }
}

/// How many keys to ask for next, when the last piece had `size` bytes and about `wanted` are right.
fn paced(pace: i64, size: usize, wanted: usize) -> i64 {
    if size < wanted / 2 {
        (pace * 2).min(PIECE_KEYS_MAX)
    } else if size > wanted * 2 {
        (pace / 2).max(1)
    } else {
        pace
    }
}
