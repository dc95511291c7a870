//! A server that does nothing but send prepared bytes: what a request costs before any server has done any work.
//!
//! Why: over loopback the kernel charges the sender for much of the receiver's work too, so an answer of 40 KB costs
//! tens of microseconds whoever sends it. A figure without that floor beside it invites wrong conclusions.
//!
//! It runs as a process of its own (`koinon-bench canned`), so that its CPU time is read like anybody's. Each
//! connection has a thread and blocking calls. It answers `GET /bytes/N` with N bytes and everything else with none.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;

use crate::error::{Error, Result};
use crate::report::say;

/// What the parent looks for in our output; the port follows.
pub(crate) const LISTENING: &str = "canned answers on port ";
/// An answer's largest body; a full fetch of 1,000 instances is just below 1 MB.
const BODY_LEN_MAX: usize = 16 * 1024 * 1024;
const REQUEST_LEN_MAX: usize = 16 * 1024;

/// Serves until the parent ends this process.
pub(crate) fn serve() -> Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(Error::io("binding"))?;
    let port = listener.local_addr().map_err(Error::io("binding"))?.port();
    say(&format!("{LISTENING}{port}"));
    for stream in listener.incoming() {
        let stream = stream.map_err(Error::io("accepting"))?;
        // A connection that breaks concerns its client only.
        thread::spawn(move || answer_all(stream).ok());
    }
    Ok(())
}

fn answer_all(mut stream: TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = vec![0; REQUEST_LEN_MAX];
    let mut used = 0;
    let mut answer = (usize::MAX, Vec::new());
    loop {
        let read = stream.read(&mut buffer[used..])?;
        used += read;
        if read == 0 {
            return Ok(());
        }
        if buffer[..used].ends_with(b"\r\n\r\n") {
            let wanted = wanted_len(&buffer[..used]);
            if answer.0 != wanted {
                answer = (wanted, prepared(wanted));
            }
            stream.write_all(&answer.1)?;
            used = 0;
        }
    }
}

/// The N of `GET /bytes/N`, 0 for any other request.
fn wanted_len(request: &[u8]) -> usize {
    let digits = request
        .strip_prefix(b"GET /bytes/")
        .and_then(|rest| rest.split(|byte| *byte == b' ').next());
    let number = digits.and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
    number.unwrap_or(0).min(BODY_LEN_MAX)
}

fn prepared(len: usize) -> Vec<u8> {
    let mut answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {len}\r\n\r\n").into_bytes();
    answer.resize(answer.len() + len, b'x');
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects: the floor is measured with answers of the size that the others send.
    #[test]
    fn answers_have_the_length_asked_for() {
        assert_eq!(
            wanted_len(b"GET /bytes/42000 HTTP/1.1\r\nHost: x\r\n\r\n"),
            42_000
        );
        assert_eq!(wanted_len(b"PUT /eureka/apps/A/b HTTP/1.1\r\n\r\n"), 0);
        assert_eq!(wanted_len(b"GET /bytes/99999999999999999999 HTTP/1.1\r\n\r\n"), 0);
        assert_eq!(prepared(3), b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nxxx");
    }
}
