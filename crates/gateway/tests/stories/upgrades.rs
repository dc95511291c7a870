//! Upgraded connections: nothing goes through before the upstream has agreed, everything after.

use std::time::Duration;

use crate::common::client::header;
use crate::common::upstream::ok;
use crate::common::{Client, Stand, Upstream, until};

const OFFER: &str = "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
const ACCEPTED: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                        Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/// Sends back what it gets, and says so at the end.
fn echo() -> Upstream {
    Upstream::start(|wire| {
        let head = wire.head().unwrap();
        assert_eq!(header(&head, "upgrade"), Some("websocket"));
        assert_eq!(header(&head, "connection"), Some("Upgrade"));
        assert!(header(&head, "sec-websocket-key").is_some());
        wire.write(ACCEPTED);
        while let Some(piece) = wire.bytes(4) {
            wire.write(piece);
        }
        wire.write("over");
    })
}

/// Bytes pass both ways after the 101, those that were sent too early included; and each side may end on its own.
#[test]
fn a_tunnel_carries_bytes_and_half_closes() {
    let upstream = echo();
    let stand = Stand::to(1, upstream.addr);
    let mut client = Client::connect(stand.addr);
    client.send(format!("{OFFER}earl"));
    let head = client.head();
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    assert_eq!(header(&head, "upgrade"), Some("websocket"));
    assert_eq!(header(&head, "connection"), Some("Upgrade"));
    assert!(head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    assert_eq!(client.bytes(4), b"earl");
    for _ in 0..100 {
        client.send("\0\x01\r\n");
        assert_eq!(client.bytes(4), b"\0\x01\r\n");
    }
    client.finish();
    assert_eq!(client.rest().unwrap(), b"over", "our end is not the other side's");
    stand.until_quiet();
    assert_eq!(stand.counts().upgrades, 1);
}

/// The other way round: the upstream has said all, the client goes on.
#[test]
fn an_upstream_may_end_first() {
    let upstream = Upstream::start(|wire| {
        wire.head().unwrap();
        wire.write(format!("{ACCEPTED}bye"));
        wire.stream.shutdown(std::net::Shutdown::Write).unwrap();
        wire.drain();
    });
    let stand = Stand::to(1, upstream.addr);
    let mut client = Client::connect(stand.addr);
    client.send(OFFER);
    client.head();
    assert_eq!(client.rest().unwrap(), b"bye");
    client.send("still here");
    until("it arrives", || upstream.received().ends_with("still here"));
    client.finish();
    stand.until_quiet();
}

/// Before the 101 not a byte goes up, however long it takes; and where it never comes, what was sent is the next request
/// and nothing else: a refused upgrade must not be a hole through which requests are smuggled.
#[test]
fn a_refused_upgrade_is_an_ordinary_answer() {
    let upstream = Upstream::start(|wire| {
        while let Some(head) = wire.head() {
            assert!(
                wire.stream
                    .set_read_timeout(Some(Duration::from_millis(100)))
                    .is_ok()
            );
            if head.contains("/chat") {
                assert_eq!(wire.bytes(1), None, "a byte before the 101");
            }
            wire.write(ok(head.split(' ').nth(1).unwrap()));
            wire.stream
                .set_read_timeout(Some(crate::common::PATIENCE))
                .unwrap();
        }
    });
    let stand = Stand::to(1, upstream.addr);
    let mut client = Client::connect(stand.addr);
    client.send(OFFER);
    client.get("/next");
    let answer = client.answer();
    assert_eq!((answer.status, answer.text().as_str()), (200, "/chat"));
    assert_eq!(client.answer().text(), "/next");
    assert_eq!(stand.counts().upgrades, 0);
    stand.until_quiet();
}

/// A 101 that nobody asked for, or one while the request's body is still on its way, makes no tunnel.
#[test]
fn a_101_out_of_turn_is_502() {
    let upstream = Upstream::start(|wire| {
        wire.head().unwrap();
        wire.write(ACCEPTED);
        wire.drain();
    });
    let stand = Stand::to(1, upstream.addr);
    assert_eq!(crate::common::get(stand.addr, "/").code(), "upstream_malformed");
    let mut client = Client::connect(stand.addr);
    let post = OFFER
        .replace("GET", "POST")
        .replace("\r\n\r\n", "\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    client.send(post);
    let answer = client.answer();
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (502, "upstream_malformed"),
        "{}",
        answer.head
    );
    assert_eq!(stand.counts().upgrades, 0);
    stand.until_quiet();
}

/// HTTP/2 in the clear, or TLS, would carry requests past every route: such an offer is not passed on, the request is.
#[test]
fn a_tunnel_for_http_is_not_offered() {
    let upstream = Upstream::start(|wire| {
        let head = wire.head().unwrap();
        for name in ["upgrade", "connection", "http2-settings"] {
            assert_eq!(header(&head, name), None, "{head}");
        }
        wire.write(ok("plain"));
    });
    let stand = Stand::to(1, upstream.addr);
    for offer in ["h2c", "H2C", "websocket, h2c", "TLS/1.2", "HTTP/2.0"] {
        let mut client = Client::connect(stand.addr);
        client.send(format!(
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: {offer}\r\nHTTP2-Settings: AAMAAABk\r\n\r\n"
        ));
        assert_eq!(client.answer().text(), "plain", "{offer}");
    }
    assert_eq!(stand.counts().upgrades, 0);
}

/// When one side is reset, the other learns it: nothing of the tunnel stays.
#[test]
fn a_reset_ends_both_sides() {
    let upstream = echo();
    let stand = Stand::to(1, upstream.addr);
    let mut client = Client::connect(stand.addr);
    client.send(OFFER);
    client.head();
    client.reset();
    stand.until_quiet();
    until("no connection is left", || stand.counts().open == 0);
}
