//! The HTTP/1.1 server that every control-plane door runs on.
//!
//! One task accepts, one task per connection serves. What a door need not think about any more:
//!
//! | somebody … | costs |
//! |---|---|
//! | opens many connections | at most `connections_max`; the rest wait in the kernel's queue |
//! | sends its head slowly, or nothing | the connection, after `header_timeout` |
//! | stops reading the answer | the connection, after `write_stall_timeout` |
//! | makes the handler panic | the connection |
//! | takes the last file descriptor | new connections wait; a warning at most every five seconds |
//!
//! Invariant: when [`serve()`] returns, the socket is closed and none of its connections runs any more.

mod accept;
mod connection;
mod counted;
mod either;
mod stall;
mod stats;

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use http_body::Body;
use hyper::body::{Bytes, Incoming};
use hyper::service::Service;

pub(crate) use accept::Acceptor;
pub use either::{Http2Connection, RequestCounter, serve_either};
pub use stats::ListenerStats;

use crate::bind::BoundListener;
use crate::drain::Drain;

/// The limits of one listener.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// Connections served at once. 8192: an idle one costs about 12 KiB, so all of them 96 MiB.
    pub connections_max: usize,
    /// The longest wait for a complete request head, idle time between two requests included. 90 s: three times
    /// the 30 s between two heartbeats of a Eureka client, which then keeps its connection.
    pub header_timeout: Duration,
    /// The most bytes of a request head, request line included. 64 KiB: metadata travels in query strings.
    pub header_size_max: usize,
    /// The longest a write may wait without the peer taking a single byte. 60 s.
    pub write_stall_timeout: Duration,
    /// How long a connection may go on after a drain has started before it is asked to finish; catches requests
    /// that were already on their way. 200 ms: many round trips of a local network, and no wait for a person.
    pub drain_linger: Duration,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            connections_max: 8192,
            header_timeout: Duration::from_secs(90),
            header_size_max: 64 * 1024,
            write_stall_timeout: Duration::from_secs(60),
            drain_linger: Duration::from_millis(200),
        }
    }
}

/// How serving ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServeReport {
    /// Connections that were still busy at the drain's deadline and were cut off.
    pub cut_off: usize,
}

/// Serves `listener` with clones of `service` until `drain` has started and everything in flight has ended, or
/// the drain's deadline has passed.
///
/// Doors built on tower (axum's `Router`) are wrapped in [`crate::TowerToHyperService`].
pub async fn serve<S, B>(
    listener: BoundListener,
    service: S,
    options: ServeOptions,
    drain: Drain,
) -> ServeReport
where
    S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Into<Box<dyn StdError + Send + Sync>>,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    let shared = Shared::new(
        Arc::clone(listener.name()),
        options,
        Arc::clone(listener.stats()),
        drain,
    );
    let shared = Arc::new(shared);
    let protocol = connection::protocol(&shared.options);
    let run = {
        let shared = Arc::clone(&shared);
        move |stream| connection::run(Arc::clone(&shared), protocol.clone(), stream, service.clone())
    };
    Acceptor::new(shared, run).run(listener.listener).await
}

/// What all connections of one listener share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) name: Arc<str>,
    pub(crate) options: ServeOptions,
    pub(crate) stats: Arc<ListenerStats>,
    pub(crate) drain: Drain,
}

impl Shared {
    pub(crate) fn new(
        name: Arc<str>,
        options: ServeOptions,
        stats: Arc<ListenerStats>,
        drain: Drain,
    ) -> Self {
        Self {
            name,
            options,
            stats,
            drain,
        }
    }
}
