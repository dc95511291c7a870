//! A socket that gives up on a peer who does not read, and remembers whether the peer ever spoke.
//!
//! A client that asks for a large answer and then stops reading would hold its connection, its place under the cap
//! and the answer's memory for ever. Only writes are timed here: reads have their own limits (the head's in
//! [`crate::serve()`], the body's in [`crate::read_body_limited`]), and an idle event stream writes nothing.
//!
//! It also closes gently. A socket closed with unread bytes resets the connection, and the reset may overtake the
//! answer: a client whose body was refused as too large would see a broken connection instead of the reason. So
//! what is still coming is read and thrown away first, within [`DISCARD_MAX`] and [`DISCARD_TIMEOUT`].
//!
//! Invariant: the timer runs only while a write waits for the peer, and every byte taken restarts it.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

use super::ListenerStats;

/// The most bytes that a peer may send after its answer before the connection is cut. 8 MiB: four times the largest
/// body that any of our doors takes.
const DISCARD_MAX: usize = 8 * 1024 * 1024;
/// The longest that is waited for them.
const DISCARD_TIMEOUT: Duration = Duration::from_secs(2);

/// A connection's socket with its write limit.
pub(super) struct StallGuard {
    socket: TcpStream,
    limit: Duration,
    // Made on the first wait: most connections never wait for their reader.
    waiting: Option<Pin<Box<Sleep>>>,
    stats: Arc<ListenerStats>,
    heard: Arc<AtomicBool>,
    closing: Closing,
}

/// How far closing has come.
enum Closing {
    Open,
    /// Our side is closed; whether the peer was still sending is not known yet.
    Shut,
    /// It was.
    Discarding {
        left: usize,
        until: Pin<Box<Sleep>>,
    },
}

impl StallGuard {
    pub(super) fn new(socket: TcpStream, limit: Duration, stats: Arc<ListenerStats>) -> Self {
        Self {
            socket,
            limit,
            waiting: None,
            stats,
            heard: Arc::new(AtomicBool::new(false)),
            closing: Closing::Open,
        }
    }

    /// Becomes true with the peer's first byte.
    pub(super) fn heard(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.heard)
    }

    /// Passes a write's result on, and fails it once it has waited for too long.
    fn watch<T>(&mut self, cx: &mut Context<'_>, result: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if result.is_ready() {
            self.waiting = None;
            return result;
        }
        let limit = self.limit;
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(sleep(limit)));
        ready!(waiting.as_mut().poll(cx));
        self.waiting = None;
        self.stats.write_stalled();
        Poll::Ready(Err(io::Error::new(
            io::ErrorKind::TimedOut,
            "the peer stopped reading",
        )))
    }

    /// Reads and forgets what the peer still sends, if it sends anything.
    fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut scratch = [0; 8 * 1024];
        loop {
            let mut buf = ReadBuf::new(&mut scratch);
            let result = Pin::new(&mut self.socket).poll_read(cx, &mut buf);
            let taken = buf.filled().len();
            match (&mut self.closing, result) {
                (Closing::Discarding { until, .. }, Poll::Pending) => return until.as_mut().poll(cx),
                // A peer that was silent may stay so for long: do not wait for it.
                (Closing::Open | Closing::Shut, Poll::Pending) => return Poll::Ready(()),
                (_, Poll::Ready(Err(_))) => return Poll::Ready(()),
                (_, Poll::Ready(Ok(()))) if taken == 0 => return Poll::Ready(()),
                (Closing::Discarding { left, .. }, Poll::Ready(Ok(()))) => match left.checked_sub(taken) {
                    Some(rest) => *left = rest,
                    None => return Poll::Ready(()),
                },
                (Closing::Open | Closing::Shut, Poll::Ready(Ok(()))) => {
                    let until = Box::pin(sleep(DISCARD_TIMEOUT));
                    self.closing = Closing::Discarding {
                        left: DISCARD_MAX,
                        until,
                    };
                }
            }
        }
    }
}

impl AsyncRead for StallGuard {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let result = Pin::new(&mut self.socket).poll_read(cx, buf);
        if buf.filled().len() > before && !self.heard.load(Ordering::Relaxed) {
            self.heard.store(true, Ordering::Relaxed);
        }
        result
    }
}

impl AsyncWrite for StallGuard {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.socket).poll_write(cx, buf);
        self.watch(cx, result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.socket).poll_write_vectored(cx, bufs);
        self.watch(cx, result)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if matches!(self.closing, Closing::Open) {
            ready!(Pin::new(&mut self.socket).poll_shutdown(cx))?;
            self.closing = Closing::Shut;
        }
        self.poll_discard(cx).map(Ok)
    }
}
