//! The whole store in one stream of bytes: for a file that is kept, and for a member that is too far behind for the log.
//!
//! ```text
//! snapshot := header chunk, records chunks, leases chunks, notes chunks, trailer chunk
//! chunk    := "KSN", kind (1 byte), payload length (4), CRC-32 of all the rest (4), payload        at most 1 MiB in all
//! ```
//!
//! Each chunk stands by itself: it can be sent alone and is checked when it arrives. What only the whole can show, that
//! none is missing, none came twice and nothing was added, the trailer shows: it has the number of chunks and the SHA-256 of
//! all before it. Numbers are big-endian. Records come by keyspace and revision, a record too long for a chunk in parts.
//!
//! | file | idea |
//! |---|---|
//! | `chunk` | one chunk as bytes and as values |
//! | `cursor` | reading values off bytes that may be anything |
//! | `write` | a view as chunks, one at a time |
//! | `verify` | chunks as what to write, checked |
//! | `save`, `file` | a snapshot into a file, and out of one |
//! | `restore` | a snapshot as a backend |

mod chunk;
mod cursor;
mod file;
mod restore;
mod save;
mod verify;
mod write;

#[cfg(any(test, feature = "laws"))]
pub(crate) use chunk::resealed;
pub use chunk::{CHUNK_LEN_MAX, Chunk, ChunkError, Header, Trailer};
pub use file::SnapshotFrames;
pub use restore::{Restore, restore};
pub use save::{Save, save};
pub use verify::{Summary, Verifier, status};
pub use write::SnapshotChunks;
