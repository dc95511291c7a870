//! What operators ask and do.

use std::collections::HashMap;

use bytes::Bytes;
use koinon_core_kv::{Record, Revision};
use koinon_store::{Export, StoreError};
use prost::Message;

use super::door::Inner;
use super::recipe::only_text;
use crate::translate::header::VERSION;
use crate::translate::{DoorError, Refused};
use crate::wire::crc32c::Crc32c;
use crate::wire::database::{STORAGE_VERSION, key_of, value_of};
use crate::wire::etcdserverpb::{
    DefragmentResponse, DowngradeInfo, HashKvRequest, HashKvResponse, HashResponse, MoveLeaderRequest,
    MoveLeaderResponse, StatusResponse,
};
use crate::wire::status::{Code, Status};

impl Inner {
    pub(super) fn status(&self) -> StatusResponse {
        let figures = self.store.figures();
        let space = figures.spaces.iter().find(|space| space.space == self.space_id);
        let bytes = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
        StatusResponse {
            header: self.header(self.space.revision()),
            version: VERSION.to_owned(),
            db_size: bytes(figures.backend.size_bytes),
            db_size_in_use: space.map_or(0, |space| bytes(space.kv.live_bytes)),
            db_size_quota: space.map_or(0, |space| bytes(space.quota_bytes)),
            leader: self.identity.member_id,
            raft_index: self.index(),
            raft_applied_index: self.index(),
            raft_term: self.term(),
            storage_version: STORAGE_VERSION.to_owned(),
            downgrade_info: Some(DowngradeInfo::default()),
            errors: self.alarms.told(),
            ..StatusResponse::default()
        }
    }

    /// There is nothing to do: space is given back as it becomes free. etcd's answer has no header either.
    pub(super) fn defragment(&self) -> DefragmentResponse {
        DefragmentResponse::default()
    }

    /// The only member leads, and stays so.
    pub(super) fn move_leader(&self, message: &MoveLeaderRequest) -> Result<MoveLeaderResponse, Refused> {
        if message.target_id != self.identity.member_id {
            return Err(Refused::BadTransferee);
        }
        Ok(MoveLeaderResponse::default())
    }

    pub(super) async fn hash(&self) -> Result<HashResponse, Status> {
        let found = self.hash_kv(HashKvRequest { revision: 0 }).await?;
        Ok(HashResponse {
            header: found.header,
            hash: found.hash,
        })
    }

    /// The hash that etcd makes of the same records.
    pub(super) async fn hash_kv(&self, message: HashKvRequest) -> Result<HashKvResponse, Status> {
        let export = self.space.export().await.map_err(DoorError::from)?;
        let (current, compacted) = (export.revision(), export.compacted());
        let known = |text| Err(Status::new(Code::OutOfRange, text));
        let upto = match message.revision {
            0 => current,
            asked if asked < compacted => {
                return known("etcdserver: mvcc: required revision has been compacted");
            }
            asked if asked > current => {
                return known("etcdserver: mvcc: required revision is a future revision");
            }
            asked => asked,
        };
        let hashing = tokio::task::spawn_blocking(move || hash_of(&export, upto));
        let hash = hashing.await.map_err(|_| only_text(StoreError::Broken))?;
        Ok(HashKvResponse {
            header: self.header(current),
            hash: hash.map_err(DoorError::from)?,
            compact_revision: compacted,
            hash_revision: upto,
        })
    }

    /// The index of the last entry that was applied.
    pub(super) fn index(&self) -> u64 {
        let figures = self.store.figures();
        figures.backend.applied.index + figures.unflushed_entries as u64
    }
}

/// What compaction left counts only as far as a further compaction at `upto` would leave it too; all else counts.
fn hash_of(export: &Export, upto: i64) -> Result<u32, StoreError> {
    let compacted = export.compacted();
    let changed = Changed::since(export, compacted, upto)?;
    let mut sum = Crc32c::default();
    sum.add(b"key");
    walk(export, 0, upto, |at, record| {
        let left_over = at.main <= compacted;
        // Some versions of etcd keep the deletion at which was compacted, others do not; none counts it.
        let deletion = at.main == compacted && is_deletion(record);
        let replaced = left_over && changed.any_lives && changed.keys.contains_key(record.key());
        if !deletion && !replaced {
            sum.add(&key_of(at, record));
            sum.add(&value_of(record).encode_to_vec());
        }
    })?;
    Ok(sum.sum())
}

/// What happened after the compaction.
struct Changed {
    /// The keys that changed, and whether each lives.
    keys: HashMap<Bytes, bool>,
    /// Whether any key lives, changed or not. Where none does, a further compaction would leave nothing, and etcd takes
    /// that for there being none: it counts everything that it still has.
    any_lives: bool,
}

impl Changed {
    fn since(export: &Export, compacted: i64, upto: i64) -> Result<Self, StoreError> {
        let mut keys = HashMap::new();
        if compacted > 0 {
            walk(export, compacted + 1, upto, |_, record| {
                keys.insert(record.key().clone(), !is_deletion(record));
            })?;
        }
        let mut any_lives = keys.values().any(|lives| *lives);
        if !any_lives {
            walk(export, 0, compacted.min(upto), |_, record| {
                any_lives |= !is_deletion(record) && !keys.contains_key(record.key());
            })?;
        }
        Ok(Self { keys, any_lives })
    }
}

fn is_deletion(record: &Record) -> bool {
    matches!(record, Record::Tombstone { .. })
}

fn walk(
    export: &Export,
    from: i64,
    upto: i64,
    mut each: impl FnMut(Revision, &Record),
) -> Result<(), StoreError> {
    let mut from = Some(from);
    while let Some(at) = from.filter(|at| *at <= upto) {
        let piece = export.piece(at)?;
        for (at, record) in &piece.records {
            if at.main <= upto {
                each(*at, record);
            }
        }
        from = piece.next;
    }
    Ok(())
}
