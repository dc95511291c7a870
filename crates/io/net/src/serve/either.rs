//! A listener for HTTP/1.1 and HTTP/2 without TLS: a connection's first bytes say which it is.
//!
//! An HTTP/2 client that knows the server begins with a fixed text, `PRI * HTTP/2.0`, made so that no HTTP/1.1 server can
//! take it for a request. HTTP/1.1 connections are served as [`super::serve()`] does; HTTP/2 ones are handed to whoever asked
//! for them, within the same cap, counters, write-stall timeout and drain.

use std::error::Error as StdError;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Request, Response};
use http_body::Body;
use hyper::body::{Bytes, Incoming};
use hyper::service::Service;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::stall::StallGuard;
use super::{Acceptor, ListenerStats, ServeOptions, ServeReport, Shared, connection};
use crate::bind::BoundListener;
use crate::drain::Drain;

/// How an HTTP/2 connection begins; no method of HTTP/1.1 is called so.
const HTTP2_BEGINS: &[u8; 4] = b"PRI ";
/// How soon a connection is looked at again whose first bytes come one by one, the first time and at last.
const PEEK_PAUSE_MIN: Duration = Duration::from_millis(2);
const PEEK_PAUSE_MAX: Duration = Duration::from_millis(200);

/// A connection that speaks HTTP/2, from its first byte on.
pub struct Http2Connection {
    io: StallGuard,
    /// Something was written. See `is_write_vectored`.
    wrote: bool,
    /// What tells it to finish.
    pub drain: Drain,
    /// How long it may go on after a drain has started before it is asked to finish.
    pub drain_linger: Duration,
    stats: Arc<ListenerStats>,
}

impl std::fmt::Debug for Http2Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Http2Connection").finish_non_exhaustive()
    }
}

/// Counts a connection's requests.
#[derive(Debug, Clone)]
pub struct RequestCounter(Arc<ListenerStats>);

impl RequestCounter {
    /// A request's head was read.
    pub fn count(&self) {
        self.0.request();
    }
}

impl Http2Connection {
    /// What counts its requests.
    #[must_use]
    pub fn counter(&self) -> RequestCounter {
        RequestCounter(Arc::clone(&self.stats))
    }
}

impl AsyncRead for Http2Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl AsyncWrite for Http2Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.wrote = true;
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.wrote = true;
        // Mostly it is one piece, which the kernel takes from a plain write with less ado.
        if let [one] = bufs {
            return Pin::new(&mut self.io).poll_write(cx, one);
        }
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }

    /// Only from the first write on. The library asks once before that, to decide from which size on a frame's content is
    /// written from where it lies: 256 bytes if this is true, and then such an answer takes two writes, one up to its
    /// content and one for its trailers, instead of leaving together with all others that are ready. At 1,024 bytes, which
    /// is what it takes if this is false, copying is cheaper still. Later it asks how to write large ones: in one go.
    fn is_write_vectored(&self) -> bool {
        self.wrote && self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

/// Serves `listener` as [`super::serve()`] does, and gives connections that speak HTTP/2 to `http2`.
pub async fn serve_either<S, B, H, F>(
    listener: BoundListener,
    service: S,
    http2: H,
    options: ServeOptions,
    drain: Drain,
) -> ServeReport
where
    S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Into<Box<dyn StdError + Send + Sync>>,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
    H: Fn(Http2Connection) -> F + Clone + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let name = Arc::clone(listener.name());
    let shared = Arc::new(Shared::new(name, options, Arc::clone(listener.stats()), drain));
    let protocol = connection::protocol(&shared.options);
    let run = {
        let shared = Arc::clone(&shared);
        move |stream: TcpStream| {
            let (shared, protocol) = (Arc::clone(&shared), protocol.clone());
            let (service, http2) = (service.clone(), http2.clone());
            async move {
                if speaks_http2(&shared, &stream).await {
                    // A failure costs latency, not correctness.
                    drop(stream.set_nodelay(true));
                    http2(Http2Connection::new(&shared, stream)).await;
                } else {
                    connection::run(shared, protocol, stream, service).await;
                }
            }
        }
    };
    Acceptor::new(shared, run).run(listener.listener).await
}

impl Http2Connection {
    fn new(shared: &Shared, stream: TcpStream) -> Self {
        let stall = shared.options.write_stall_timeout;
        Self {
            io: StallGuard::new(stream, stall, Arc::clone(&shared.stats)),
            wrote: false,
            drain: shared.drain.clone(),
            drain_linger: shared.options.drain_linger,
            stats: Arc::clone(&shared.stats),
        }
    }
}

/// Looks at the first bytes without taking them. What is silent, or slow, is left to HTTP/1.1's own limits.
async fn speaks_http2(shared: &Shared, stream: &TcpStream) -> bool {
    tokio::select! {
        biased;
        begins = timeout(shared.options.header_timeout, begins_http2(stream)) => begins.unwrap_or(false),
        () = shared.drain.cancelled() => false,
    }
}

async fn begins_http2(stream: &TcpStream) -> bool {
    let mut first = [0; HTTP2_BEGINS.len()];
    let mut pause = PEEK_PAUSE_MIN;
    loop {
        match stream.peek(&mut first).await {
            Ok(len) if len == first.len() => return &first == HTTP2_BEGINS,
            Ok(0) | Err(_) => return false,
            Ok(len) if first[..len] != HTTP2_BEGINS[..len] => return false,
            // What was looked at is not taken, so the socket stays readable, and cannot tell when there is more.
            Ok(_) => {
                sleep(pause).await;
                pause = (pause * 2).min(PEEK_PAUSE_MAX);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    use super::*;

    async fn told(pieces: &'static [&'static [u8]]) -> bool {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let addr = listener.local_addr().expect("an address");
        let client = tokio::spawn(async move {
            let mut socket = TcpStream::connect(addr).await.expect("the listener is there");
            socket.set_nodelay(true).expect("a live socket");
            for piece in pieces {
                socket.write_all(piece).await.expect("the peer is there");
                tokio::task::yield_now().await;
            }
        });
        let (stream, _) = listener.accept().await.expect("a client");
        let told = begins_http2(&stream).await;
        client.await.expect("no panic");
        told
    }

    /// A connection is told by its first bytes, however they arrive, and a method that begins alike is not mistaken.
    #[tokio::test]
    async fn the_first_bytes_tell() {
        assert!(told(&[b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"]).await);
        assert!(told(&[b"P", b"R", b"I", b" * HTTP/2.0"]).await);
        assert!(!told(&[b"PROPFIND / HTTP/1.1\r\n"]).await);
        assert!(!told(&[b"P", b"OST /v3/kv/put HTTP/1.1\r\n"]).await);
        assert!(!told(&[]).await, "the peer left");
    }
}
