//! A keep-alive HTTP/1.1 client for load: blocking, one request in flight, requests prepared in advance.
//!
//! Why our own: the generator shares the machine with the server, so it should cost little and the same for every
//! rival. It understands what the servers under test send: fixed lengths, chunks, and a closing connection.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::error::{Error, Result};

/// The Eureka clients' own read timeout is 8 s; a full fetch of 100,000 instances may take longer.
const READ_TIMEOUT: Duration = Duration::from_secs(60);
const HEAD_LEN_MAX: usize = 64 * 1024;
/// A full fetch of 100,000 instances is about 110 MB.
const BODY_LEN_MAX: usize = 1024 * 1024 * 1024;
/// A snapshot of a service with thousands of instances is one line.
const LINE_LEN_MAX: usize = 16 * 1024 * 1024;
const BUFFER_LEN: usize = 128 * 1024;

/// What came back. The body is counted and only kept when asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body_len: usize,
    pub(crate) body: Vec<u8>,
    closes: bool,
}

/// A connection that is opened anew whenever the server closed it after an answer.
#[derive(Debug)]
pub(crate) struct Connection {
    address: SocketAddr,
    stream: Option<TcpStream>,
    buffer: Vec<u8>,
    /// The unread part of the buffer.
    start: usize,
    end: usize,
    /// What is unread of a stream's current chunk.
    chunk_left: usize,
}

impl Connection {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self {
            address,
            stream: None,
            buffer: vec![0; BUFFER_LEN],
            start: 0,
            end: 0,
            chunk_left: 0,
        }
    }

    /// Sends a prepared request and reads the answer, counting its body.
    pub(crate) fn exchange(&mut self, request: &[u8]) -> Result<Answer> {
        self.go(request, false)
    }

    /// The same, keeping the body.
    pub(crate) fn fetch(&mut self, request: &[u8]) -> Result<Answer> {
        self.go(request, true)
    }

    /// Sends a request and keeps the connection for the lines of an endless, chunked answer.
    pub(crate) fn open_stream(&mut self, request: &[u8]) -> Result<u16> {
        self.send(request).map_err(Error::io("opening a stream"))?;
        let head = self.read_head().map_err(Error::io("reading a stream's head"))?;
        self.chunk_left = 0;
        Ok(head.status)
    }

    /// The next line of an endless answer.
    pub(crate) fn next_line(&mut self) -> Result<String> {
        let mut line = Vec::new();
        loop {
            match self.take_chunked_byte().map_err(Error::io("reading a stream"))? {
                b'\n' => return Ok(String::from_utf8_lossy(&line).into_owned()),
                byte if line.len() < LINE_LEN_MAX => line.push(byte),
                _ => {
                    return Err(Error::io("a stream's line is too long")(
                        io::ErrorKind::InvalidData.into(),
                    ));
                }
            }
        }
    }

    fn go(&mut self, request: &[u8], keep: bool) -> Result<Answer> {
        let answer = self.send(request).and_then(|()| self.read_answer(keep));
        let closes = answer.as_ref().map_or(true, |answer| answer.closes);
        if closes {
            self.stream = None;
        }
        answer.map_err(Error::io(first_line(request)))
    }

    fn send(&mut self, request: &[u8]) -> io::Result<()> {
        if self.stream.is_none() {
            let stream = TcpStream::connect(self.address)?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(READ_TIMEOUT))?;
            stream.set_write_timeout(Some(READ_TIMEOUT))?;
            self.stream = Some(stream);
            (self.start, self.end) = (0, 0);
        }
        self.open()?.write_all(request)
    }

    fn read_answer(&mut self, keep: bool) -> io::Result<Answer> {
        let head = self.read_head()?;
        let mut answer = Answer {
            status: head.status,
            closes: head.closes,
            ..Answer::default()
        };
        if head.chunked {
            self.read_chunks(&mut answer, keep)?;
        } else {
            self.read_body(head.length, &mut answer, keep)?;
        }
        Ok(answer)
    }

    fn read_head(&mut self) -> io::Result<Head> {
        loop {
            if let Some(at) = find(&self.buffer[self.start..self.end], b"\r\n\r\n") {
                let head = Head::parse(&self.buffer[self.start..self.start + at + 2])?;
                self.start += at + 4;
                return Ok(head);
            }
            if self.end - self.start >= HEAD_LEN_MAX {
                return Err(bad("the head is too long"));
            }
            self.fill()?;
        }
    }

    fn read_body(&mut self, mut left: usize, answer: &mut Answer, keep: bool) -> io::Result<()> {
        if left > BODY_LEN_MAX - answer.body_len {
            return Err(bad("the body is too long"));
        }
        while left > 0 {
            if self.start == self.end {
                self.fill()?;
            }
            let part = left.min(self.end - self.start);
            if keep {
                answer
                    .body
                    .extend_from_slice(&self.buffer[self.start..self.start + part]);
            }
            answer.body_len += part;
            self.start += part;
            left -= part;
        }
        Ok(())
    }

    fn read_chunks(&mut self, answer: &mut Answer, keep: bool) -> io::Result<()> {
        loop {
            let length = self.read_chunk_length()?;
            self.read_body(length, answer, keep)?;
            self.read_line()?;
            if length == 0 {
                return Ok(());
            }
        }
    }

    fn read_chunk_length(&mut self) -> io::Result<usize> {
        let line = self.read_line()?;
        let digits = line.split(';').next().unwrap_or("").trim();
        usize::from_str_radix(digits, 16).map_err(|_| bad("no chunk length"))
    }

    fn read_line(&mut self) -> io::Result<String> {
        let mut line = Vec::new();
        loop {
            match self.take_byte()? {
                b'\n' => return Ok(String::from_utf8_lossy(&line).into_owned()),
                byte if line.len() < 256 => line.push(byte),
                _ => return Err(bad("a chunk's line is too long")),
            }
        }
    }

    fn take_chunked_byte(&mut self) -> io::Result<u8> {
        if self.chunk_left == 0 {
            self.chunk_left = self.read_chunk_length()?;
            if self.chunk_left == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        let byte = self.take_byte()?;
        self.chunk_left -= 1;
        if self.chunk_left == 0 {
            self.read_line()?;
        }
        Ok(byte)
    }

    fn take_byte(&mut self) -> io::Result<u8> {
        if self.start == self.end {
            self.fill()?;
        }
        self.start += 1;
        Ok(self.buffer[self.start - 1])
    }

    /// Reads more behind what is unread, which moves to the front first when there is no room.
    fn fill(&mut self) -> io::Result<()> {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        } else if self.end == self.buffer.len() {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        let stream = self.stream.as_mut().ok_or(io::ErrorKind::NotConnected)?;
        let read = stream.read(&mut self.buffer[self.end..])?;
        self.end += read;
        if read == 0 {
            Err(io::ErrorKind::UnexpectedEof.into())
        } else {
            Ok(())
        }
    }

    fn open(&mut self) -> io::Result<&mut TcpStream> {
        self.stream
            .as_mut()
            .ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Head {
    status: u16,
    length: usize,
    chunked: bool,
    closes: bool,
}

impl Head {
    /// Everything up to and with the last header's line end.
    fn parse(bytes: &[u8]) -> io::Result<Self> {
        let text = std::str::from_utf8(bytes).map_err(|_| bad("the head is no UTF-8"))?;
        let mut lines = text.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
        let mut head = Self {
            status: status.ok_or_else(|| bad("no status"))?,
            length: 0,
            chunked: false,
            closes: false,
        };
        for (name, value) in lines.filter_map(|line| line.split_once(':')) {
            let value = value.trim();
            if name.eq_ignore_ascii_case("content-length") {
                head.length = value.parse().map_err(|_| bad("no content length"))?;
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                head.chunked = value.eq_ignore_ascii_case("chunked");
            } else if name.eq_ignore_ascii_case("connection") {
                head.closes = value.eq_ignore_ascii_case("close");
            }
        }
        Ok(head)
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

fn bad(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

fn first_line(request: &[u8]) -> String {
    let line = request.split(|byte| *byte == b'\r').next().unwrap_or_default();
    String::from_utf8_lossy(line).into_owned()
}

#[cfg(test)]
#[path = "http/tests.rs"]
mod tests;
