//! Bytes in and out, without HTTP: buffers, streams, time and the pool of upstream connections.
//!
//! Everything here belongs to one worker and is never shared between threads.

mod buffer;
mod clock;
mod pool;
mod timer;
mod transport;

pub(crate) use buffer::{BUFFER_LEN, Buffer, Scratch};
pub(crate) use clock::Clock;
pub(crate) use pool::Pool;
pub(crate) use timer::Timer;
pub(crate) use transport::{Connect, TcpConnect, Transport};

/// What a client is connected by.
pub(crate) type ClientStream = tokio::net::TcpStream;
/// What an endpoint is connected by.
pub(crate) type EndpointStream = <TcpConnect as Connect>::Stream;
