//! What locks and elections share: keys under a lease, in the order in which they came to be.
//!
//! etcd's server answers these calls as a client of itself, with the recipes of its client library. The keys, their order
//! and their contents are the same here, so that server-side callers and such clients can compete for one lock.

use bytes::{BufMut, Bytes, BytesMut};
use koinon_core_kv::{
    Compare, CompareTarget, Delete, Keys, LeaseId, Op, Ordering, Put, Range, Ranged, Record, Sort, SortBy,
    Txn, TxnDone,
};
use koinon_store::{Answer, Consistency, Space, WatchMessage, WatchRequest};

use super::door::Inner;
use crate::translate::DoorError;
use crate::wire::status::{Code, Status};

/// How long a lease lives that was made because none was given.
const LEASE_TTL_S: i64 = 60;

/// Errors of a recipe have no code of their own in etcd: only their text comes through.
pub(super) fn only_text(error: impl Into<DoorError>) -> Status {
    let (_, text) = error.into().parts();
    Status::new(Code::Unknown, text)
}

/// `name/`, under which the keys of a lock or an election are.
pub(super) fn prefix(name: &Bytes) -> Bytes {
    let mut prefix = BytesMut::with_capacity(name.len() + 1);
    prefix.extend_from_slice(name);
    prefix.put_u8(b'/');
    prefix.freeze()
}

/// A lease's key under a prefix.
pub(super) fn key_of(prefix: &Bytes, lease: LeaseId) -> Bytes {
    let mut key = BytesMut::with_capacity(prefix.len() + 16);
    key.extend_from_slice(prefix);
    key.extend_from_slice(lease.to_string().as_bytes());
    key.freeze()
}

/// All keys that begin so.
pub(super) fn all_under(prefix: &Bytes) -> Keys {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            return Keys::Between(prefix.clone(), end.into());
        }
    }
    Keys::From(prefix.clone())
}

/// The key under a prefix that came to be first, or last; of those up to a revision if one is given.
pub(super) fn outermost(prefix: &Bytes, last: bool, created_max: i64) -> Range {
    Range {
        keys: all_under(prefix),
        revision: 0,
        limit: 1,
        sort: Some(Sort {
            by: SortBy::Create,
            descending: last,
            after_limit: false,
        }),
        keys_only: false,
        count_only: false,
        mod_revision: (0, 0),
        create_revision: (0, created_max),
    }
}

/// One key, now.
pub(super) fn one(key: &Bytes) -> Range {
    Range::of(Keys::One(key.clone()))
}

/// The key came to be at `revision`; 0: there is none.
pub(super) fn created_at(key: &Bytes, revision: i64) -> Compare {
    Compare {
        keys: Keys::One(key.clone()),
        ordering: Ordering::Equal,
        target: CompareTarget::Create(revision),
    }
}

/// A write under a lease.
pub(super) fn put(key: &Bytes, value: Bytes, lease: LeaseId) -> Op {
    Op::Put(Put {
        key: key.clone(),
        value: Some(value),
        lease: Some(lease),
        prev_kv: false,
    })
}

/// The first record that a range found, as a key with its value.
pub(super) fn first(ranged: &Ranged) -> Option<&koinon_core_kv::KeyValue> {
    match &**ranged.records.first()? {
        Record::Put(kv) => Some(kv),
        Record::Tombstone { .. } => None,
    }
}

impl Inner {
    /// The lease to hold a key by: the one given, or a new one.
    pub(super) async fn session(&self, lease: i64) -> Result<LeaseId, Status> {
        if lease != 0 {
            return Ok(LeaseId(lease));
        }
        self.room().map_err(only_text)?;
        match self.space.lease_grant(None, LEASE_TTL_S).await {
            Ok(granted) => Ok(granted.value.0),
            Err(error) => Err(only_text(self.refused(error).await)),
        }
    }

    /// A recipe's transaction. One that only deletes goes on where there is no room.
    pub(super) async fn recipe_txn(&self, txn: Txn) -> Result<Answer<TxnDone>, Status> {
        if txn.cost_bytes() > 0 {
            self.room().map_err(only_text)?;
        }
        match self.space.txn(txn, Consistency::Linearizable).await {
            Ok(done) => Ok(done),
            Err(error) => Err(only_text(self.refused(error).await)),
        }
    }

    /// Waits until no key under `prefix` is left that came to be at `created_max` or before.
    pub(super) async fn wait_for_earlier(&self, prefix: &Bytes, created_max: i64) -> Result<(), Status> {
        loop {
            let (revision, found) = self
                .one(&outermost(prefix, true, created_max))
                .await
                .map_err(only_text)?;
            let Some(earlier) = first(&found) else {
                return Ok(());
            };
            self.wait_for_deletion(earlier.key.clone(), revision).await?;
        }
    }

    /// Waits until the key is deleted after `revision`, or its history from there is forgotten.
    async fn wait_for_deletion(&self, key: Bytes, revision: i64) -> Result<(), Status> {
        let mut stream = self.space.watch_stream();
        let request = WatchRequest {
            id: 0,
            keys: Keys::One(key),
            start_revision: revision + 1,
            no_put: true,
            no_delete: false,
            prev_kv: false,
        };
        stream
            .watch(&request)
            .map_err(|refused| Status::new(Code::Unknown, refused.to_string()))?;
        match stream.next().await.map_err(only_text)? {
            WatchMessage::Events { .. } | WatchMessage::Compacted { .. } => Ok(()),
        }
    }
}

/// Takes a waiting key back when its client goes away before it got what it waited for.
pub(super) struct TakeBack {
    space: Space,
    key: Bytes,
    created: i64,
    armed: bool,
}

impl TakeBack {
    pub(super) fn new(space: &Space, key: Bytes, created: i64) -> Self {
        Self {
            space: space.clone(),
            key,
            created,
            armed: true,
        }
    }

    /// It got it.
    pub(super) fn keep(mut self) {
        self.armed = false;
    }
}

impl Drop for TakeBack {
    fn drop(&mut self) {
        if !self.armed {
            return;
        }
        let delete = Op::Delete(Delete {
            keys: Keys::One(self.key.clone()),
            prev_kv: false,
        });
        let txn = Txn {
            compare: vec![created_at(&self.key, self.created)],
            then: vec![delete],
            or_else: Vec::new(),
        };
        let space = self.space.clone();
        // Its lease ends it otherwise, later.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { space.txn(txn, Consistency::Linearizable).await.map(drop) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keys look as the client library's do: the lease in hexadecimal under the name.
    #[test]
    fn keys_are_those_of_the_client_library() {
        let prefix = prefix(&Bytes::from_static(b"lock"));
        assert_eq!(key_of(&prefix, LeaseId(0x694d)), "lock/694d");
        assert_eq!(all_under(&prefix), Keys::Between("lock/".into(), "lock0".into()));
        let top = Bytes::from_static(&[0xff, 0xff]);
        assert_eq!(all_under(&top), Keys::From(top.clone()));
    }
}
