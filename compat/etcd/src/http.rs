//! A request whose answer comes in two parts: the head at once, the body when something happens. v2 watches work so.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// A server that takes longer for a part of an answer has hung.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Heads and events here are small.
const BYTES_MAX: usize = 1 << 20;
const HEAD_END: &[u8] = b"\r\n\r\n";

/// A watch that waits. Its methods panic, as assertions do.
#[derive(Debug)]
pub struct LongPoll {
    stream: TcpStream,
    read: Vec<u8>,
}

impl LongPoll {
    /// Sends a `GET` and returns when the server has answered with the head: from then on it watches.
    ///
    /// # Panics
    /// When there is no head in time.
    #[must_use]
    pub fn start(address: SocketAddr, path: &str) -> Self {
        let open = || -> std::io::Result<TcpStream> {
            let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
            stream.set_read_timeout(Some(TIMEOUT))?;
            stream.write_all(
                format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").as_bytes(),
            )?;
            Ok(stream)
        };
        let stream = open().unwrap_or_else(|error| panic!("GET {path}: {error}"));
        let mut poll = Self {
            stream,
            read: Vec::new(),
        };
        poll.read_until(path, |read| find(read, HEAD_END).is_some());
        poll
    }

    /// The head, as it came.
    #[must_use]
    pub fn head(&self) -> String {
        let end = find(&self.read, HEAD_END).unwrap_or(self.read.len());
        String::from_utf8_lossy(&self.read[..end]).into_owned()
    }

    /// Waits until this many events (lines of JSON) have come, and returns them without the chunks' sizes.
    ///
    /// # Panics
    /// When they do not come in time.
    pub fn events(&mut self, count: usize) -> Vec<String> {
        self.read_until("events", |read| events_in(read).len() >= count);
        events_in(&self.read)
    }

    fn read_until(&mut self, what: &str, enough: impl Fn(&[u8]) -> bool) {
        let mut piece = [0; 4096];
        while !enough(&self.read) {
            let length = self.stream.read(&mut piece).unwrap_or_else(|error| {
                panic!("{what}: {error}, after {:?}", String::from_utf8_lossy(&self.read));
            });
            assert!(
                length > 0 && self.read.len() < BYTES_MAX,
                "{what}: ended after {:?}",
                String::from_utf8_lossy(&self.read)
            );
            self.read.extend_from_slice(&piece[..length]);
        }
    }
}

fn events_in(read: &[u8]) -> Vec<String> {
    let body = find(read, HEAD_END).map_or(&[][..], |end| &read[end + HEAD_END.len()..]);
    let text = String::from_utf8_lossy(body);
    let complete = text.rfind('\n').map_or("", |end| &text[..end]);
    let lines = complete
        .lines()
        .map(str::trim)
        .filter(|line| line.starts_with('{'));
    lines.map(str::to_owned).collect()
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}
