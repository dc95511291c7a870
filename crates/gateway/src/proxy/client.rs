//! A client's connection: waiting for requests, writing to it, and closing it so that it can read what was written.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use koinon_core_http1::{BodyLength, BodyReader, HeadScan, RequestHead, RequestPlan};

use crate::fault::Fault;
use crate::io::{BUFFER_LEN, Buffer, ClientStream, Clock, Timer, Transport};
use crate::worker::{Worker, after};

/// A body that nobody wants is read up to this size so that the connection can go on.
const SKIPPED_LEN_MAX: usize = 64 * 1024;
/// How long that may take.
const SKIPPED_WITHIN: Duration = Duration::from_secs(1);
/// How long a connection is kept after the last answer, for the client to read it.
const LINGER: Duration = Duration::from_secs(2);
/// Bytes read and thrown away meanwhile.
const LINGER_LEN_MAX: usize = 1024 * 1024;
/// How long an idle connection still takes a request after a drain has started: it may be on its way.
const DRAIN_LINGER: Duration = Duration::from_millis(200);

/// What a client sent.
pub(super) enum Next {
    Request(RequestHead, RequestPlan),
    Refused(Fault),
    /// Nothing more.
    Over,
}

/// A client's connection.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) stream: ClientStream,
    pub(super) unread: Buffer,
    pub(super) timer: Timer,
    pub(super) peer: SocketAddr,
    worker: Rc<Worker>,
    /// Its place in the worker's roll.
    place: usize,
}

impl Drop for Client {
    fn drop(&mut self) {
        self.worker.roll.leave(self.place);
    }
}

impl Client {
    pub(super) fn new(worker: Rc<Worker>, stream: ClientStream, peer: SocketAddr) -> Self {
        Self {
            stream,
            unread: Buffer::default(),
            timer: Timer::default(),
            peer,
            place: worker.roll.enter(),
            worker,
        }
    }

    /// The next request's head.
    pub(super) async fn next(&mut self, is_first: bool) -> Next {
        let timeouts = self.worker.node.settings.timeouts;
        let mut scan = HeadScan::default();
        let mut began = is_first || !self.unread.is_empty();
        let mut deadline = after(if began { timeouts.head } else { timeouts.keep_alive });
        let mut lingers = false;
        poll_fn(|cx| {
            loop {
                match scan.find(self.unread.unread(), &self.worker.node.settings.limits) {
                    Ok(None) => {}
                    Ok(Some(found)) => return Poll::Ready(self.parse(found.start, found.end)),
                    Err(refusal) => return Poll::Ready(Next::Refused(Fault::Refused(refusal))),
                }
                match self.unread.poll_fill(cx, &mut self.stream) {
                    Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(Next::Over),
                    Poll::Ready(Ok(_)) => {
                        if !began {
                            began = true;
                            deadline = Clock::tick() + timeouts.head;
                        }
                        continue;
                    }
                    Poll::Pending => {}
                }
                if self.unread.is_empty() {
                    self.worker.roll.note(self.place, cx.waker());
                    if self.worker.draining.get() && !lingers {
                        lingers = true;
                        deadline = deadline.min(Clock::tick() + DRAIN_LINGER);
                    }
                }
                if self.timer.poll(cx, deadline).is_pending() {
                    return Poll::Pending;
                }
                return Poll::Ready(match self.unread.is_empty() {
                    true => Next::Over,
                    false => Next::Refused(Fault::HeadTimeout),
                });
            }
        })
        .await
    }

    fn parse(&mut self, start: usize, end: usize) -> Next {
        let mut head = self.worker.request_head();
        let bytes = self.unread.unread().get(start..end).unwrap_or_default();
        let plan = head.parse(bytes, &self.worker.node.settings.limits);
        self.unread.take(end);
        match plan {
            Ok(plan) => {
                // What waits for an answer needs no buffer, unless there is a body or another request in it.
                self.unread.release();
                Next::Request(head, plan)
            }
            Err(refusal) => {
                self.worker.keep_request_head(head);
                Next::Refused(Fault::Refused(refusal))
            }
        }
    }

    /// Notices that the client went away while it waits for an answer; what it sends meanwhile is kept.
    pub(super) fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while self.unread.unread().len() < BUFFER_LEN / 2 {
            match self.unread.poll_fill(cx, &mut self.stream) {
                Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(()),
                Poll::Ready(Ok(_)) => {}
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Pending
    }

    /// Whether the node is about to end.
    pub(super) fn is_draining(&self) -> bool {
        self.worker.draining.get()
    }

    /// The end of an upgraded connection that neither side ends: nothing has come for too long. A drain leaves it its time.
    pub(super) fn poll_tunnel_end(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        self.timer.poll(cx, deadline)
    }

    /// Has the connection end in a reset, which nobody takes for the end of a body.
    pub(super) fn reset_on_close(&self) {
        // Should it fail, the client sees an ordinary end; nothing better can be done here.
        let _ = socket2::SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
    }

    /// Writes all of it.
    pub(super) async fn write(&mut self, parts: [&[u8]; 2]) -> io::Result<()> {
        let idle = self.worker.node.settings.timeouts.idle;
        let (stream, timer) = (&mut self.stream, &mut self.timer);
        write_all(stream, timer, parts, idle)
            .await
            .map_err(|(error, _)| error)
    }

    /// Whether the body is over, so that the next request begins where it ended; a short one that nobody wants is read
    /// and forgotten.
    pub(super) async fn skip_body(&mut self, plan: RequestPlan) -> bool {
        if plan.body == BodyLength::Empty {
            return true;
        }
        if plan.expects_continue {
            return false;
        }
        let mut reader = BodyReader::new(plan.body);
        let deadline = after(SKIPPED_WITHIN);
        let mut left = SKIPPED_LEN_MAX;
        poll_fn(|cx| {
            loop {
                if reader.has_ended() {
                    return Poll::Ready(true);
                }
                if reader.left_min() > left as u64 {
                    return Poll::Ready(false);
                }
                if !self.unread.is_empty() {
                    let Ok(part) = reader.next(self.unread.unread()) else {
                        return Poll::Ready(false);
                    };
                    let len = part.skip + part.data;
                    self.unread.take(len);
                    let Some(rest) = left.checked_sub(len) else {
                        return Poll::Ready(false);
                    };
                    left = rest;
                    if len > 0 || part.ended {
                        continue;
                    }
                }
                match self.unread.poll_fill(cx, &mut self.stream) {
                    Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(false),
                    Poll::Ready(Ok(_)) => {}
                    Poll::Pending => return self.timer.poll(cx, deadline).map(|()| false),
                }
            }
        })
        .await
    }

    /// Closes so that the client can read what was written: a socket closed with unread bytes in it is reset, and the
    /// reset takes the answer with it.
    pub(super) async fn linger(mut self) {
        let deadline = after(LINGER);
        let mut left = LINGER_LEN_MAX;
        poll_fn(|cx| {
            if self.stream.poll_shutdown(cx).is_pending() {
                return self.timer.poll(cx, deadline);
            }
            loop {
                let len = self.unread.unread().len();
                self.unread.take(len);
                let Some(rest) = left.checked_sub(len) else {
                    return Poll::Ready(());
                };
                left = rest;
                match self.unread.poll_fill(cx, &mut self.stream) {
                    Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(()),
                    Poll::Ready(Ok(_)) => {}
                    Poll::Pending => return self.timer.poll(cx, deadline),
                }
            }
        })
        .await;
    }
}

/// Writes all of both parts, waiting at most `idle` for each step. An error says how many bytes were taken before.
pub(super) async fn write_all(
    stream: &mut impl Transport,
    timer: &mut Timer,
    parts: [&[u8]; 2],
    idle: Duration,
) -> Result<(), (io::Error, usize)> {
    let len = parts[0].len() + parts[1].len();
    let mut written = 0;
    let mut deadline: Option<Instant> = None;
    poll_fn(|cx| {
        while written < len {
            let first = parts[0].get(written..).unwrap_or_default();
            let second = parts[1]
                .get(written.saturating_sub(parts[0].len())..)
                .unwrap_or_default();
            let both = [IoSlice::new(first), IoSlice::new(second)];
            let slices = match (first.is_empty(), second.is_empty()) {
                (true, _) => both.get(1..),
                (_, true) => both.get(..1),
                (false, false) => Some(&both[..]),
            };
            match stream.poll_write(cx, slices.unwrap_or_default()) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err((io::ErrorKind::WriteZero.into(), written))),
                Poll::Ready(Ok(more)) => {
                    written += more;
                    deadline = None;
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err((error, written))),
                Poll::Pending => {
                    let deadline = *deadline.get_or_insert_with(|| Clock::tick() + idle);
                    return timer
                        .poll(cx, deadline)
                        .map(|()| Err((io::ErrorKind::TimedOut.into(), written)));
                }
            }
        }
        Poll::Ready(Ok(()))
    })
    .await
}
