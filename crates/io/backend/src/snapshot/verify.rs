//! Chunks as what to write, checked: each by itself, their order, and at the end that they are all.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use koinon_core_kv::{LeaseId, Revision, SpaceId};
use sha2::{Digest, Sha256};

use super::chunk::{Chunk, ChunkError, Header, Trailer, VERSION};
use crate::batch::{Batch, META_KEY_LEN_MAX, META_VALUE_LEN_MAX, RECORD_LEN_MAX};
use crate::error::BackendError;
use crate::held::{Applied, HeldSpace, SpaceFigures};

/// What a whole snapshot is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// The last log entry in it.
    pub applied: Applied,
    /// Its keyspaces with their marks and figures.
    pub spaces: BTreeMap<SpaceId, HeldSpace>,
    /// How many leases it has.
    pub leases: u64,
    /// How many notes.
    pub meta: u64,
    /// Its length in bytes.
    pub len: u64,
    /// The SHA-256 of everything before the trailer.
    pub hash: [u8; 32],
}

/// Takes chunks in their order.
#[derive(Debug)]
pub struct Verifier {
    /// What messages call the snapshot.
    name: PathBuf,
    hash: Sha256,
    chunks: u64,
    len: u64,
    header: Option<Header>,
    counted: BTreeMap<SpaceId, SpaceFigures>,
    /// The youngest of each kind, which the next must follow.
    last_record: Option<(SpaceId, Revision)>,
    last_lease: Option<(SpaceId, LeaseId)>,
    last_note: Option<String>,
    leases: u64,
    meta: u64,
    /// The record that parts are put together to.
    partial: Option<Partial>,
    trailer: Option<Trailer>,
}

#[derive(Debug)]
struct Partial {
    space: SpaceId,
    at: Revision,
    total: usize,
    bytes: Vec<u8>,
}

impl Verifier {
    /// Before the first chunk of the snapshot that messages call `name`.
    #[must_use]
    pub fn new(name: &Path) -> Self {
        Self {
            name: name.to_path_buf(),
            hash: Sha256::new(),
            chunks: 0,
            len: 0,
            header: None,
            counted: BTreeMap::new(),
            last_record: None,
            last_lease: None,
            last_note: None,
            leases: 0,
            meta: 0,
            partial: None,
            trailer: None,
        }
    }

    /// Checks the next chunk and adds what it has to `batch`.
    ///
    /// # Errors
    /// `Corrupt` when it is not the chunk that was written, or not the next; `Invalid` when a newer program wrote it.
    pub fn take(&mut self, frame: &Bytes, batch: &mut Batch) -> Result<(), BackendError> {
        let checked = Chunk::decode(frame).and_then(|chunk| self.check(chunk, batch));
        checked.map_err(|error| self.refuse(error))?;
        if self.trailer.is_none() {
            self.hash.update(frame);
            self.chunks += 1;
        }
        self.len += frame.len() as u64;
        Ok(())
    }

    /// After the last chunk.
    ///
    /// # Errors
    /// `Corrupt` when something is missing.
    pub fn finish(self) -> Result<Summary, BackendError> {
        let (Some(header), Some(trailer)) = (self.header.as_ref(), self.trailer) else {
            return Err(self.damaged("it has no end: something is missing".to_owned()));
        };
        Ok(Summary {
            applied: header.applied,
            spaces: header.spaces.iter().copied().collect(),
            leases: self.leases,
            meta: self.meta,
            len: self.len,
            hash: trailer.hash,
        })
    }

    fn refuse(&self, error: ChunkError) -> BackendError {
        if let ChunkError::Newer(version) = error {
            return BackendError::Newer {
                path: self.name.clone(),
                version: u32::from(version),
                known: u32::from(VERSION),
            };
        }
        self.damaged(format!("chunk {} at byte {}: {error}", self.chunks, self.len))
    }

    fn damaged(&self, what: String) -> BackendError {
        BackendError::Damaged {
            path: self.name.clone(),
            what,
        }
    }

    fn check(&mut self, chunk: Chunk, batch: &mut Batch) -> Result<(), ChunkError> {
        if self.trailer.is_some() {
            return Err(ChunkError::Malformed("it follows the trailer"));
        }
        if self.header.is_none() != matches!(chunk, Chunk::Header(_)) {
            return Err(ChunkError::Malformed("a header is missing or one too many"));
        }
        if self.partial.is_some() && !matches!(chunk, Chunk::Part { .. }) {
            return Err(ChunkError::Malformed("a part of a record is missing"));
        }
        match chunk {
            Chunk::Header(header) => {
                batch.applied = header.applied;
                let marked = header
                    .spaces
                    .iter()
                    .filter_map(|(space, held)| Some((*space, held.marks?)));
                batch.spaces.extend(marked);
                self.header = Some(header);
                Ok(())
            }
            Chunk::Records(space, records) => records
                .into_iter()
                .try_for_each(|(at, bytes)| self.record(space, at, bytes, batch)),
            Chunk::Part {
                space,
                at,
                total,
                offset,
                bytes,
            } => self.part(space, at, (total as usize, offset as usize), &bytes, batch),
            Chunk::Leases(leases) => leases.into_iter().try_for_each(|lease| self.lease(lease, batch)),
            Chunk::Meta(notes) => notes
                .into_iter()
                .try_for_each(|(name, value)| self.note(name, value, batch)),
            Chunk::Trailer(trailer) => self.end(trailer),
        }
    }

    fn record(
        &mut self,
        space: SpaceId,
        at: Revision,
        bytes: Bytes,
        batch: &mut Batch,
    ) -> Result<(), ChunkError> {
        if self.last_lease.is_some() || self.last_note.is_some() {
            return Err(ChunkError::Malformed("records follow leases or notes"));
        }
        follow(&mut self.last_record, (space, at))?;
        let figures = self.counted.entry(space).or_default();
        figures.records += 1;
        figures.bytes += bytes.len() as u64;
        batch.put.push((space, at, bytes));
        Ok(())
    }

    fn part(
        &mut self,
        space: SpaceId,
        at: Revision,
        (total, offset): (usize, usize),
        bytes: &[u8],
        batch: &mut Batch,
    ) -> Result<(), ChunkError> {
        if total > RECORD_LEN_MAX {
            return Err(ChunkError::Len(total));
        }
        let partial = self.partial.get_or_insert_with(|| Partial {
            space,
            at,
            total,
            bytes: Vec::new(),
        });
        if (partial.space, partial.at, partial.total, partial.bytes.len()) != (space, at, total, offset) {
            return Err(ChunkError::Malformed("a part does not follow the one before"));
        }
        partial.bytes.extend_from_slice(bytes);
        if partial.bytes.len() < total {
            return Ok(());
        }
        let record = std::mem::take(&mut partial.bytes);
        self.partial = None;
        self.record(space, at, Bytes::from(record), batch)
    }

    fn lease(
        &mut self,
        (space, id, ttl_s): (SpaceId, LeaseId, i64),
        batch: &mut Batch,
    ) -> Result<(), ChunkError> {
        if self.last_note.is_some() {
            return Err(ChunkError::Malformed("leases follow notes"));
        }
        follow(&mut self.last_lease, (space, id))?;
        self.leases += 1;
        batch.leases.push((space, id, Some(ttl_s)));
        Ok(())
    }

    fn note(&mut self, name: String, value: Bytes, batch: &mut Batch) -> Result<(), ChunkError> {
        if name.len() > META_KEY_LEN_MAX || value.len() > META_VALUE_LEN_MAX {
            return Err(ChunkError::Malformed("a note is too long"));
        }
        follow(&mut self.last_note, name.clone())?;
        self.meta += 1;
        batch.meta.push((name, Some(value)));
        Ok(())
    }

    fn end(&mut self, trailer: Trailer) -> Result<(), ChunkError> {
        let hash: [u8; 32] = self.hash.clone().finalize().into();
        if trailer.hash != hash || trailer.chunks != self.chunks {
            return Err(ChunkError::Malformed(
                "what came before it is not what was written",
            ));
        }
        let promised = self.header.iter().flat_map(|header| &header.spaces);
        let promised = promised.filter(|(_, held)| held.figures != SpaceFigures::default());
        if !promised
            .map(|(space, held)| (space, &held.figures))
            .eq(&self.counted)
        {
            return Err(ChunkError::Malformed(
                "its records are not as many as its header says",
            ));
        }
        self.trailer = Some(trailer);
        Ok(())
    }
}

fn follow<T: Ord>(last: &mut Option<T>, now: T) -> Result<(), ChunkError> {
    if last.as_ref().is_some_and(|last| *last >= now) {
        return Err(ChunkError::Malformed("it is not in order"));
    }
    *last = Some(now);
    Ok(())
}

/// What the snapshot that `frames` are the chunks of is of; all of it is read and checked.
///
/// # Errors
/// `Corrupt` when it is not whole, and whatever reading it fails with.
pub fn status(
    name: &Path,
    frames: impl IntoIterator<Item = Result<Bytes, BackendError>>,
) -> Result<Summary, BackendError> {
    let mut verifier = Verifier::new(name);
    for frame in frames {
        verifier.take(&frame?, &mut Batch::default())?;
    }
    verifier.finish()
}
