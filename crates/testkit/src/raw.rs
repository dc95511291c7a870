//! A client that writes any bytes and shows all that comes back.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use koinon_core_http1::laws::message::{Kind, Message, Stop};
use koinon_core_http1::laws::reference;

use crate::{Error, Result};

const CONNECT_WITHIN: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(10);
/// The most bytes of an answer.
const RECEIVED_LEN_MAX: usize = 16 * 1024 * 1024;

/// What came back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exchange {
    /// Every byte.
    pub received: Vec<u8>,
    /// Whether the other side closed the connection.
    pub closed: bool,
}

impl Exchange {
    /// The whole responses within, interim ones left out; none is an answer to HEAD.
    #[must_use]
    pub fn answers(&self) -> Vec<Message> {
        self.read().0
    }

    /// Their statuses.
    #[must_use]
    pub fn statuses(&self) -> Vec<u16> {
        self.answers().iter().map(status).collect()
    }

    /// Whether everything that came is whole responses.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        matches!(self.read().1, Stop::Clean | Stop::Closed)
    }

    fn read(&self) -> (Vec<Message>, Stop) {
        let kind = Kind::Response { answers_head: false };
        let (mut messages, stop) = reference::read(kind, &self.received);
        messages.retain(|message| status(message) >= 200);
        (messages, stop)
    }
}

fn status(message: &Message) -> u16 {
    let text = String::from_utf8_lossy(&message.what.0);
    text.parse().unwrap_or_default()
}

/// Connects, writes the pieces one by one, and reads until the other side closes, `enough` says so, or the time is over.
///
/// # Errors
/// When there is nobody to connect to. That the other side closes while we write is no error: what it said counts.
pub fn exchange(
    address: SocketAddr,
    pieces: &[&[u8]],
    within: Duration,
    mut enough: impl FnMut(&Exchange) -> bool,
) -> Result<Exchange> {
    let failed = |source| Error::Connection { address, source };
    let mut stream = TcpStream::connect_timeout(&address, CONNECT_WITHIN).map_err(failed)?;
    stream.set_nodelay(true).map_err(failed)?;
    stream.set_read_timeout(Some(LOOK)).map_err(failed)?;
    stream.set_write_timeout(Some(within)).map_err(failed)?;
    for piece in pieces {
        if stream.write_all(piece).is_err() {
            break;
        }
    }
    let deadline = Instant::now() + within;
    let mut exchange = Exchange::default();
    let mut piece = vec![0; 64 * 1024];
    loop {
        match stream.read(&mut piece) {
            Ok(0) => exchange.closed = true,
            Ok(len) => exchange
                .received
                .extend_from_slice(piece.get(..len).unwrap_or_default()),
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {}
            Err(_reset) => exchange.closed = true,
        }
        let over = Instant::now() >= deadline || exchange.received.len() > RECEIVED_LEN_MAX;
        if exchange.closed || over || enough(&exchange) {
            return Ok(exchange);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Recorder;

    /// Protects: answers are counted, and a connection that stays open is not called closed.
    #[test]
    fn answers_are_told_apart() {
        let recorder = Recorder::start().unwrap();
        let two = b"GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n";
        let done = |exchange: &Exchange| exchange.answers().len() == 2;
        let exchange = exchange(recorder.address(), &[two], Duration::from_secs(10), done).unwrap();
        assert_eq!(exchange.statuses(), [200, 200]);
        assert!(exchange.is_whole() && !exchange.closed);
    }
}
