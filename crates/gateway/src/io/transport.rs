//! A byte stream to a client or an endpoint, and how one to an endpoint is made.
//!
//! The engine knows these two traits and nothing of sockets, so that TLS is another implementation and not another engine.

use std::future::Future;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpSocket, TcpStream};

/// A byte stream.
pub(crate) trait Transport {
    /// Reads what is there; 0 bytes are the end. `into` is not empty.
    fn poll_read(&mut self, cx: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>>;

    /// Writes as much of the parts as fits.
    fn poll_write(&mut self, cx: &mut Context<'_>, parts: &[IoSlice<'_>]) -> Poll<io::Result<usize>>;

    /// Tells the peer that nothing more will be written.
    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Whether something has arrived while nobody waited: on an idle connection that is the end, or what must not be there.
    fn has_news(&self) -> bool;
}

impl Transport for TcpStream {
    fn poll_read(&mut self, cx: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut into = ReadBuf::new(into);
        match AsyncRead::poll_read(Pin::new(self), cx, &mut into) {
            Poll::Ready(Ok(())) => Poll::Ready(Ok(into.filled().len())),
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => Poll::Pending,
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, parts: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        match parts {
            [one] => AsyncWrite::poll_write(Pin::new(self), cx, one),
            several => AsyncWrite::poll_write_vectored(Pin::new(self), cx, several),
        }
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        AsyncWrite::poll_shutdown(Pin::new(self), cx)
    }

    fn has_news(&self) -> bool {
        // What the driver has been told since the last read; costs no system call.
        self.poll_read_ready(&mut Context::from_waker(Waker::noop()))
            .is_ready()
    }
}

/// Makes streams to endpoints.
pub(crate) trait Connect {
    /// What it makes.
    type Stream: Transport;

    /// Connects.
    fn connect(&self, to: SocketAddr) -> impl Future<Output = io::Result<Self::Stream>>;
}

/// Plain TCP.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TcpConnect;

impl Connect for TcpConnect {
    type Stream = TcpStream;

    async fn connect(&self, to: SocketAddr) -> io::Result<TcpStream> {
        let socket = match to {
            SocketAddr::V4(_) => TcpSocket::new_v4()?,
            SocketAddr::V6(_) => TcpSocket::new_v6()?,
        };
        // A head and its body are one write; waiting for more to send only delays the last piece of a stream.
        socket.set_nodelay(true)?;
        socket.connect(to).await
    }
}
