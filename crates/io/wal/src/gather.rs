//! Puts frames together in memory until they are written: the part of the log that never touches a disk.
//!
//! What is gathered is a list of writes, each to one place of one segment, in order; there is more than one only when
//! the log moved on to the next segment in between.

use std::sync::Arc;

use koinon_io_disk::DiskFile;

use crate::frame::{self, Place};
use crate::log::Position;
use crate::record::{BATCH, BATCH_LEN, Batch, HEAD, HardState, Record};
use crate::segment::{HEAD_LEN, Head, Segment};
use crate::settings::Identity;

/// A buffer that grew beyond this for a large batch is given back.
const BUFFER_KEPT_BYTES: usize = 4 * 1_024 * 1_024;

/// One write: frames that belong together at one place of one segment.
#[derive(Debug)]
pub(crate) struct Write {
    pub(crate) file: Arc<dyn DiskFile>,
    pub(crate) at: Position,
    pub(crate) bytes: Vec<u8>,
}

impl Write {
    /// Where what follows it goes.
    pub(crate) fn end(&self) -> Position {
        Position {
            offset: self.at.offset + self.bytes.len() as u64,
            ..self.at
        }
    }
}

/// What waits to be written, and where the next frame goes.
#[derive(Debug)]
pub(crate) struct Gather {
    identity: Identity,
    /// Where the next frame goes, and the checksum of the one before.
    pub(crate) at: Position,
    pub(crate) chain: u32,
    mark: u32,
    writes: Vec<Write>,
    records: u64,
    buffer: Vec<u8>,
}

impl Gather {
    pub(crate) fn new(identity: Identity, at: Position, chain: u32) -> Self {
        Self {
            identity,
            at,
            chain,
            mark: 0,
            writes: Vec::new(),
            records: 0,
            buffer: Vec::new(),
        }
    }

    /// How much room records of so many bytes take at most, with what goes before them.
    pub(crate) fn room(bytes: u64) -> u64 {
        bytes + frame::frame_len(HEAD_LEN.max(BATCH_LEN)) as u64
    }

    pub(crate) fn waiting_bytes(&self) -> usize {
        self.writes.iter().map(|write| write.bytes.len()).sum()
    }

    /// Goes on at the beginning of the next segment.
    pub(crate) fn move_on(&mut self, sequence: u64) {
        self.at = Position { sequence, offset: 0 };
    }

    /// Begins a write to `segment`, unless one is waiting: with the segment's head, or a batch's beginning.
    pub(crate) fn begin(&mut self, segment: &Segment, hard_state: HardState) {
        if self
            .writes
            .last()
            .is_some_and(|write| write.at.sequence == segment.sequence)
        {
            return;
        }
        let head = Head {
            identity: self.identity,
            sequence: segment.sequence,
            next_index: segment.next_index,
            hard_state,
            chain: segment.chain,
        };
        self.mark = head.mark();
        let bytes = std::mem::take(&mut self.buffer);
        self.writes.push(Write {
            file: segment.file.clone(),
            at: self.at,
            bytes,
        });
        if self.at.offset == 0 {
            self.frame(HEAD, &[&head.bytes()]);
        } else {
            let batch = Batch {
                durable: self.at.offset,
                chain: self.chain,
            };
            self.frame(BATCH, &[&batch.bytes()]);
        }
    }

    /// Adds a record to the write that was begun.
    pub(crate) fn record(&mut self, record: &Record<'_>) {
        record.with_parts(|kind, parts| self.frame(kind, parts));
        self.records += 1;
    }

    fn frame(&mut self, kind: u8, parts: &[&[u8]]) {
        let Some(write) = self.writes.last_mut() else {
            return;
        };
        let place = Place {
            mark: self.mark,
            offset: self.at.offset,
            chain: self.chain,
        };
        let begin = write.bytes.len();
        self.chain = frame::encode(&mut write.bytes, place, kind, parts);
        self.at.offset += (write.bytes.len() - begin) as u64;
    }

    /// Hands over what waits, in order, and how many records it holds.
    pub(crate) fn take(&mut self) -> (Vec<Write>, u64) {
        (
            std::mem::take(&mut self.writes),
            std::mem::take(&mut self.records),
        )
    }

    /// Takes a buffer back whose bytes are written.
    pub(crate) fn reuse(&mut self, mut buffer: Vec<u8>) {
        if buffer.capacity() <= BUFFER_KEPT_BYTES {
            buffer.clear();
            self.buffer = buffer;
        }
    }
}
