//! Buffers that exist only while bytes are in them.
//!
//! A connection that waits holds none: it takes one from its thread's shelf when there is something to read, and it goes
//! back there when it is dropped. So ten thousand idle connections cost no buffer at all, and a busy worker reuses a few
//! that stay in its cache.

use std::cell::RefCell;
use std::io;
use std::task::{Context, Poll};

use super::Transport;

/// The size of a buffer. What HAProxy takes too: a head and a small body fit, and a large body moves in few calls.
pub(crate) const BUFFER_LEN: usize = 16 * 1024;
/// Buffers on the shelf of a thread; more are freed. 1 MiB.
const SHELF_LEN_MAX: usize = 64;

thread_local! {
    static SHELF: RefCell<Vec<Box<[u8]>>> = const { RefCell::new(Vec::new()) };
    static SCRATCH: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// Bytes that were read and not used yet.
#[derive(Debug, Default)]
pub(crate) struct Buffer {
    /// Empty while nothing is held.
    bytes: Box<[u8]>,
    start: usize,
    end: usize,
}

impl Buffer {
    /// What was read and not used yet.
    pub(crate) fn unread(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Marks bytes as used; an empty buffer goes back to the shelf.
    pub(crate) fn take(&mut self, len: usize) {
        self.start = (self.start + len).min(self.end);
        if self.is_empty() {
            (self.start, self.end) = (0, 0);
        }
    }

    /// Gives the memory back if nothing is in it.
    pub(crate) fn release(&mut self) {
        if self.is_empty() && !self.bytes.is_empty() {
            shelve(std::mem::take(&mut self.bytes));
            (self.start, self.end) = (0, 0);
        }
    }

    /// Reads more behind what is there. 0 bytes: the end.
    ///
    /// The memory is taken only when there is something to read, because an empty buffer is released again on `Pending`.
    pub(crate) fn poll_fill(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut impl Transport,
    ) -> Poll<io::Result<usize>> {
        self.make_room();
        let room = self.bytes.get_mut(self.end..).unwrap_or_default();
        let read = from.poll_read(cx, room);
        match &read {
            Poll::Ready(Ok(len)) => self.end += len,
            Poll::Ready(Err(_)) | Poll::Pending => self.release(),
        }
        read
    }

    /// Makes room for at least one byte: moves what is there to the front, or grows (a long head).
    fn make_room(&mut self) {
        if self.bytes.is_empty() {
            self.bytes = SHELF
                .with_borrow_mut(Vec::pop)
                .unwrap_or_else(|| vec![0; BUFFER_LEN].into_boxed_slice());
        }
        if self.end < self.bytes.len() {
            return;
        }
        if self.start > 0 {
            self.bytes.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        } else {
            let mut larger = vec![0; self.bytes.len() * 2].into_boxed_slice();
            if let Some(front) = larger.get_mut(..self.end) {
                front.copy_from_slice(self.unread());
            }
            self.bytes = larger;
        }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        shelve(std::mem::take(&mut self.bytes));
    }
}

fn shelve(bytes: Box<[u8]>) {
    if bytes.len() == BUFFER_LEN {
        // While the thread ends its shelf may be gone already; then the memory just goes.
        let _ = SHELF.try_with(|shelf| {
            let mut shelf = shelf.borrow_mut();
            if shelf.len() < SHELF_LEN_MAX {
                shelf.push(bytes);
            }
        });
    }
}

/// A growing text to be written: a head, or a piece of a chunked body. Reused like buffers are.
#[derive(Debug)]
pub(crate) struct Scratch(Vec<u8>);

impl Scratch {
    pub(crate) fn new() -> Self {
        Self(SCRATCH.with_borrow_mut(Vec::pop).unwrap_or_default())
    }
}

impl std::ops::Deref for Scratch {
    type Target = Vec<u8>;

    fn deref(&self) -> &Vec<u8> {
        &self.0
    }
}

impl std::ops::DerefMut for Scratch {
    fn deref_mut(&mut self) -> &mut Vec<u8> {
        &mut self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let mut bytes = std::mem::take(&mut self.0);
        if bytes.capacity() <= 2 * BUFFER_LEN {
            bytes.clear();
            let _ = SCRATCH.try_with(|shelf| {
                let mut shelf = shelf.borrow_mut();
                if shelf.len() < SHELF_LEN_MAX {
                    shelf.push(bytes);
                }
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives its bytes a few at a time, then would block.
    struct Drip(Vec<Vec<u8>>);

    impl Transport for Drip {
        fn poll_read(&mut self, _: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
            let Some(next) = self.0.pop() else {
                return Poll::Pending;
            };
            into[..next.len()].copy_from_slice(&next);
            Poll::Ready(Ok(next.len()))
        }

        fn poll_write(&mut self, _: &mut Context<'_>, _: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
            Poll::Pending
        }

        fn poll_shutdown(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }

        fn has_news(&self) -> bool {
            false
        }
    }

    fn fill(buffer: &mut Buffer, drip: &mut Drip) -> Poll<io::Result<usize>> {
        buffer.poll_fill(&mut Context::from_waker(std::task::Waker::noop()), drip)
    }

    /// An idle connection must hold no memory; one with half a head must keep it.
    #[test]
    fn memory_is_held_only_while_bytes_are() {
        let mut drip = Drip(vec![b"half".to_vec()]);
        let mut buffer = Buffer::default();
        assert!(fill(&mut buffer, &mut drip).is_ready());
        assert!(fill(&mut buffer, &mut drip).is_pending());
        assert_eq!(buffer.unread(), b"half");
        buffer.take(4);
        assert!(fill(&mut buffer, &mut drip).is_pending());
        assert_eq!(buffer.bytes.len(), 0);
    }

    /// A head larger than a buffer still fits; what was there stays in order.
    #[test]
    fn a_full_buffer_moves_or_grows() {
        let mut drip = Drip(vec![vec![b'c'; 10], vec![b'b'; BUFFER_LEN - 5], vec![b'a'; 5]]);
        let mut buffer = Buffer::default();
        assert!(fill(&mut buffer, &mut drip).is_ready());
        assert!(fill(&mut buffer, &mut drip).is_ready());
        assert!(fill(&mut buffer, &mut drip).is_ready());
        assert_eq!(buffer.unread().len(), BUFFER_LEN + 10);
        assert!(buffer.unread().starts_with(b"aaaaab") && buffer.unread().ends_with(b"bcccccccccc"));
    }
}
