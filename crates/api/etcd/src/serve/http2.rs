//! One HTTP/2 connection: its calls run in its own task.
//!
//! A call that can be answered at once never leaves the thread that read it, a call that waits wakes one task, and what
//! became ready together is written together.
//!
//! Invariants:
//! - when this returns, none of the connection's calls runs any more;
//! - a connection whose peer answers no ping is closed.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{FuturesUnordered, Stream};
use h2::server::{Builder, Connection};
use h2::{Ping, PingPong};
use koinon_io_net::{Drain, Http2Connection, RequestCounter};
use tokio::time::{Instant, Sleep, sleep, timeout};
use tracing::debug;

use super::door::{Inner, Limits};
use super::exchange::Exchange;
use super::turns::Turns;

/// The most bytes of a call that the peer may send before it was looked at; a larger message is asked for piece by piece.
const CALL_WINDOW: u32 = 256 * 1024;
/// The same for all calls of a connection together.
const CONNECTION_WINDOW: u32 = 1024 * 1024;
/// The most bytes of a call's head.
const HEAD_BYTES_MAX: u32 = 16 * 1024;
/// What the library reckons a small frame to cost that waits to be looked at. Each call may have one: a client that sends
/// thousands of small requests at once does no harm.
const SMALL_FRAME_BYTES: usize = 256;
/// The most calls that are taken before they are answered: their heads and messages lie in memory meanwhile.
const BATCH_MAX: usize = 256;
/// How long a peer may take for its first words.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Serves a connection until its end, or until a drain has finished it.
pub(super) async fn run(door: Arc<Inner>, io: Http2Connection) {
    let (counter, drain, linger) = (io.counter(), io.drain.clone(), io.drain_linger);
    let mut builder = Builder::new();
    builder
        .max_concurrent_streams(door.limits.calls_max)
        .initial_window_size(CALL_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_header_list_size(HEAD_BYTES_MAX)
        .data_frame_budget(door.limits.calls_max as usize * SMALL_FRAME_BYTES);
    let Ok(Ok(connection)) = timeout(HANDSHAKE_TIMEOUT, builder.handshake(io)).await else {
        return;
    };
    let mut serving = Serving::new(connection, &door.limits);
    let answer = |cx: &mut Context<'_>, mut call: Exchange| {
        if call.answer_at_once(&door, cx) {
            return None;
        }
        Some(call.go_on(Arc::clone(&door), drain.clone()))
    };
    let mut draining = pin!(until_asked_to_finish(&drain, linger));
    let (mut watched, mut asked) = (false, false);
    let turns = Turns::new();
    std::future::poll_fn(|cx| {
        turns.poll(cx, |cx| {
            serving.poll_calls(cx);
            // What they had to say is written below, and whatever else called is looked at below.
            turns.begin_anew();
            // Its waker is always the same, so until it has something to say it need not be asked again.
            if !asked && (!watched || drain.is_draining()) {
                watched = true;
                if draining.as_mut().poll(cx).is_ready() {
                    asked = true;
                    serving.connection.graceful_shutdown();
                }
            }
            serving.poll(cx, &counter, &answer)
        })
    })
    .await;
}

/// Returns when a drain has begun and what was on its way has had time to arrive.
async fn until_asked_to_finish(drain: &Drain, linger: Duration) {
    drain.cancelled().await;
    sleep(linger).await;
}

/// A connection and its calls.
struct Serving<F> {
    connection: Connection<Http2Connection, Bytes>,
    /// Calls that were read, and not looked at.
    begun: Vec<Exchange>,
    calls: FuturesUnordered<F>,
    message_bytes_max: usize,
    pulse: Pulse,
}

impl<F: Future<Output = ()>> Serving<F> {
    fn new(mut connection: Connection<Http2Connection, Bytes>, limits: &Limits) -> Self {
        let pulse = Pulse::new(connection.ping_pong(), limits);
        Self {
            connection,
            begun: Vec::new(),
            calls: FuturesUnordered::new(),
            message_bytes_max: limits.message_bytes_max(),
            pulse,
        }
    }

    /// Lets calls go on.
    fn poll_calls(&mut self, cx: &mut Context<'_>) {
        while !self.calls.is_empty() && Pin::new(&mut self.calls).poll_next(cx).is_ready() {}
    }

    /// Writes what is to be written, reads what came and answers what can be. Ready when the connection has ended.
    /// What calls make in it wakes the task, which writes it with the next turn.
    fn poll<M>(&mut self, cx: &mut Context<'_>, counter: &RequestCounter, answer: &M) -> Poll<()>
    where
        M: Fn(&mut Context<'_>, Exchange) -> Option<F>,
    {
        if self.poll_begin(cx, counter).is_ready() {
            return Poll::Ready(());
        }
        for call in self.begun.drain(..) {
            self.calls.extend(answer(cx, call));
        }
        self.poll_calls(cx);
        self.pulse.poll(cx)
    }

    /// Takes calls. All that were read are taken before any is answered: to ask for the next one writes what is ready, and
    /// each answer would leave by itself.
    fn poll_begin(&mut self, cx: &mut Context<'_>, counter: &RequestCounter) -> Poll<()> {
        loop {
            match self.connection.poll_accept(cx) {
                Poll::Ready(Some(Ok((request, respond)))) => {
                    counter.count();
                    self.begun
                        .push(Exchange::new(request, respond, self.message_bytes_max));
                }
                Poll::Ready(Some(Err(error))) => {
                    debug!(%error, "an etcd client's connection broke");
                    return Poll::Ready(());
                }
                Poll::Ready(None) => return Poll::Ready(()),
                Poll::Pending => break,
            }
            if self.begun.len() == BATCH_MAX {
                // The rest of them is asked for when these are answered.
                cx.waker().wake_by_ref();
                break;
            }
        }
        if !self.begun.is_empty() {
            self.pulse.felt();
        }
        Poll::Pending
    }
}

/// Feels whether the peer is still there.
struct Pulse {
    pings: Option<PingPong>,
    /// Silence after which it is asked; then, how long it may take.
    timer: Pin<Box<Sleep>>,
    asked: bool,
    /// When it was last heard of.
    felt: Instant,
    after: Duration,
    timeout: Duration,
}

impl Pulse {
    fn new(pings: Option<PingPong>, limits: &Limits) -> Self {
        Self {
            pings,
            timer: Box::pin(sleep(limits.ping_after)),
            asked: false,
            felt: Instant::now(),
            after: limits.ping_after,
            timeout: limits.ping_timeout,
        }
    }

    fn felt(&mut self) {
        self.felt = Instant::now();
    }

    /// Ready when the peer is gone.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(pings) = &mut self.pings else {
            return Poll::Pending;
        };
        loop {
            if self.asked && pings.poll_pong(cx).is_ready() {
                self.asked = false;
                self.felt = Instant::now();
                self.timer.as_mut().reset(self.felt + self.after);
            }
            if self.timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            if self.asked {
                return Poll::Ready(());
            }
            let due = self.felt + self.after;
            if Instant::now() < due {
                self.timer.as_mut().reset(due);
                continue;
            }
            if pings.send_ping(Ping::opaque()).is_err() {
                return Poll::Ready(());
            }
            self.asked = true;
            self.timer.as_mut().reset(Instant::now() + self.timeout);
        }
    }
}
