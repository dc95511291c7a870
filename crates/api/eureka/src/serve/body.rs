//! The body of an answer: nothing, one text, or shared pieces that are sent as they lie in the cache.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};

/// Pieces and their length together.
#[derive(Debug, Clone)]
pub(super) struct Pieces {
    parts: Arc<[Bytes]>,
    len: u64,
}

impl From<Vec<Bytes>> for Pieces {
    fn from(parts: Vec<Bytes>) -> Self {
        let len = parts.iter().map(|part| part.len() as u64).sum();
        Self {
            parts: parts.into(),
            len,
        }
    }
}

/// A response body.
#[derive(Debug)]
pub struct Body {
    pieces: Pieces,
    next: usize,
}

impl Body {
    pub(super) fn empty() -> Self {
        Self::from(Pieces::from(Vec::new()))
    }
}

impl From<Pieces> for Body {
    fn from(pieces: Pieces) -> Self {
        Self { pieces, next: 0 }
    }
}

impl From<Vec<u8>> for Body {
    fn from(text: Vec<u8>) -> Self {
        Self::from(Pieces::from(vec![Bytes::from(text)]))
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Self::from(text.into_bytes())
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        while let Some(piece) = self.pieces.parts.get(self.next).cloned() {
            self.next += 1;
            if !piece.is_empty() {
                self.pieces.len -= piece.len() as u64;
                return Poll::Ready(Some(Ok(Frame::data(piece))));
            }
        }
        Poll::Ready(None)
    }

    fn is_end_stream(&self) -> bool {
        self.pieces.len == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.pieces.len)
    }
}
