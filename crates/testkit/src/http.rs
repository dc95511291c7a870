//! A small blocking HTTP/1.1 client for tests that look at raw answers: exact paths (never normalised), exact
//! header values, exact bodies, pipelining, and no help from a library that could hide a server's mistake.
//!
//! Invariants: every read has a timeout; heads and bodies are bounded; a body that the framing does not cover
//! exactly is an error, not a shorter body.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use flate2::read::GzDecoder;

use crate::{Error, Result};

/// A server that takes longer than this for one answer is broken, however slow the machine.
const TIMEOUT: Duration = Duration::from_secs(20);
const HEAD_BYTES_MAX: u64 = 64 * 1024;
const BODY_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// A request, written as it stands.
#[derive(Debug, Clone)]
pub struct Request {
    /// The method, any token.
    pub method: String,
    /// Path and query, sent as they are.
    pub path: String,
    /// Headers in order; `Host` and `Content-Length` are added.
    pub headers: Vec<(String, String)>,
    /// The body; empty means none.
    pub body: Vec<u8>,
}

impl Request {
    /// A request without headers or body.
    pub fn new(method: &str, path: impl Into<String>) -> Self {
        Self {
            method: method.to_owned(),
            path: path.into(),
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// A `GET`.
    pub fn get(path: impl Into<String>) -> Self {
        Self::new("GET", path)
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    fn write_to(&self, address: SocketAddr, out: &mut Vec<u8>) {
        let mut head = format!("{} {} HTTP/1.1\r\nHost: {address}\r\n", self.method, self.path);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if !self.body.is_empty() || matches!(self.method.as_str(), "POST" | "PUT" | "PATCH") {
            head.push_str(&format!("Content-Length: {}\r\n", self.body.len()));
        }
        out.extend_from_slice(head.as_bytes());
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(&self.body);
    }
}

/// An answer with its body decoded from chunks and gzip; the headers are as they came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The headers as they came.
    pub headers: Vec<(String, String)>,
    /// The body, decoded.
    pub body: Vec<u8>,
}

impl Response {
    /// The first header of this name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The body as text; what is no UTF-8 shows as replacement characters.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON, `None` if it is none.
    pub fn json(&self) -> Option<serde_json::Value> {
        serde_json::from_slice(&self.body).ok()
    }
}

/// Sends one request on a connection of its own.
///
/// # Errors
/// [`Error::Connection`] or [`Error::Answer`].
pub fn send(address: SocketAddr, request: &Request) -> Result<Response> {
    let mut connection = Connection::open(address)?;
    connection.write(&[request])?;
    connection.read(&request.method)
}

/// A connection that stays open: several requests may be written before the first answer is read.
#[derive(Debug)]
pub struct Connection {
    address: SocketAddr,
    stream: BufReader<TcpStream>,
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// [`Error::Connection`].
    pub fn open(address: SocketAddr) -> Result<Self> {
        let connect = || -> io::Result<TcpStream> {
            let stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
            stream.set_read_timeout(Some(TIMEOUT))?;
            stream.set_write_timeout(Some(TIMEOUT))?;
            stream.set_nodelay(true)?;
            Ok(stream)
        };
        connect()
            .map(|stream| Self {
                address,
                stream: BufReader::new(stream),
            })
            .map_err(|source| Error::Connection { address, source })
    }

    /// Writes the requests in one piece.
    ///
    /// # Errors
    /// [`Error::Connection`].
    pub fn write(&mut self, requests: &[&Request]) -> Result<()> {
        let mut out = Vec::new();
        for request in requests {
            request.write_to(self.address, &mut out);
        }
        let result = self.stream.get_mut().write_all(&out);
        result.map_err(|source| self.io(source))
    }

    /// Reads the answer to a request with this method (an answer to `HEAD` has no body).
    ///
    /// # Errors
    /// [`Error::Connection`] or [`Error::Answer`].
    pub fn read(&mut self, method: &str) -> Result<Response> {
        let (status, headers) = self.read_head()?;
        let mut response = Response {
            status,
            headers,
            body: Vec::new(),
        };
        if method != "HEAD" && status != 204 && status != 304 {
            response.body = self.read_body(&response)?;
            if response.header("content-encoding") == Some("gzip") {
                response.body = self.gunzip(&response.body)?;
            }
        }
        Ok(response)
    }

    fn read_head(&mut self) -> Result<(u16, Vec<(String, String)>)> {
        let line = self.read_line()?;
        let status = line
            .strip_prefix("HTTP/1.1 ")
            .and_then(|rest| rest.get(..3))
            .and_then(|code| code.parse().ok())
            .ok_or_else(|| self.bad(format!("no status line: {line:?}")))?;
        let mut headers = Vec::new();
        let mut bytes = line.len() as u64;
        loop {
            let line = self.read_line()?;
            if line.is_empty() {
                return Ok((status, headers));
            }
            bytes += line.len() as u64;
            if bytes > HEAD_BYTES_MAX {
                return Err(self.bad("the head is too long".into()));
            }
            let (name, value) = line
                .split_once(':')
                .ok_or_else(|| self.bad(format!("no header line: {line:?}")))?;
            headers.push((name.to_owned(), value.trim().to_owned()));
        }
    }

    fn read_body(&mut self, response: &Response) -> Result<Vec<u8>> {
        let chunked = response
            .header("transfer-encoding")
            .is_some_and(|v| v == "chunked");
        if chunked {
            return self.read_chunks();
        }
        match response.header("content-length") {
            Some(length) => {
                let length = length
                    .parse()
                    .map_err(|_| self.bad(format!("content-length {length:?}")))?;
                self.read_exactly(length)
            }
            None => self.read_to_end(),
        }
    }

    fn read_chunks(&mut self) -> Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let line = self.read_line()?;
            let size = line.split(';').next().unwrap_or_default().trim();
            let size = u64::from_str_radix(size, 16).map_err(|_| self.bad(format!("chunk size {line:?}")))?;
            if size == 0 {
                while !self.read_line()?.is_empty() {}
                return Ok(body);
            }
            body.extend(self.read_exactly(size)?);
            if body.len() as u64 > BODY_BYTES_MAX {
                return Err(self.bad("the body is too long".into()));
            }
            if !self.read_line()?.is_empty() {
                return Err(self.bad("a chunk is longer than it says".into()));
            }
        }
    }

    fn read_exactly(&mut self, length: u64) -> Result<Vec<u8>> {
        if length > BODY_BYTES_MAX {
            return Err(self.bad(format!("a body of {length} bytes")));
        }
        let mut body = Vec::new();
        let read = (&mut self.stream).take(length).read_to_end(&mut body);
        read.map_err(|source| self.io(source))?;
        if body.len() as u64 == length {
            Ok(body)
        } else {
            Err(self.bad(format!("the body ended after {} of {length} bytes", body.len())))
        }
    }

    fn read_to_end(&mut self) -> Result<Vec<u8>> {
        let mut body = Vec::new();
        let read = (&mut self.stream).take(BODY_BYTES_MAX).read_to_end(&mut body);
        read.map_err(|source| self.io(source)).map(|_| body)
    }

    fn read_line(&mut self) -> Result<String> {
        let mut line = Vec::new();
        let read = (&mut self.stream)
            .take(HEAD_BYTES_MAX)
            .read_until(b'\n', &mut line);
        read.map_err(|source| self.io(source))?;
        match line.strip_suffix(b"\r\n") {
            Some(line) => Ok(String::from_utf8_lossy(line).into_owned()),
            None => Err(self.bad(format!(
                "the connection ended in {:?}",
                String::from_utf8_lossy(&line)
            ))),
        }
    }

    fn gunzip(&self, body: &[u8]) -> Result<Vec<u8>> {
        let mut plain = Vec::new();
        GzDecoder::new(body)
            .take(BODY_BYTES_MAX)
            .read_to_end(&mut plain)
            .map_err(|error| self.bad(format!("gzip: {error}")))?;
        Ok(plain)
    }

    fn io(&self, source: io::Error) -> Error {
        Error::Connection {
            address: self.address,
            source,
        }
    }

    fn bad(&self, what: String) -> Error {
        Error::Answer {
            address: self.address,
            what,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    /// Answers one connection with these bytes and returns what the client sent.
    fn served(answer: &'static [u8], request: &Request) -> (Result<Response>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut seen = vec![0; 4096];
            let length = stream.read(&mut seen).unwrap();
            stream.write_all(answer).unwrap();
            String::from_utf8(seen[..length].to_vec()).unwrap()
        });
        let response = send(address, request);
        (response, server.join().unwrap())
    }

    /// Protects: the path and the headers go out as the test wrote them.
    #[test]
    fn a_request_is_sent_as_it_stands() {
        let request = Request::new("PUT", "//a/%2F?b=c d").header("X-Y", "z");
        let (_, seen) = served(b"HTTP/1.1 204 No Content\r\n\r\n", &request);
        assert!(
            seen.starts_with("PUT //a/%2F?b=c d HTTP/1.1\r\nHost: 127.0.0.1:"),
            "{seen}"
        );
        assert!(seen.contains("\r\nX-Y: z\r\nContent-Length: 0\r\n\r\n"), "{seen}");
    }

    /// Protects: chunked bodies are put together and the headers stay visible.
    #[test]
    fn chunks_are_joined() {
        let (response, _) = served(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n",
            &Request::get("/"),
        );
        let response = response.unwrap();
        assert_eq!((response.status, response.text()), (200, "abcde".into()));
        assert_eq!(response.header("transfer-encoding"), Some("chunked"));
    }

    /// Protects: a server whose Content-Length promises more than it sends fails the test.
    #[test]
    fn a_short_body_is_an_error() {
        let (response, _) = served(
            b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc",
            &Request::get("/"),
        );
        assert!(response.unwrap_err().to_string().contains("3 of 9"));
    }

    /// Protects: a HEAD answer that announces a length is not waited for.
    #[test]
    fn head_has_no_body() {
        let (response, _) = served(
            b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n",
            &Request::new("HEAD", "/"),
        );
        assert!(response.unwrap().body.is_empty());
    }
}
