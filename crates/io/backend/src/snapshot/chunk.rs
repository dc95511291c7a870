//! One chunk, as bytes and as values.
//!
//! Invariant: there is one way to write a chunk. What decodes, encodes to the same bytes; the fuzz target
//! `snapshot_chunks` looks for bytes of which this is not so.

use bytes::{BufMut, Bytes, BytesMut};
use koinon_core_kv::{LeaseId, Revision, SpaceId};

use super::cursor::Cursor;
use crate::held::{Applied, HeldSpace, SpaceFigures, SpaceMarks};

/// The longest chunk, its head included: a message that passes every transport, and memory that nobody misses.
pub const CHUNK_LEN_MAX: usize = 1 << 20;
/// The newest layout of a snapshot that this program knows.
pub(super) const VERSION: u16 = 1;
/// What every chunk begins with; so a snapshot does, too.
pub(super) const MAGIC: &[u8; 3] = b"KSN";
/// Magic, kind, length and CRC.
pub(super) const HEAD_LEN: usize = 12;
/// Where in the head the CRC is.
const CRC_AT: usize = 8;
/// A record's revision and length before its bytes.
pub(super) const RECORD_HEAD_LEN: usize = 8 + 4 + 4;
/// The most of a record that one part carries.
pub(super) const PART_LEN_MAX: usize = CHUNK_LEN_MAX - HEAD_LEN - (1 + 8 + 4 + 4 + 4);

const HEADER: u8 = 1;
const RECORDS: u8 = 2;
const PART: u8 = 3;
const LEASES: u8 = 4;
const META: u8 = 5;
const TRAILER: u8 = 6;

/// Why bytes are not a chunk.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChunkError {
    /// They do not begin as one.
    #[error("it does not begin as a chunk of a snapshot")]
    NoChunk,
    /// It says another length than it has, or one out of bounds.
    #[error("its length is {0}, which cannot be")]
    Len(usize),
    /// It was changed since it was written.
    #[error("its checksum is wrong")]
    Checksum,
    /// A kind that is not known.
    #[error("its kind {0} is not known")]
    Kind(u8),
    /// A newer layout.
    #[error("its layout {0} is newer than this program")]
    Newer(u16),
    /// It is whole, but makes no sense.
    #[error("it makes no sense: {0}")]
    Malformed(&'static str),
}

/// What a snapshot is of.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Header {
    /// The last log entry in it.
    pub applied: Applied,
    /// Its keyspaces, ascending, each with the figures of all its records.
    pub spaces: Vec<(SpaceId, HeldSpace)>,
}

/// How a snapshot ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trailer {
    /// How many chunks came before.
    pub chunks: u64,
    /// The SHA-256 of all their bytes.
    pub hash: [u8; 32],
}

/// A chunk's content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chunk {
    /// The first.
    Header(Header),
    /// Records of a keyspace, ascending; one at least.
    Records(SpaceId, Vec<(Revision, Bytes)>),
    /// A part of a record too long for one chunk.
    Part {
        /// Its keyspace.
        space: SpaceId,
        /// Its revision.
        at: Revision,
        /// The record's length.
        total: u32,
        /// Where in it this part belongs.
        offset: u32,
        /// The part; not empty, and within the record.
        bytes: Bytes,
    },
    /// Leases with their seconds to live, ascending; one at least.
    Leases(Vec<(SpaceId, LeaseId, i64)>),
    /// Notes by name, ascending; one at least.
    Meta(Vec<(String, Bytes)>),
    /// The last.
    Trailer(Trailer),
}

impl Chunk {
    /// The chunk as bytes. Its content must fit into [`CHUNK_LEN_MAX`]: what does not, no reader takes.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let mut frame = Frame::new(self.kind());
        match self {
            Self::Header(header) => put_header(&mut frame.bytes, header),
            Self::Records(space, records) => {
                frame.bytes.put_u8(space.0);
                for (at, bytes) in records {
                    put_record(&mut frame.bytes, *at, bytes);
                }
            }
            Self::Part {
                space,
                at,
                total,
                offset,
                bytes,
            } => {
                frame.bytes.put_u8(space.0);
                put_revision(&mut frame.bytes, *at);
                frame.bytes.put_u32(*total);
                frame.bytes.put_u32(*offset);
                frame.bytes.put_slice(bytes);
            }
            Self::Leases(leases) => {
                for (space, id, ttl_s) in leases {
                    frame.bytes.put_u8(space.0);
                    frame.bytes.put_i64(id.0);
                    frame.bytes.put_i64(*ttl_s);
                }
            }
            Self::Meta(notes) => {
                for (name, value) in notes {
                    frame.bytes.put_u16(u16::try_from(name.len()).unwrap_or(u16::MAX));
                    frame.bytes.put_slice(name.as_bytes());
                    put_len(&mut frame.bytes, value.len());
                    frame.bytes.put_slice(value);
                }
            }
            Self::Trailer(trailer) => {
                frame.bytes.put_u64(trailer.chunks);
                frame.bytes.put_slice(&trailer.hash);
            }
        }
        frame.finish()
    }

    /// The content of a chunk's bytes, from head to end.
    ///
    /// # Errors
    /// They are not a chunk, or were changed.
    pub fn decode(frame: &Bytes) -> Result<Self, ChunkError> {
        let head = frame.first_chunk::<HEAD_LEN>().ok_or(ChunkError::NoChunk)?;
        let len = frame_len(head)?;
        if frame.len() != len {
            return Err(ChunkError::Len(frame.len()));
        }
        if head[CRC_AT..] != crc(frame).to_be_bytes() {
            return Err(ChunkError::Checksum);
        }
        let mut cursor = Cursor::new(frame, HEAD_LEN);
        let chunk = match head[MAGIC.len()] {
            HEADER => Self::Header(take_header(&mut cursor)?),
            RECORDS => take_records(&mut cursor)?,
            PART => take_part(&mut cursor)?,
            LEASES => take_leases(&mut cursor)?,
            META => take_meta(&mut cursor)?,
            TRAILER => Self::Trailer(Trailer {
                chunks: cursor.u64()?,
                hash: cursor.array()?,
            }),
            kind => return Err(ChunkError::Kind(kind)),
        };
        if !cursor.is_done() {
            return Err(ChunkError::Malformed("something follows its content"));
        }
        Ok(chunk)
    }

    fn kind(&self) -> u8 {
        match self {
            Self::Header(_) => HEADER,
            Self::Records(..) => RECORDS,
            Self::Part { .. } => PART,
            Self::Leases(_) => LEASES,
            Self::Meta(_) => META,
            Self::Trailer(_) => TRAILER,
        }
    }
}

/// The length of the chunk that begins with `head`, head included.
pub(super) fn frame_len(head: &[u8; HEAD_LEN]) -> Result<usize, ChunkError> {
    let [m0, m1, m2, _, l0, l1, l2, l3, ..] = *head;
    if [m0, m1, m2] != *MAGIC {
        return Err(ChunkError::NoChunk);
    }
    let len = u32::from_be_bytes([l0, l1, l2, l3]) as usize;
    let len = len.saturating_add(HEAD_LEN);
    if len > CHUNK_LEN_MAX {
        return Err(ChunkError::Len(len));
    }
    Ok(len)
}

/// Takes the first chunk off `bytes` and sets its CRC right; none when they do not begin with one.
#[cfg(any(test, feature = "laws"))]
pub(crate) fn resealed(bytes: &mut BytesMut) -> Option<Bytes> {
    let len = frame_len(bytes.first_chunk()?)
        .ok()
        .filter(|len| *len <= bytes.len())?;
    let mut frame = bytes.split_to(len);
    let crc = crc(&frame);
    frame[CRC_AT..HEAD_LEN].copy_from_slice(&crc.to_be_bytes());
    Some(frame.freeze())
}

/// Of all but itself.
fn crc(frame: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&frame[..CRC_AT]);
    hasher.update(&frame[HEAD_LEN..]);
    hasher.finalize()
}

/// A chunk being written.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) bytes: BytesMut,
}

impl Frame {
    fn new(kind: u8) -> Self {
        let mut bytes = BytesMut::new();
        bytes.put_slice(MAGIC);
        bytes.put_u8(kind);
        bytes.put_bytes(0, HEAD_LEN - MAGIC.len() - 1);
        Self { bytes }
    }

    /// A chunk for records of `space`, without any yet.
    pub(super) fn records(space: SpaceId) -> Self {
        let mut frame = Self::new(RECORDS);
        frame.bytes.reserve(CHUNK_LEN_MAX);
        frame.bytes.put_u8(space.0);
        frame
    }

    /// Adds a record if it fits.
    pub(super) fn add_record(&mut self, at: Revision, bytes: &[u8]) -> bool {
        let fits = self.bytes.len() + RECORD_HEAD_LEN + bytes.len() <= CHUNK_LEN_MAX;
        if fits {
            put_record(&mut self.bytes, at, bytes);
        }
        fits
    }

    /// Whether it has content at all.
    pub(super) fn has_records(&self) -> bool {
        self.bytes.len() > HEAD_LEN + 1
    }

    pub(super) fn finish(mut self) -> Bytes {
        let len = self.bytes.len() - HEAD_LEN;
        self.bytes[CRC_AT - 4..CRC_AT].copy_from_slice(&u32::try_from(len).unwrap_or(u32::MAX).to_be_bytes());
        let crc = crc(&self.bytes);
        self.bytes[CRC_AT..HEAD_LEN].copy_from_slice(&crc.to_be_bytes());
        self.bytes.freeze()
    }
}

fn put_header(bytes: &mut BytesMut, header: &Header) {
    bytes.put_u16(VERSION);
    bytes.put_u64(header.applied.index);
    bytes.put_u64(header.applied.term);
    for (space, held) in &header.spaces {
        bytes.put_u8(space.0);
        bytes.put_u8(u8::from(held.marks.is_some()));
        if let Some(marks) = held.marks {
            bytes.put_i64(marks.revision);
            bytes.put_i64(marks.compacted);
        }
        bytes.put_u64(held.figures.records);
        bytes.put_u64(held.figures.bytes);
    }
}

fn take_header(cursor: &mut Cursor<'_>) -> Result<Header, ChunkError> {
    let version = cursor.u16()?;
    if version > VERSION {
        return Err(ChunkError::Newer(version));
    }
    if version != VERSION {
        return Err(ChunkError::Malformed("its layout is not known"));
    }
    let mut header = Header {
        applied: Applied {
            index: cursor.u64()?,
            term: cursor.u64()?,
        },
        spaces: Vec::new(),
    };
    while !cursor.is_done() {
        let space = SpaceId(cursor.u8()?);
        let marks = match cursor.u8()? {
            0 => None,
            1 => Some(SpaceMarks {
                revision: cursor.i64()?,
                compacted: cursor.i64()?,
            }),
            _ => {
                return Err(ChunkError::Malformed(
                    "a keyspace's marks are neither there nor not",
                ));
            }
        };
        let figures = SpaceFigures {
            records: cursor.u64()?,
            bytes: cursor.u64()?,
        };
        ascending(header.spaces.last().map(|(space, _)| space), &space)?;
        header.spaces.push((space, HeldSpace { marks, figures }));
    }
    Ok(header)
}

fn put_revision(bytes: &mut BytesMut, at: Revision) {
    bytes.put_i64(at.main);
    bytes.put_u32(at.sub);
}

fn take_revision(cursor: &mut Cursor<'_>) -> Result<Revision, ChunkError> {
    Ok(Revision::new(cursor.i64()?, cursor.u32()?))
}

fn put_len(bytes: &mut BytesMut, len: usize) {
    bytes.put_u32(u32::try_from(len).unwrap_or(u32::MAX));
}

fn put_record(bytes: &mut BytesMut, at: Revision, record: &[u8]) {
    put_revision(bytes, at);
    put_len(bytes, record.len());
    bytes.put_slice(record);
}

fn take_records(cursor: &mut Cursor<'_>) -> Result<Chunk, ChunkError> {
    let space = SpaceId(cursor.u8()?);
    let mut records: Vec<(Revision, Bytes)> = Vec::new();
    while !cursor.is_done() || records.is_empty() {
        let at = take_revision(cursor)?;
        ascending(records.last().map(|(at, _)| at), &at)?;
        let len = cursor.u32()? as usize;
        records.push((at, cursor.bytes(len)?));
    }
    Ok(Chunk::Records(space, records))
}

fn take_part(cursor: &mut Cursor<'_>) -> Result<Chunk, ChunkError> {
    let space = SpaceId(cursor.u8()?);
    let at = take_revision(cursor)?;
    let (total, offset) = (cursor.u32()?, cursor.u32()?);
    let bytes = cursor.rest();
    let end = offset as usize + bytes.len();
    if bytes.is_empty() || end > total as usize {
        return Err(ChunkError::Malformed("a part is empty or outside its record"));
    }
    Ok(Chunk::Part {
        space,
        at,
        total,
        offset,
        bytes,
    })
}

fn take_leases(cursor: &mut Cursor<'_>) -> Result<Chunk, ChunkError> {
    let mut leases: Vec<(SpaceId, LeaseId, i64)> = Vec::new();
    while !cursor.is_done() || leases.is_empty() {
        let (space, id) = (SpaceId(cursor.u8()?), LeaseId(cursor.i64()?));
        ascending(
            leases.last().map(|(space, id, _)| (*space, *id)).as_ref(),
            &(space, id),
        )?;
        leases.push((space, id, cursor.i64()?));
    }
    Ok(Chunk::Leases(leases))
}

fn take_meta(cursor: &mut Cursor<'_>) -> Result<Chunk, ChunkError> {
    let mut notes: Vec<(String, Bytes)> = Vec::new();
    while !cursor.is_done() || notes.is_empty() {
        let name_len = usize::from(cursor.u16()?);
        let name = String::from_utf8(cursor.bytes(name_len)?.to_vec())
            .map_err(|_| ChunkError::Malformed("a note's name is not UTF-8"))?;
        ascending(notes.last().map(|(name, _)| name), &name)?;
        let len = cursor.u32()? as usize;
        notes.push((name, cursor.bytes(len)?));
    }
    Ok(Chunk::Meta(notes))
}

fn ascending<T: Ord>(before: Option<&T>, now: &T) -> Result<(), ChunkError> {
    if before.is_some_and(|before| before >= now) {
        return Err(ChunkError::Malformed("it is not in order"));
    }
    Ok(())
}
