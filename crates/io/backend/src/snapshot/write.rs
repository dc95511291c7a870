//! A view as a snapshot's chunks, one at a time: memory for one chunk (and one record, if that is longer), whatever the
//! store's size, while batches are committed meanwhile.

use std::ops::ControlFlow;
use std::sync::Arc;

use bytes::Bytes;
use koinon_core_kv::{LeaseId, Revision, SpaceId};
use sha2::{Digest, Sha256};

use super::chunk::{CHUNK_LEN_MAX, Chunk, Frame, HEAD_LEN, Header, PART_LEN_MAX, Trailer};
use crate::contract::View;
use crate::error::BackendError;
use crate::held::Held;

/// Leases in one chunk: a keyspace, a number and a time each.
const LEASES_MAX: usize = (CHUNK_LEN_MAX - HEAD_LEN) / 17;
/// Before every record.
const START: Revision = Revision {
    main: i64::MIN,
    sub: 0,
};

/// The chunks of a snapshot, in order. After an error there are none.
#[derive(Debug)]
pub struct SnapshotChunks {
    view: Arc<dyn View>,
    held: Held,
    next: Next,
    chunks: u64,
    hash: Sha256,
}

/// What the next chunk has.
#[derive(Debug)]
enum Next {
    Header,
    /// Records of this keyspace from this revision on.
    Records(SpaceId, Revision),
    /// What is left of a record that is longer than a chunk.
    Part {
        space: SpaceId,
        at: Revision,
        record: Bytes,
        offset: usize,
    },
    /// Leases after this one.
    Leases(Option<(SpaceId, LeaseId)>),
    /// Notes after this one.
    Meta(Option<String>),
    Trailer,
    Done,
}

impl SnapshotChunks {
    /// The snapshot of what `view` shows.
    ///
    /// # Errors
    /// The view cannot be read.
    pub fn new(view: Arc<dyn View>) -> Result<Self, BackendError> {
        Ok(Self {
            held: view.load()?,
            view,
            next: Next::Header,
            chunks: 0,
            hash: Sha256::new(),
        })
    }

    /// The next chunk, or none of this kind: then `next` has moved on.
    fn step(&mut self) -> Result<Option<Bytes>, BackendError> {
        match std::mem::replace(&mut self.next, Next::Done) {
            Next::Header => Ok(Some(self.header())),
            Next::Records(space, from) => self.records(space, from),
            Next::Part {
                space,
                at,
                record,
                offset,
            } => Ok(Some(self.part(space, at, record, offset))),
            Next::Leases(after) => Ok(self.leases(after)),
            Next::Meta(after) => Ok(self.meta(after)),
            Next::Trailer => Ok(Some(self.trailer())),
            Next::Done => Ok(None),
        }
    }

    fn header(&mut self) -> Bytes {
        self.next = self.space_after(None);
        let header = Header {
            applied: self.held.applied,
            spaces: self
                .held
                .spaces
                .iter()
                .map(|(space, held)| (*space, *held))
                .collect(),
        };
        Chunk::Header(header).encode()
    }

    fn space_after(&self, space: Option<SpaceId>) -> Next {
        let mut spaces = self.held.spaces.keys();
        match spaces.find(|next| space.is_none_or(|space| **next > space)) {
            Some(space) => Next::Records(*space, START),
            None => Next::Leases(None),
        }
    }

    fn records(&mut self, space: SpaceId, from: Revision) -> Result<Option<Bytes>, BackendError> {
        let mut frame = Frame::records(space);
        let mut long = None;
        let cut = self.view.visit(space, from, None, &mut |at, bytes| {
            if frame.add_record(at, bytes) {
                return ControlFlow::Continue(());
            }
            if !frame.has_records() {
                long = Some(Bytes::copy_from_slice(bytes));
            }
            ControlFlow::Break(())
        })?;
        self.next = match (cut, long) {
            (None, _) => self.space_after(Some(space)),
            (Some(at), None) => Next::Records(space, at),
            (Some(at), Some(record)) => Next::Part {
                space,
                at,
                record,
                offset: 0,
            },
        };
        Ok(frame.has_records().then(|| frame.finish()))
    }

    fn part(&mut self, space: SpaceId, at: Revision, record: Bytes, offset: usize) -> Bytes {
        let end = (offset + PART_LEN_MAX).min(record.len());
        let chunk = Chunk::Part {
            space,
            at,
            // Both are within RECORD_LEN_MAX.
            total: u32::try_from(record.len()).unwrap_or(u32::MAX),
            offset: u32::try_from(offset).unwrap_or(u32::MAX),
            bytes: record.slice(offset..end),
        };
        self.next = if end < record.len() {
            Next::Part {
                space,
                at,
                record,
                offset: end,
            }
        } else {
            match at.sub.checked_add(1) {
                Some(sub) => Next::Records(space, Revision::new(at.main, sub)),
                None => Next::Records(space, Revision::new(at.main.saturating_add(1), 0)),
            }
        };
        chunk.encode()
    }

    fn leases(&mut self, after: Option<(SpaceId, LeaseId)>) -> Option<Bytes> {
        let leases: Vec<_> = self
            .held
            .leases
            .range((
                after.map_or(std::ops::Bound::Unbounded, std::ops::Bound::Excluded),
                std::ops::Bound::Unbounded,
            ))
            .take(LEASES_MAX)
            .map(|((space, id), ttl_s)| (*space, *id, *ttl_s))
            .collect();
        let Some((space, id, _)) = leases.last() else {
            self.next = Next::Meta(None);
            return None;
        };
        self.next = Next::Leases(Some((*space, *id)));
        Some(Chunk::Leases(leases).encode())
    }

    fn meta(&mut self, after: Option<String>) -> Option<Bytes> {
        let after = after.map_or(std::ops::Bound::Unbounded, std::ops::Bound::Excluded);
        let mut len = HEAD_LEN;
        let mut notes = Vec::new();
        for (name, value) in self.held.meta.range((after, std::ops::Bound::Unbounded)) {
            len += 2 + name.len() + 4 + value.len();
            if len > CHUNK_LEN_MAX {
                break;
            }
            notes.push((name.clone(), value.clone()));
        }
        let Some((name, _)) = notes.last() else {
            self.next = Next::Trailer;
            return None;
        };
        self.next = Next::Meta(Some(name.clone()));
        Some(Chunk::Meta(notes).encode())
    }

    fn trailer(&mut self) -> Bytes {
        let trailer = Trailer {
            chunks: self.chunks,
            hash: self.hash.clone().finalize().into(),
        };
        Chunk::Trailer(trailer).encode()
    }
}

impl Iterator for SnapshotChunks {
    type Item = Result<Bytes, BackendError>;

    fn next(&mut self) -> Option<Self::Item> {
        // Bounded: an empty step moves on to the next keyspace or kind.
        while !matches!(self.next, Next::Done) {
            match self.step() {
                Ok(None) => {}
                Ok(Some(frame)) => {
                    self.chunks += 1;
                    self.hash.update(&frame);
                    return Some(Ok(frame));
                }
                Err(error) => return Some(Err(error)),
            }
        }
        None
    }
}
