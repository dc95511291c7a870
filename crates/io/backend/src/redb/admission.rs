//! How much space a batch may take, so that a full disk is met before the database is touched, not in it.
//!
//! The database writes every page that a batch changes to a new place, and gives the old ones free only after. A place that
//! was never written is a hole in the file and takes space; how many of the places are holes only the file system knows, so
//! the bound takes all for holes:
//!
//! - New records fill new leaves, packed as they come. A record longer than a page gets a leaf whose size is a power of
//!   two, so up to twice its own.
//! - A removed or overwritten record may have a leaf to itself, which is written anew without it, and a branch above.
//! - With each commit goes the map of free pages, some bits for each page of the file.
//!
//! `tests/admission.rs` holds real batches against it.

use crate::batch::Batch;
use crate::key::{KEY_LEN, SEAL_LEN};

const PAGE_LEN: u64 = 4_096;
/// What a record takes in its leaf besides its bytes: key, seal, and where it ends.
const RECORD_OVERHEAD: u64 = (KEY_LEN + SEAL_LEN) as u64 + 8;
/// Pages that a change in the middle of the tables writes: its leaf, and the part of a branch that falls to it.
const TOUCHED_LEN: u64 = 2 * PAGE_LEN;
/// The roots and paths of all tables, the lists of freed pages, the header.
const FIXED_LEN: u64 = 512 * 1_024;
/// The file's bytes for one byte of the map of free pages: 4 bits a page in all its levels, stored twice while it changes.
const BYTES_PER_MAP_BYTE: u64 = PAGE_LEN;

/// The most that writing `batch` may take on the disk of a file of `file_len` bytes.
pub(super) fn need(batch: &Batch, file_len: u64) -> u64 {
    let records: u64 = batch
        .put
        .iter()
        .map(|(_, _, bytes)| record_need(bytes.len() as u64))
        .sum();
    let notes: u64 = batch
        .meta
        .iter()
        .map(|(name, value)| {
            let len = name.len() + value.as_ref().map_or(0, bytes::Bytes::len);
            TOUCHED_LEN + record_need(len as u64)
        })
        .sum();
    let touched = (batch.remove.len() + batch.leases.len()) as u64 * TOUCHED_LEN;
    FIXED_LEN + records + notes + touched + file_len / BYTES_PER_MAP_BYTE
}

/// A record's part of its leaf, at worst.
fn record_need(len: u64) -> u64 {
    2 * (len + RECORD_OVERHEAD)
}
