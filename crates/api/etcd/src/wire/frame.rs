//! gRPC's framing: each message behind five bytes, one that says whether it is compressed and four of length.
//!
//! Invariants:
//! - a message that lies within one piece of input is handed out without copying it;
//! - no more is kept than the input of one call of [`Frames::push`] and the beginning of one message of allowed size.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use prost::Message;

/// Bytes before each message.
pub const PREFIX_LEN: usize = 5;

/// Why input is not a sequence of messages.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// A message is larger than allowed.
    #[error("grpc: received message larger than max ({len} vs. {max})")]
    TooLarge {
        /// Its length.
        len: usize,
        /// What is allowed.
        max: usize,
    },
    /// A message is compressed, which nobody offered.
    #[error("grpc: messages must not be compressed")]
    Compressed,
    /// The input ended within a message.
    #[error("grpc: the stream ended within a message")]
    Torn,
}

/// A message with its prefix, ready to send.
pub fn encode(message: &impl Message) -> Bytes {
    encode_with(message.encoded_len(), |out| message.encode_raw(out))
}

/// A message of `len` bytes that `write` writes, with its prefix.
pub fn encode_with(len: usize, write: impl FnOnce(&mut BytesMut)) -> Bytes {
    let mut out = BytesMut::with_capacity(PREFIX_LEN + len);
    put_prefix(&mut out, len);
    write(&mut out);
    out.freeze()
}

fn put_prefix(out: &mut BytesMut, len: usize) {
    out.put_u8(0);
    // A message of 4 GiB cannot be made: the largest answers are bounded far below.
    out.put_u32(u32::try_from(len).unwrap_or(u32::MAX));
}

/// A framed message without its prefix.
#[must_use]
pub fn body(mut framed: Bytes) -> Bytes {
    framed.advance(PREFIX_LEN.min(framed.len()));
    framed
}

/// Cuts input into messages.
#[derive(Debug)]
pub struct Frames {
    len_max: usize,
    /// Input that was not looked at.
    input: Bytes,
    /// The beginning of a message, prefix included, that came in several pieces.
    begun: BytesMut,
}

impl Frames {
    /// For messages of at most `len_max` bytes.
    #[must_use]
    pub fn new(len_max: usize) -> Self {
        Self {
            len_max,
            input: Bytes::new(),
            begun: BytesMut::new(),
        }
    }

    /// Takes input. All messages of the input before should have been taken.
    pub fn push(&mut self, input: Bytes) {
        if self.input.is_empty() {
            self.input = input;
        } else {
            let mut both = BytesMut::with_capacity(self.input.len() + input.len());
            both.extend_from_slice(&self.input);
            both.extend_from_slice(&input);
            self.input = both.freeze();
        }
    }

    /// The next whole message; `None` when more input is needed.
    ///
    /// # Errors
    /// When the input is no sequence of messages.
    pub fn take(&mut self) -> Result<Option<Bytes>, FrameError> {
        if self.begun.is_empty() {
            if self.input.len() >= PREFIX_LEN {
                let len = self.message_len(&self.input)?;
                if self.input.len() >= PREFIX_LEN + len {
                    self.input.advance(PREFIX_LEN);
                    return Ok(Some(self.input.split_to(len)));
                }
            }
            if self.input.is_empty() {
                return Ok(None);
            }
        }
        self.gather(PREFIX_LEN);
        if self.begun.len() < PREFIX_LEN {
            return Ok(None);
        }
        let whole = PREFIX_LEN + self.message_len(&self.begun)?;
        self.gather(whole);
        if self.begun.len() < whole {
            return Ok(None);
        }
        let framed = std::mem::take(&mut self.begun).freeze();
        Ok(Some(body(framed)))
    }

    /// Says that the input has ended.
    ///
    /// # Errors
    /// When it ended within a message.
    pub fn end(&self) -> Result<(), FrameError> {
        if self.begun.is_empty() && self.input.is_empty() {
            Ok(())
        } else {
            Err(FrameError::Torn)
        }
    }

    /// Moves input to the begun message until that has `len` bytes.
    fn gather(&mut self, len: usize) {
        let missing = len.saturating_sub(self.begun.len()).min(self.input.len());
        self.begun.extend_from_slice(&self.input.split_to(missing));
    }

    fn message_len(&self, framed: &[u8]) -> Result<usize, FrameError> {
        let &[compressed, a, b, c, d, ..] = framed else {
            return Ok(0);
        };
        if compressed != 0 {
            return Err(FrameError::Compressed);
        }
        let len = u32::from_be_bytes([a, b, c, d]) as usize;
        if len > self.len_max {
            return Err(FrameError::TooLarge {
                len,
                max: self.len_max,
            });
        }
        Ok(len)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn framed(message: &[u8]) -> Vec<u8> {
        let mut out = BytesMut::new();
        put_prefix(&mut out, message.len());
        out.extend_from_slice(message);
        out.to_vec()
    }

    proptest! {
        /// However the network cuts a stream, the same messages come out.
        #[test]
        fn cuts_do_not_matter(
            messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..6),
            cuts in prop::collection::vec(1usize..30, 1..20),
        ) {
            let stream: Vec<u8> = messages.iter().flat_map(|message| framed(message)).collect();
            let mut frames = Frames::new(64);
            let (mut rest, mut found) = (&stream[..], Vec::new());
            for cut in cuts.iter().cycle() {
                while let Some(message) = frames.take().expect("well-formed") {
                    found.push(message.to_vec());
                }
                if rest.is_empty() {
                    break;
                }
                let (piece, after) = rest.split_at((*cut).min(rest.len()));
                frames.push(Bytes::copy_from_slice(piece));
                rest = after;
            }
            prop_assert_eq!(found, messages);
            prop_assert_eq!(frames.end(), Ok(()));
        }
    }

    /// What is announced as too large is refused before it is gathered, with gRPC's usual words.
    #[test]
    fn too_large_is_refused_at_its_prefix() {
        let mut frames = Frames::new(4);
        frames.push(Bytes::from_static(&[0, 0, 0, 0, 5]));
        let error = frames.take().expect_err("too large");
        assert_eq!(
            error.to_string(),
            "grpc: received message larger than max (5 vs. 4)"
        );
        let mut frames = Frames::new(4);
        frames.push(Bytes::from_static(&[1, 0, 0, 0, 1, 7]));
        assert_eq!(frames.take(), Err(FrameError::Compressed));
    }

    /// A message in one piece is not copied: it points into the input.
    #[test]
    fn whole_messages_are_not_copied() {
        let input = Bytes::from(framed(b"hello"));
        let mut frames = Frames::new(64);
        frames.push(input.clone());
        let message = frames.take().expect("well-formed").expect("whole");
        assert_eq!(message.as_ptr(), input[PREFIX_LEN..].as_ptr());
        assert!(frames.end().is_ok());
        frames.push(Bytes::from_static(&[0, 0]));
        assert_eq!(frames.take(), Ok(None));
        assert_eq!(frames.end(), Err(FrameError::Torn));
    }
}
