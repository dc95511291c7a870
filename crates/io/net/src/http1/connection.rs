//! One connection from its first byte to its end: read a head, have it answered, write the answer, again.
//!
//! On a drain a connection goes on for [`crate::ServeOptions::drain_linger`], its answers saying `Connection: close` (a
//! request that was already on its way is answered, not reset); then it ends unless a request has begun to arrive.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use koinon_core_http1::{BodyReader, HeadScan, Limits, Refusal, RequestHead, RequestPlan, Version};
use tokio::net::TcpStream;
use tracing::debug;

use super::close::close;
use super::request::{Body, Request};
use super::wire::{Wire, Woken};
use super::{Answer, Handler};
use crate::serve::Shared;

/// An unread body up to this size is read and forgotten, so that the connection can go on.
const FORGOTTEN_LEN_MAX: usize = 64 * 1024;
const FORGOTTEN_WITHIN: Duration = Duration::from_secs(2);
/// After so many requests that were there already, others get their turn.
const TURN: u32 = 32;

/// How a request's reading ended.
enum Next {
    /// A head was parsed.
    Request(RequestPlan),
    /// What came is no request.
    Refused(Refusal),
    /// The connection is over.
    Over,
}

/// Serves `stream` until the peer closes it, a limit ends it or a drain has finished it.
pub(super) async fn run<H: Handler>(shared: Arc<Shared>, stream: TcpStream, handler: Arc<H>) {
    // A failure costs latency, not correctness.
    drop(stream.set_nodelay(true));
    let mut connection = Connection {
        limits: Limits {
            head_len_max: shared.options.header_size_max,
            target_len_max: shared.options.header_size_max,
            ..Limits::default()
        },
        wire: Wire::new(shared, stream),
        head: RequestHead::default(),
        out: Vec::new(),
    };
    match connection.serve(&*handler).await {
        Ok(()) => close(connection.wire.stream).await,
        // Peers break connections all day; only somebody who looks for it wants to read about it.
        Err(error) => debug!(listener = &*connection.wire.shared.name, %error, "connection ended early"),
    }
}

struct Connection {
    wire: Wire,
    head: RequestHead,
    limits: Limits,
    out: Vec<u8>,
}

impl Connection {
    async fn serve<H: Handler>(&mut self, handler: &H) -> io::Result<()> {
        let mut turn = 0;
        loop {
            let plan = match self.next().await? {
                Next::Request(plan) => plan,
                Next::Refused(refusal) => {
                    return self.send(&handler.refuse(refusal), false, Some("close")).await;
                }
                Next::Over => return Ok(()),
            };
            self.wire.shared.stats.request();
            let mut body = Body {
                reader: BodyReader::new(plan.body),
                awaits_continue: plan.expects_continue,
            };
            let request = Request {
                head: &self.head,
                body: &mut body,
                wire: &mut self.wire,
            };
            let answer = handler.answer(request).await;
            let goes_on =
                plan.keep_alive && !self.wire.shared.drain.is_draining() && self.has_passed(&mut body).await;
            let connection = match (goes_on, self.head.version()) {
                (false, _) => Some("close"),
                (true, Version::Http10) => Some("keep-alive"),
                (true, Version::Http11) => None,
            };
            self.send(&answer, self.head.method() == "HEAD", connection)
                .await?;
            if !goes_on {
                return Ok(());
            }
            turn += 1;
            if turn % TURN == 0 {
                tokio::task::yield_now().await;
            }
        }
    }

    /// Waits for the next head and parses it.
    async fn next(&mut self) -> io::Result<Next> {
        let mut scan = HeadScan::default();
        let mut deadline = self.wire.in_time(self.wire.shared.options.header_timeout);
        loop {
            match scan.find(self.wire.unread(), &self.limits) {
                Err(refusal) => return Ok(Next::Refused(refusal)),
                Ok(Some(whole)) => {
                    let bytes = self.wire.unread().get(whole.start..whole.end).unwrap_or_default();
                    let parsed = self.head.parse(bytes, &self.limits);
                    self.wire.take(whole.end);
                    return Ok(parsed.map_or_else(Next::Refused, Next::Request));
                }
                Ok(None) => {}
            }
            match self.wire.read(deadline).await? {
                Woken::Read(0) | Woken::TimedOut => return Ok(Next::Over),
                Woken::Read(_) => {}
                Woken::Draining if self.wire.unread().is_empty() => {
                    let linger = self.wire.in_time(self.wire.shared.options.drain_linger);
                    deadline = deadline.min(linger);
                }
                // The accept loop's deadline bounds what has begun.
                Woken::Draining => {}
            }
        }
    }

    /// Whether the body is over, so that the next request begins where it ended. A short one that nobody wanted is
    /// read and forgotten.
    async fn has_passed(&mut self, body: &mut Body) -> bool {
        if body.reader.has_ended() {
            return true;
        }
        if body.awaits_continue {
            return false;
        }
        body.read(&mut self.wire, FORGOTTEN_LEN_MAX, FORGOTTEN_WITHIN, |_| {})
            .await
            .is_ok()
    }

    async fn send(&mut self, answer: &Answer, head_only: bool, connection: Option<&str>) -> io::Result<()> {
        self.out.clear();
        answer.write_head(&mut self.out, connection);
        let parts = match head_only {
            true => &[],
            false => answer.payload().parts(),
        };
        self.wire.write(&self.out, parts).await
    }
}
