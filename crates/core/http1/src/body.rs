//! Tells content from framing until a message ends.

use crate::{BodyLength, ChunkedReader, Fields, Refusal};

/// What the next bytes of a body are: first `skip` bytes of framing, then `data` bytes of content.
///
/// None of either and not `ended` means that more bytes are needed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Part {
    /// Bytes that are not content.
    pub skip: usize,
    /// Bytes of content behind them.
    pub data: usize,
    /// Whether the message ends behind those.
    pub ended: bool,
}

/// Reads one body.
#[derive(Debug)]
pub enum BodyReader {
    /// So many bytes are left; none: it has ended.
    Known(u64),
    /// Chunks.
    Chunked(Box<ChunkedReader>),
    /// Whatever comes.
    UntilClose,
}

impl BodyReader {
    /// A reader of a body of that length.
    #[must_use]
    pub fn new(length: BodyLength) -> Self {
        match length {
            BodyLength::Empty => Self::Known(0),
            BodyLength::Known(len) => Self::Known(len),
            BodyLength::Chunked => Self::Chunked(Box::default()),
            BodyLength::UntilClose => Self::UntilClose,
        }
    }

    /// Whether the message has ended.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        match self {
            Self::Known(left) => *left == 0,
            Self::Chunked(chunked) => chunked.has_ended(),
            Self::UntilClose => false,
        }
    }

    /// Whether the connection may close here without anything missing.
    #[must_use]
    pub fn may_end_here(&self) -> bool {
        matches!(self, Self::UntilClose) || self.has_ended()
    }

    /// At least so much content is still to come.
    #[must_use]
    pub fn left_min(&self) -> u64 {
        match self {
            Self::Known(left) => *left,
            Self::Chunked(chunked) => chunked.left_in_chunk(),
            Self::UntilClose => 0,
        }
    }

    /// What the next bytes are. The caller takes `skip` and `data` bytes off the front before it asks again.
    ///
    /// # Errors
    /// When the framing is malformed; the connection is of no use then.
    pub fn next(&mut self, bytes: &[u8]) -> Result<Part, Refusal> {
        match self {
            Self::Known(left) => {
                let data = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                *left -= data as u64;
                Ok(Part {
                    skip: 0,
                    data,
                    ended: *left == 0,
                })
            }
            Self::Chunked(chunked) => chunked.next(bytes),
            Self::UntilClose => Ok(Part {
                data: bytes.len(),
                ..Part::default()
            }),
        }
    }

    /// The fields behind the last chunk, once the message has ended.
    #[must_use]
    pub fn trailer(&self) -> Option<&Fields> {
        match self {
            Self::Chunked(chunked) => chunked.trailer(),
            Self::Known(_) | Self::UntilClose => None,
        }
    }
}
