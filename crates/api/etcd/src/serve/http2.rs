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
use super::exchange::exchange;

/// The most bytes of a call that the peer may send before it was looked at; a larger message is asked for piece by piece.
const CALL_WINDOW: u32 = 256 * 1024;
/// The same for all calls of a connection together.
const CONNECTION_WINDOW: u32 = 1024 * 1024;
/// The most bytes of a call's head.
const HEAD_BYTES_MAX: u32 = 16 * 1024;
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
        .max_header_list_size(HEAD_BYTES_MAX);
    let Ok(Ok(connection)) = timeout(HANDSHAKE_TIMEOUT, builder.handshake(io)).await else {
        return;
    };
    let mut serving = Serving::new(connection, &door.limits);
    let make = |request, respond| exchange(Arc::clone(&door), drain.clone(), request, respond);
    let mut draining = pin!(until_asked_to_finish(&drain, linger));
    let mut asked = false;
    std::future::poll_fn(|cx| {
        if !asked && draining.as_mut().poll(cx).is_ready() {
            asked = true;
            serving.connection.graceful_shutdown();
        }
        serving.poll(cx, &counter, &make)
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
    calls: FuturesUnordered<F>,
    pulse: Pulse,
}

impl<F: Future<Output = ()>> Serving<F> {
    fn new(mut connection: Connection<Http2Connection, Bytes>, limits: &Limits) -> Self {
        let pulse = Pulse::new(connection.ping_pong(), limits);
        Self {
            connection,
            calls: FuturesUnordered::new(),
            pulse,
        }
    }

    /// Ready when the connection has ended.
    fn poll<M>(&mut self, cx: &mut Context<'_>, counter: &RequestCounter, make: &M) -> Poll<()>
    where
        M: Fn(http::Request<h2::RecvStream>, h2::server::SendResponse<Bytes>) -> F,
    {
        loop {
            let went_on = self.poll_calls(cx);
            match self.connection.poll_accept(cx) {
                Poll::Ready(Some(Ok((request, respond)))) => {
                    counter.count();
                    self.pulse.felt();
                    self.calls.push(make(request, respond));
                }
                Poll::Ready(Some(Err(error))) => {
                    debug!(%error, "an etcd client's connection broke");
                    return Poll::Ready(());
                }
                Poll::Ready(None) => return Poll::Ready(()),
                // What the calls made is written by now; what was read may let them go on.
                Poll::Pending if went_on => {}
                Poll::Pending => return self.pulse.poll(cx),
            }
        }
    }

    /// Lets calls go on; whether any ended.
    fn poll_calls(&mut self, cx: &mut Context<'_>) -> bool {
        let mut ended = false;
        while let Poll::Ready(Some(())) = Pin::new(&mut self.calls).poll_next(cx) {
            ended = true;
        }
        ended
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
