//! One connection from its first byte to its end.
//!
//! On a drain a connection goes through three stages: for [`ServeOptions::drain_linger`] it goes on as before, its
//! answers carrying `Connection: close` (a request that was already on its way is answered, not reset); then it is
//! told to stop after what is in flight; at the drain's deadline the accept loop drops it.

use std::error::Error as StdError;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use http::{Request, Response};
use http_body::Body;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tracing::debug;

use super::counted::Counted;
use super::stall::StallGuard;
use super::{ServeOptions, Shared};

/// The library's settings for a listener.
pub(super) fn protocol(options: &ServeOptions) -> http1::Builder {
    let mut protocol = http1::Builder::new();
    protocol
        .timer(TokioTimer::new())
        .header_read_timeout(options.header_timeout)
        .max_header_size(options.header_size_max)
        // The library refuses less than 8 KiB; the buffer must hold one whole head.
        .max_buf_size(options.header_size_max.max(8 * 1024));
    protocol
}

/// Serves `stream` until the peer closes it, a limit ends it or a drain has finished it.
pub(super) async fn run<S, B>(shared: Arc<Shared>, protocol: http1::Builder, stream: TcpStream, service: S)
where
    S: Service<Request<Incoming>, Response = Response<B>>,
    S::Error: Into<Box<dyn StdError + Send + Sync>>,
    B: Body<Data = Bytes> + 'static,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    // A failure costs latency, not correctness.
    drop(stream.set_nodelay(true));
    let guarded = StallGuard::new(
        stream,
        shared.options.write_stall_timeout,
        Arc::clone(&shared.stats),
    );
    let heard = guarded.heard();
    let counted = Counted {
        inner: service,
        stats: Arc::clone(&shared.stats),
        drain: shared.drain.clone(),
    };
    let mut connection = pin!(protocol.serve_connection(TokioIo::new(guarded), counted));

    tokio::select! {
        biased;
        ended = connection.as_mut() => return log_end(&shared.name, ended),
        () = shared.drain.cancelled() => {}
    }
    if let Ok(ended) = timeout(shared.options.drain_linger, connection.as_mut()).await {
        return log_end(&shared.name, ended);
    }
    if !heard.load(Ordering::Relaxed) {
        return;
    }
    connection.as_mut().graceful_shutdown();
    log_end(&shared.name, connection.await);
}

/// Peers break connections all day; only somebody who looks for it wants to read about it.
fn log_end(listener: &str, ended: hyper::Result<()>) {
    if let Err(error) = ended {
        let source = error.source().map(ToString::to_string);
        debug!(listener, %error, source, "connection ended early");
    }
}
