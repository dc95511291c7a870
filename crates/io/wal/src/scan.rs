//! One segment's frames, in order, each verified against the one before.

use std::io;
use std::sync::Arc;

use koinon_io_disk::DiskFile;

use crate::frame::{self, HEADER_LEN, Place, Word};
use crate::record::{BATCH, Batch, HEAD};
use crate::segment::{Head, NoHead};
use crate::window::Window;

/// A frame that verified.
#[derive(Debug)]
pub(crate) struct Frame<'a> {
    pub(crate) kind: u8,
    pub(crate) payload: &'a [u8],
}

/// What comes next in a segment.
#[derive(Debug)]
pub(crate) enum Step<'a> {
    /// The segment's head; only ever at its beginning.
    Head(Head),
    /// The beginning of a batch, or a record.
    Frame(Frame<'a>),
    /// Here is no frame: zeros, or no room for one.
    End,
    /// Here is something else.
    Bad(Bad),
}

/// Why what is there is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bad {
    /// It does not verify: cut or damaged.
    Unverified,
    /// It verifies, and contradicts itself or what is around it.
    Contradiction(&'static str),
    /// It verifies, and a newer version wrote it.
    Version(u32),
}

/// Reads one segment forward.
#[derive(Debug)]
pub(crate) struct Scan {
    file: Arc<dyn DiskFile>,
    window: Window,
    place: Place,
}

impl Scan {
    /// Begins with the head, which is believed if it verifies: whether it follows on the segment before, the caller knows.
    pub(crate) fn new(file: Arc<dyn DiskFile>) -> io::Result<Self> {
        let window = Window::new(file.as_ref())?;
        Ok(Self {
            file,
            window,
            place: Place {
                mark: 0,
                offset: 0,
                chain: 0,
            },
        })
    }

    /// Where the next frame would begin.
    pub(crate) fn offset(&self) -> u64 {
        self.place.offset
    }

    /// The last frame's checksum.
    pub(crate) fn chain(&self) -> u32 {
        self.place.chain
    }

    /// The next step; after `End` and `Bad` the same again.
    pub(crate) fn next(&mut self) -> io::Result<Step<'_>> {
        let offset = self.place.offset;
        let first = self.window.bytes(self.file.as_ref(), offset, 8)?;
        let Ok(first) = <[u8; 8]>::try_from(first) else {
            return Ok(Step::End);
        };
        if first == [0; 8] {
            return Ok(Step::End);
        }
        let Some(word) = Word::parse(first) else {
            return Ok(Step::Bad(Bad::Unverified));
        };
        let len = word.frame_len();
        let bytes = self.window.bytes(self.file.as_ref(), offset, len)?;
        if bytes.len() < len {
            return Ok(Step::Bad(Bad::Unverified));
        }
        let payload = &bytes[HEADER_LEN..HEADER_LEN + word.payload_len];
        if offset == 0 {
            return Ok(match head(bytes, payload, word) {
                Ok((head, chain)) => {
                    self.place = Place {
                        mark: head.mark(),
                        offset: len as u64,
                        chain,
                    };
                    Step::Head(head)
                }
                Err(bad) => Step::Bad(bad),
            });
        }
        let Some(chain) = frame::verify(bytes, word, self.place) else {
            return Ok(Step::Bad(Bad::Unverified));
        };
        if let Some(bad) = contradiction(word.kind, payload, self.place) {
            return Ok(Step::Bad(bad));
        }
        self.place = Place {
            chain,
            offset: offset + len as u64,
            ..self.place
        };
        Ok(Step::Frame(Frame {
            kind: word.kind,
            payload,
        }))
    }
}

fn head(bytes: &[u8], payload: &[u8], word: Word) -> Result<(Head, u32), Bad> {
    if word.kind != HEAD {
        return Err(Bad::Unverified);
    }
    // A newer head may verify by other rules, so its version is told before.
    let head = Head::parse(payload).map_err(|no_head| match no_head {
        NoHead::Damaged => Bad::Unverified,
        NoHead::Version(version) => Bad::Version(version),
    })?;
    let place = Place {
        mark: head.mark(),
        offset: 0,
        chain: head.chain,
    };
    let chain = frame::verify(bytes, word, place).ok_or(Bad::Unverified)?;
    Ok((head, chain))
}

fn contradiction(kind: u8, payload: &[u8], place: Place) -> Option<Bad> {
    match kind {
        HEAD => Some(Bad::Contradiction("a second head in one segment")),
        BATCH => {
            let batch = Batch::parse(payload);
            let right =
                batch.is_some_and(|batch| batch.chain == place.chain && batch.durable <= place.offset);
            (!right).then_some(Bad::Contradiction(
                "the beginning of a batch that contradicts its place",
            ))
        }
        _ => None,
    }
}
