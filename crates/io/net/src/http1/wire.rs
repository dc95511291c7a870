//! A connection's socket with its buffer, and the waits on it.
//!
//! Invariant: the drain and the timer are registered once for a connection, not for each wait: waking is rare, waiting is not.

use std::future::{Future, poll_fn};
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until, timeout};

use crate::serve::Shared;

/// What is read at once. A heartbeat is 300 bytes, a registration 1.5 KB.
const READ_LEN: usize = 8 * 1024;
/// Pieces written with one call: the kernel takes 1024, and a list has two for each application.
const SLICES_MAX: usize = 64;

/// Why a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Woken {
    /// So many bytes have come; 0 at the end.
    Read(usize),
    /// The time is over.
    TimedOut,
    /// A drain has started. Said once.
    Draining,
}

pub(super) struct Wire {
    pub(super) stream: TcpStream,
    pub(super) shared: Arc<Shared>,
    /// What was read and not used yet begins at `used`.
    buffer: Vec<u8>,
    used: usize,
    timer: Option<Pin<Box<Sleep>>>,
    drained: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    drain_said: bool,
}

impl Wire {
    pub(super) fn new(shared: Arc<Shared>, stream: TcpStream) -> Self {
        Self {
            stream,
            shared,
            buffer: Vec::new(),
            used: 0,
            timer: None,
            drained: None,
            drain_said: false,
        }
    }

    /// What was read and not used yet.
    pub(super) fn unread(&self) -> &[u8] {
        self.buffer.get(self.used..).unwrap_or_default()
    }

    pub(super) fn take(&mut self, len: usize) {
        self.used = (self.used + len).min(self.buffer.len());
        if self.used == self.buffer.len() {
            self.buffer.clear();
            self.used = 0;
        }
    }

    /// Gives the buffer back if nothing is in it.
    fn release(&mut self) {
        if self.buffer.is_empty() {
            self.buffer = Vec::new();
        }
    }

    /// Reads more, waiting for it until `deadline`: how many bytes came, 0 at the end.
    pub(super) async fn fill(&mut self, deadline: Instant) -> io::Result<usize> {
        loop {
            match self.read(deadline).await? {
                Woken::Read(len) => return Ok(len),
                Woken::Draining => {}
                Woken::TimedOut => return Err(io::ErrorKind::TimedOut.into()),
            }
        }
    }

    /// Reads more, unless the time is over or a drain starts before something comes.
    pub(super) async fn read(&mut self, deadline: Instant) -> io::Result<Woken> {
        poll_fn(|cx| self.poll_woken(cx, deadline)).await
    }

    fn poll_woken(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<io::Result<Woken>> {
        if let Poll::Ready(read) = self.poll_read(cx) {
            return Poll::Ready(read.map(Woken::Read));
        }
        self.release();
        self.poll_others(cx, deadline).map(Ok)
    }

    /// The kernel is not asked what is known: nothing is there before the poller says so, and nothing is left behind a read
    /// that did not fill the buffer (of what comes later the poller tells anew).
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        ready!(self.stream.poll_read_ready(cx))?;
        if self.used > 0 {
            self.buffer.drain(..self.used);
            self.used = 0;
        }
        if self.buffer.capacity() - self.buffer.len() < READ_LEN / 2 {
            self.buffer.reserve(READ_LEN);
        }
        pin!(self.stream.read_buf(&mut self.buffer)).poll(cx)
    }

    fn poll_others(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<Woken> {
        if !self.drain_said && self.poll_drain(cx) {
            self.drain_said = true;
            return Poll::Ready(Woken::Draining);
        }
        self.poll_timer(cx, deadline).map(|()| Woken::TimedOut)
    }

    fn poll_drain(&mut self, cx: &mut Context<'_>) -> bool {
        let drain = &self.shared.drain;
        if self.drained.is_none() {
            let drain = drain.clone();
            let mut drained: Pin<Box<dyn Future<Output = ()> + Send>> =
                Box::pin(async move { drain.cancelled().await });
            let is_over = drained.as_mut().poll(cx).is_ready();
            self.drained = Some(drained);
            return is_over;
        }
        drain.is_draining()
    }

    /// The timer is left to run when the deadline moves away, and set anew when it ends too early.
    fn poll_timer(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        let timer = match &mut self.timer {
            Some(timer) if timer.deadline() <= deadline && !timer.is_elapsed() => return Poll::Pending,
            Some(timer) => {
                if Instant::now() >= deadline {
                    return Poll::Ready(());
                }
                timer.as_mut().reset(deadline);
                timer
            }
            none => none.insert(Box::pin(sleep_until(deadline))),
        };
        timer.as_mut().poll(cx)
    }

    /// Writes the head and the pieces behind it, as much with each call as the kernel takes.
    pub(super) async fn write(&mut self, head: &[u8], parts: &[Bytes]) -> io::Result<()> {
        let mut left = Left {
            head,
            parts,
            offset: 0,
        };
        loop {
            left.skip_empty();
            if left.head.is_empty() && left.parts.is_empty() {
                return Ok(());
            }
            match left.try_write(&self.stream) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => left.advance(written),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.wait_writable().await?,
                Err(error) => return Err(error),
            }
        }
    }

    async fn wait_writable(&mut self) -> io::Result<()> {
        let limit = self.shared.options.write_stall_timeout;
        match timeout(limit, self.stream.writable()).await {
            Ok(ready) => ready,
            Err(_elapsed) => {
                self.shared.stats.write_stalled();
                Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    "the peer stopped reading",
                ))
            }
        }
    }

    pub(super) fn in_time(&self, time: Duration) -> Instant {
        Instant::now() + time
    }
}

/// What is still to be written: the head, then the parts, of whose first `offset` bytes are gone.
struct Left<'a> {
    head: &'a [u8],
    parts: &'a [Bytes],
    offset: usize,
}

impl Left<'_> {
    fn try_write(&self, stream: &TcpStream) -> io::Result<usize> {
        let first = self.parts.first().and_then(|part| part.get(self.offset..));
        let rest = self.parts.iter().skip(1).map(|part| &part[..]);
        let all = std::iter::once(self.head).chain(first).chain(rest);
        let mut slices = [IoSlice::new(&[]); SLICES_MAX];
        let mut count = 0;
        for (place, bytes) in slices.iter_mut().zip(all.filter(|bytes| !bytes.is_empty())) {
            *place = IoSlice::new(bytes);
            count += 1;
        }
        stream.try_write_vectored(slices.get(..count).unwrap_or_default())
    }

    fn advance(&mut self, written: usize) {
        let of_head = written.min(self.head.len());
        self.head = self.head.get(of_head..).unwrap_or_default();
        self.offset += written - of_head;
        self.skip_empty();
    }

    /// Lets go of the parts that are gone or were empty.
    fn skip_empty(&mut self) {
        while let Some(part) = self.parts.first().filter(|part| self.offset >= part.len()) {
            self.offset -= part.len();
            self.parts = self.parts.get(1..).unwrap_or_default();
        }
    }
}
