//! What holds for every input whatsoever; the fuzz target looks for one for which it does not.
//!
//! 1. No bytes make the decoder panic.
//! 2. What it takes for a chunk, it would have written itself, byte by byte.
//! 3. Whatever chunks come in whatever order, the verifier hands on what they have and nothing else, and never twice.

use std::collections::BTreeSet;
use std::path::Path;

use bytes::{Bytes, BytesMut};

use crate::batch::Batch;
use crate::snapshot::{Chunk, Verifier, resealed};

/// Holds all laws against the chunks in `bytes`. Their CRCs are set right first, since no chance finds one; whether a wrong
/// one is found, the tests show.
///
/// # Panics
/// If a law is broken.
pub fn snapshot_chunks(bytes: &[u8]) {
    let whole = Bytes::copy_from_slice(bytes);
    if let Ok(chunk) = Chunk::decode(&whole) {
        assert_eq!(chunk.encode(), whole);
    }
    let mut verifier = Verifier::new(Path::new("fuzzed"));
    let mut batch = Batch::default();
    let mut rest = BytesMut::from(bytes);
    while let Some(frame) = resealed(&mut rest) {
        if let Ok(chunk) = Chunk::decode(&frame) {
            assert_eq!(chunk.encode(), frame, "{chunk:?}");
        }
        if verifier.take(&frame, &mut batch).is_err() {
            break;
        }
    }
    let keys: BTreeSet<_> = batch.put.iter().map(|(space, at, _)| (*space, *at)).collect();
    assert_eq!(keys.len(), batch.put.len(), "a record twice");
    if let Ok(summary) = verifier.finish() {
        let promised: u64 = summary.spaces.values().map(|space| space.figures.records).sum();
        assert_eq!(promised, batch.put.len() as u64);
        assert_eq!(summary.leases, batch.leases.len() as u64);
        assert_eq!(summary.meta, batch.meta.len() as u64);
    }
}
