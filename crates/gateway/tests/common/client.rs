//! A client that writes what a test says and reads an answer as its framing says, with every byte of the head.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use super::PATIENCE;

/// A connection to the gateway.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    unread: Vec<u8>,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The status line and the fields.
    pub(crate) head: String,
    /// Without chunk framing.
    pub(crate) body: Vec<u8>,
    /// Fields after the last chunk.
    pub(crate) trailer: String,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The first field of that name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        header(&self.head, name)
    }

    /// What a fault's body says.
    pub(crate) fn code(&self) -> String {
        let body: serde_json::Value = serde_json::from_slice(&self.body).unwrap_or_default();
        body["code"].as_str().unwrap_or_default().to_owned()
    }
}

/// The first field of that name in a head.
pub(crate) fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut fields = head.lines().skip(1).filter_map(|line| line.split_once(':'));
    fields
        .find(|(known, _)| known.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim())
}

/// One GET on a connection of its own.
pub(crate) fn get(addr: SocketAddr, path: &str) -> Answer {
    let mut client = Client::connect(addr);
    client.get(path);
    client.answer()
}

impl Client {
    pub(crate) fn connect(addr: SocketAddr) -> Self {
        let stream = TcpStream::connect_timeout(&addr, PATIENCE).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self {
            stream,
            unread: Vec::new(),
        }
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).unwrap();
    }

    pub(crate) fn get(&mut self, path: &str) {
        self.send(format!("GET {path} HTTP/1.1\r\nHost: gateway.test\r\n\r\n"));
    }

    pub(crate) fn post(&mut self, path: &str, body: &str) {
        let len = body.len();
        self.send(format!(
            "POST {path} HTTP/1.1\r\nHost: gateway.test\r\nContent-Length: {len}\r\n\r\n{body}"
        ));
    }

    /// Nothing more will be sent.
    pub(crate) fn finish(&mut self) {
        self.stream.shutdown(Shutdown::Write).unwrap();
    }

    /// The next head; panics when the connection ends before it does.
    pub(crate) fn head(&mut self) -> String {
        let head = self.until(b"\r\n\r\n");
        String::from_utf8(head).unwrap()
    }

    /// The next final answer, to anything but HEAD.
    pub(crate) fn answer(&mut self) -> Answer {
        let head = self.head();
        self.body_of(head)
    }

    /// The answer to HEAD.
    pub(crate) fn answer_to_head(&mut self) -> Answer {
        let head = self.head();
        Answer {
            status: status(&head),
            head,
            body: Vec::new(),
            trailer: String::new(),
        }
    }

    /// The rest of an answer whose head was read.
    pub(crate) fn body_of(&mut self, head: String) -> Answer {
        let status = status(&head);
        let mut answer = Answer {
            status,
            body: Vec::new(),
            trailer: String::new(),
            head,
        };
        if matches!(status, 100..=199 | 204 | 304) {
            return answer;
        }
        if answer.header("transfer-encoding") == Some("chunked") {
            (answer.body, answer.trailer) = self.chunks();
        } else if let Some(len) = answer.header("content-length") {
            answer.body = self.bytes(len.parse().unwrap());
        } else {
            answer.body = self.rest().expect("an end, not a reset");
        }
        answer
    }

    fn chunks(&mut self) -> (Vec<u8>, String) {
        let mut body = Vec::new();
        loop {
            let line = String::from_utf8(self.until(b"\r\n")).unwrap();
            let len = usize::from_str_radix(line.trim_end(), 16).unwrap();
            if len == 0 {
                let mut trailer = String::new();
                loop {
                    let line = String::from_utf8(self.until(b"\r\n")).unwrap();
                    if line == "\r\n" {
                        return (body, trailer);
                    }
                    trailer.push_str(&line);
                }
            }
            body.extend(self.bytes(len));
            assert_eq!(self.bytes(2), b"\r\n");
        }
    }

    /// So many bytes.
    pub(crate) fn bytes(&mut self, len: usize) -> Vec<u8> {
        while self.unread.len() < len {
            assert!(self.more(), "ended after {} of {len} bytes", self.unread.len());
        }
        let rest = self.unread.split_off(len);
        std::mem::replace(&mut self.unread, rest)
    }

    /// Everything up to and including `end`.
    pub(crate) fn until(&mut self, end: &[u8]) -> Vec<u8> {
        loop {
            if let Some(at) = self.unread.windows(end.len()).position(|part| part == end) {
                return self.bytes(at + end.len());
            }
            assert!(
                self.more(),
                "the connection ended after {:?}",
                String::from_utf8_lossy(&self.unread)
            );
        }
    }

    /// Everything up to the end of the connection; the error is a reset.
    pub(crate) fn rest(&mut self) -> std::io::Result<Vec<u8>> {
        let mut all = std::mem::take(&mut self.unread);
        match self.stream.read_to_end(&mut all) {
            Ok(_) => Ok(all),
            Err(error) => {
                assert_ne!(error.kind(), ErrorKind::WouldBlock, "the connection stays open");
                Err(error)
            }
        }
    }

    /// Throws away what was read and not looked at; says how much it was.
    pub(crate) fn take_unread(&mut self) -> usize {
        std::mem::take(&mut self.unread).len()
    }

    /// Whether the connection ends, orderly or not, without another byte.
    pub(crate) fn is_closed(&mut self) -> bool {
        assert_eq!(String::from_utf8_lossy(&self.unread), "");
        self.rest().is_ok_and(|rest| rest.is_empty()) || self.unread.is_empty()
    }

    /// Whether nothing arrives for so long.
    pub(crate) fn is_silent_for(&mut self, time: Duration) -> bool {
        self.stream.set_read_timeout(Some(time)).unwrap();
        let read = self.stream.read(&mut [0]);
        self.stream.set_read_timeout(Some(PATIENCE)).unwrap();
        read.is_err_and(|error| matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut))
    }

    /// Ends in a reset.
    pub(crate) fn reset(self) {
        socket2::SockRef::from(&self.stream)
            .set_linger(Some(Duration::ZERO))
            .unwrap();
    }

    fn more(&mut self) -> bool {
        let mut piece = [0; 16 * 1024];
        let len = self.stream.read(&mut piece).unwrap_or_else(|error| {
            let so_far = String::from_utf8_lossy(&self.unread);
            panic!("{error} after {so_far:?}")
        });
        self.unread.extend_from_slice(&piece[..len]);
        len > 0
    }
}

fn status(head: &str) -> u16 {
    head.get(9..12)
        .and_then(|status| status.parse().ok())
        .unwrap_or_else(|| panic!("no status line: {head:?}"))
}
