//! Moves one body from a stream to another, in the framing that the other side needs.
//!
//! One buffer's worth is under way at a time and nothing is read while it cannot be written, so a slow reader slows the
//! writer down and costs no memory.

use std::io::{self, IoSlice};
use std::task::{Context, Poll};

use koinon_core_http1::chunked::write_chunk_start;
use koinon_core_http1::{BodyReader, Refusal};

use crate::io::{Buffer, Scratch, Transport};

/// What is written at most before more is read.
const PENDING_LEN_MAX: usize = 16 * 1024;

/// Content up to this length is copied behind what is written before it.
const JOINED_LEN_MAX: usize = 2 * 1024;

/// Bytes moved in one turn; then the other connections of the worker have theirs.
const TURN_LEN_MAX: usize = 256 * 1024;

/// How the other side learns where the body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// It knows the length, or the connection's end is the body's.
    Plain,
    /// Chunks.
    Chunked,
}

/// Why a body did not arrive.
#[derive(Debug)]
pub(crate) enum PumpError {
    /// The side it came from closed, failed or broke the rules.
    Source(Option<Refusal>),
    /// The side it went to does not take it.
    Sink,
}

/// One body on its way.
#[derive(Debug)]
pub(crate) struct Pump {
    reader: BodyReader,
    framing: Framing,
    /// To be written before `data`: a head, chunk framing and the content of chunks.
    pending: Scratch,
    written: usize,
    /// Bytes at the front of the source's buffer that are to be written as they are.
    data: usize,
    ended: bool,
    /// Whether anything of the body was taken from the source.
    taken: bool,
    /// Content bytes that were passed on.
    pub(crate) passed: u64,
    /// Bytes read from the source, framing included.
    pub(crate) read: u64,
    /// Bytes written to the other side, framing and head included.
    pub(crate) sent: u64,
}

impl Pump {
    /// A body that is read by `reader`; `head` is written before it.
    pub(crate) fn new(reader: BodyReader, framing: Framing, head: Scratch) -> Self {
        let ended = reader.has_ended();
        Self {
            reader,
            framing,
            pending: head,
            written: 0,
            data: 0,
            ended,
            taken: false,
            passed: 0,
            read: 0,
            sent: 0,
        }
    }

    /// Whether the source's message has been read to its end.
    pub(crate) fn source_ended(&self) -> bool {
        self.reader.has_ended()
    }

    /// Whether anything has been written.
    pub(crate) fn has_begun(&self) -> bool {
        self.sent > 0
    }

    /// Whether some of the body is gone from the source, so that it cannot be sent once more.
    pub(crate) fn has_taken(&self) -> bool {
        self.taken
    }

    /// Whether something waits to be written, rather than to be read.
    pub(crate) fn is_held_up(&self) -> bool {
        self.written < self.pending.len() || self.data > 0
    }

    /// Moves what can be moved. `moved` is set when anything was.
    pub(crate) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        (from, buffer): (&mut impl Transport, &mut Buffer),
        to: &mut impl Transport,
        moved: &mut bool,
    ) -> Poll<Result<(), PumpError>> {
        let mut left = TURN_LEN_MAX;
        loop {
            // Before anything is written, so that a head and the body that is there already leave together.
            if !self.ended && self.data == 0 && !buffer.is_empty() && self.pending.len() < PENDING_LEN_MAX {
                self.take_in(buffer)
                    .map_err(|refusal| PumpError::Source(Some(refusal)))?;
            }
            while self.written < self.pending.len() || self.data > 0 {
                match self.poll_write(cx, buffer, to) {
                    Poll::Ready(Ok(())) => *moved = true,
                    Poll::Ready(Err(_)) => return Poll::Ready(Err(PumpError::Sink)),
                    Poll::Pending => return Poll::Pending,
                }
            }
            self.pending.clear();
            self.written = 0;
            if self.ended {
                buffer.release();
                return Poll::Ready(Ok(()));
            }
            if !buffer.is_empty() && self.take_in_moves(buffer)? {
                continue;
            }
            match buffer.poll_fill(cx, from) {
                Poll::Ready(Ok(0)) if self.reader.may_end_here() => self.end(),
                Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(Err(PumpError::Source(None))),
                Poll::Ready(Ok(len)) => {
                    *moved = true;
                    self.read += len as u64;
                    left = left.saturating_sub(len);
                    if left == 0 {
                        cx.waker().wake_by_ref();
                        return Poll::Pending;
                    }
                }
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    fn take_in_moves(&mut self, buffer: &mut Buffer) -> Result<bool, PumpError> {
        self.take_in(buffer)
            .map_err(|refusal| PumpError::Source(Some(refusal)))?;
        Ok(self.ended || self.data > 0 || !self.pending.is_empty())
    }

    /// Makes something to write of what is in the buffer.
    fn take_in(&mut self, buffer: &mut Buffer) -> Result<(), Refusal> {
        let copies = self.framing == Framing::Chunked || matches!(self.reader, BodyReader::Chunked(_));
        while self.pending.len() < PENDING_LEN_MAX {
            let part = self.reader.next(buffer.unread())?;
            self.taken |= part.skip > 0 || part.data > 0;
            buffer.take(part.skip);
            // Little behind a head is copied to it: one plain write is cheaper than a vectored one.
            let joins = !self.pending.is_empty() && part.data <= JOINED_LEN_MAX;
            if copies || joins {
                self.copy(buffer, part.data);
            } else {
                self.data = part.data;
            }
            if part.ended {
                self.end();
                return Ok(());
            }
            if self.data > 0 || (part.skip == 0 && part.data == 0) {
                return Ok(());
            }
        }
        Ok(())
    }

    fn copy(&mut self, buffer: &mut Buffer, len: usize) {
        if len == 0 {
            return;
        }
        let content = buffer.unread().get(..len).unwrap_or_default();
        if self.framing == Framing::Chunked {
            write_chunk_start(&mut self.pending, len);
            self.pending.extend_from_slice(content);
            self.pending.extend_from_slice(b"\r\n");
        } else {
            self.pending.extend_from_slice(content);
        }
        self.passed += len as u64;
        buffer.take(len);
    }

    /// The source has said everything.
    fn end(&mut self) {
        self.ended = true;
        if self.framing == Framing::Chunked {
            self.pending.extend_from_slice(b"0\r\n");
            if let Some(trailer) = self.reader.trailer() {
                let mut trailer = trailer.clone();
                crate::head::strip_trailer(&mut trailer);
                trailer.write(&mut self.pending);
            }
            self.pending.extend_from_slice(b"\r\n");
        }
    }

    fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut Buffer,
        to: &mut impl Transport,
    ) -> Poll<io::Result<()>> {
        let pending = self.pending.get(self.written..).unwrap_or_default();
        let data = buffer.unread().get(..self.data).unwrap_or_default();
        let both = [IoSlice::new(pending), IoSlice::new(data)];
        let parts = match (pending.is_empty(), data.is_empty()) {
            (true, _) => both.get(1..),
            (_, true) => both.get(..1),
            (false, false) => Some(&both[..]),
        };
        let len = match to.poll_write(cx, parts.unwrap_or_default()) {
            Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
            Poll::Ready(Ok(len)) => len,
            Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            Poll::Pending => return Poll::Pending,
        };
        self.sent += len as u64;
        let of_pending = len.min(pending.len());
        self.written += of_pending;
        let of_data = len - of_pending;
        self.data -= of_data;
        self.passed += of_data as u64;
        buffer.take(of_data);
        Poll::Ready(Ok(()))
    }
}
