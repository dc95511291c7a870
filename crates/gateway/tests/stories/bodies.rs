//! Bodies on their way: large ones, early answers, broken ones.

use std::io::{Read, Write};
use std::time::Duration;

use crate::common::upstream::ok;
use crate::common::{Client, Stand, Upstream, until};

const LARGE: usize = 8 * 1024 * 1024 + 7;

fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at % 251) as u8).collect()
}

/// Large bodies arrive whole and in order, with a length and in chunks, up and down at once.
#[test]
fn large_bodies_arrive_whole() {
    let upstream = Upstream::start(|wire| {
        wire.head().unwrap();
        let mut body = vec![0; LARGE];
        // What came with the head was recorded; the rest is compared here.
        wire.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        wire.stream.read_exact(&mut body).unwrap();
        assert!(body == pattern(LARGE));
        for part in body.chunks(100_000) {
            wire.write(format!("{:x}\r\n", part.len()));
            wire.write(part);
            wire.write("\r\n");
        }
        wire.write("0\r\n\r\n");
        wire.drain();
    });
    let stand = Stand::to(1, upstream.addr);
    let mut client = Client::connect(stand.addr);
    client.send(format!(
        "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: {LARGE}\r\n\r\n"
    ));
    let head = client.head();
    client.send(pattern(LARGE));
    let answer = client.body_of(head);
    assert!(answer.body == pattern(LARGE), "{} bytes", answer.body.len());
}

/// An upstream may answer before it has read the request; its answer arrives while the body is still on its way, and what
/// is left of the body is nobody's next request.
#[test]
fn an_early_answer_is_passed_on() {
    let upstream = Upstream::start(|wire| {
        wire.head().unwrap();
        wire.write("HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\ntoo");
        // And reads no more.
    });
    let stand = Stand::to(1, upstream.addr);
    let mut client = Client::connect(stand.addr);
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n");
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(100));
    let answer = client.answer();
    assert_eq!((answer.status, answer.text().as_str()), (413, "too"));
    assert_eq!(answer.header("connection"), Some("close"));
    // It goes on sending for a while, as clients do, and is not reset before it could read.
    for _ in 0..20 {
        if client.stream.write_all(&[b'x'; 1000]).is_err() {
            break;
        }
    }
    assert!(
        client.rest().unwrap_or_default().is_empty(),
        "an answer to what was no request"
    );
    assert_eq!((upstream.connections(), stand.counts().requests), (1, 1));
    stand.until_quiet();
}

/// A client that sends a body and reads nothing meanwhile does not stop its own answer, or anybody else's.
#[test]
fn an_answer_streams_while_the_body_streams() {
    let upstream = Upstream::start(|wire| {
        wire.head().unwrap();
        wire.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        for _ in 0..100 {
            let line = wire.until(b"\n").unwrap();
            wire.write(format!("{:x}\r\n{line}\r\n", line.len()));
        }
        wire.write("0\r\n\r\n");
        wire.drain();
    });
    let stand = Stand::to(1, upstream.addr);
    let mut client = Client::connect(stand.addr);
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 200\r\n\r\n");
    let head = client.head();
    assert!(head.starts_with("HTTP/1.1 200"));
    for _ in 0..100 {
        client.send("x\n");
        assert_eq!(
            client.until(b"\n\r\n"),
            b"2\r\nx\n\r\n",
            "each line comes back before the next is sent"
        );
    }
    assert_eq!(client.until(b"\r\n\r\n"), b"0\r\n\r\n");
}

/// A body whose chunks are broken is refused, and the upstream is not left believing that it was whole.
#[test]
fn a_broken_request_body_reaches_nobody_whole() {
    let upstream = Upstream::start(|wire| {
        wire.head().unwrap();
        wire.drain();
    });
    let stand = Stand::to(1, upstream.addr);
    let mut client = Client::connect(stand.addr);
    client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    until("the first chunk is up", || upstream.received().contains("abc"));
    client.send("zz\r\n");
    let answer = client.answer();
    assert_eq!((answer.status, answer.header("connection")), (400, Some("close")));
    assert!(client.is_closed());
    assert!(
        !upstream.received().contains("0\r\n\r\n"),
        "{}",
        upstream.received()
    );
    stand.until_quiet();
}

/// A response that is cut off is never ended as if it were whole: with a length it is short, in chunks the last one is
/// missing, and where only the connection's end tells, it is a reset.
#[test]
fn a_truncated_response_is_seen_to_be_one() {
    let upstream = Upstream::start(|wire| {
        let head = wire.head().unwrap();
        let framing = match head.contains("/chunks") {
            true => "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
            false => "Content-Length: 100000\r\n\r\nabc",
        };
        wire.write(format!("HTTP/1.1 200 OK\r\n{framing}"));
        // Until the client has seen it: the truncation comes after the head was passed on.
        wire.stream
            .set_read_timeout(Some(Duration::from_millis(200)))
            .unwrap();
        wire.drain();
    });
    let stand = Stand::to(1, upstream.addr);
    let mut client = Client::connect(stand.addr);
    client.get("/length");
    assert!(client.head().contains("100000"));
    assert_eq!(client.rest().unwrap(), b"abc");
    let mut client = Client::connect(stand.addr);
    client.get("/chunks");
    assert!(client.head().contains("chunked"));
    assert_eq!(client.rest().unwrap(), b"3\r\nabc\r\n");
    let mut client = Client::connect(stand.addr);
    client.send("GET /chunks HTTP/1.0\r\n\r\n");
    assert!(client.head().contains("Connection: close"));
    assert!(client.rest().is_err(), "an end would look like the body's");
    assert_eq!(stand.counts().truncated, 3);
    stand.until_quiet();
}

/// Bytes behind a response are no response to the next request: such a connection is not used again.
#[test]
fn a_response_too_many_is_given_to_nobody() {
    let upstream = Upstream::start(|wire| wire.serve(|_| ok("one") + &ok("two")));
    let stand = Stand::to(1, upstream.addr);
    let mut client = Client::connect(stand.addr);
    for _ in 0..3 {
        client.get("/");
        assert_eq!(client.answer().text(), "one");
    }
    assert_eq!(upstream.connections(), 3);
}

/// What is no response is 502 and tells nothing of it.
#[test]
fn a_malformed_response_is_502() {
    for bytes in [
        "SSH-2.0-secret\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\nContent-Length: 0\n\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nContent-Length: 7\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    ] {
        let upstream = Upstream::answering(|_| bytes.into());
        let stand = Stand::to(1, upstream.addr);
        let answer = crate::common::get(stand.addr, "/");
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (502, "upstream_malformed"),
            "{bytes}"
        );
        assert!(!answer.text().contains("secret") && !answer.text().contains(&upstream.addr.to_string()));
        assert_eq!(upstream.requests(), 1, "asking again helps nobody");
        stand.until_quiet();
    }
}
