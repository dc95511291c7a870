//! Messages on their way: what the upstream and the client get to see.

use crate::common::client::header;
use crate::common::upstream::ok;
use crate::common::{Client, Stand, Upstream, get, route_to, settings, until};

/// Every method goes through as it is, with its target and its body.
#[test]
fn methods_and_targets_are_forwarded_as_they_are() {
    let upstream = Upstream::start(|wire| wire.serve(|_| ok("done")));
    let stand = Stand::to(1, upstream.addr);
    let mut client = Client::connect(stand.addr);
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"] {
        let len = if method == "GET" { 0 } else { 2 };
        let fields = format!("Host: a\r\nContent-Length: {len}\r\n");
        client.send(format!(
            "{method} /a//b/%2F;x?q=%20&r HTTP/1.1\r\n{fields}\r\n{}",
            &"hi"[..len]
        ));
        assert_eq!(client.answer().text(), "done", "{method}");
        let last = upstream.received();
        assert!(
            last.contains(&format!("{method} /a//b/%2F;x?q=%20&r HTTP/1.1\r\n")),
            "{last}"
        );
    }
    assert_eq!(upstream.received().matches("\r\n\r\nhi").count(), 6);
    assert_eq!(
        upstream.connections(),
        1,
        "one after the other, they share a connection"
    );
}

/// The answer to HEAD has the length of the body and no body, and the next request is still understood.
#[test]
fn head_has_a_length_and_no_body() {
    let upstream = Upstream::answering(|head| match head.starts_with("HEAD") {
        true => "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n".into(),
        false => ok("hello"),
    });
    let stand = Stand::to(1, upstream.addr);
    let mut client = Client::connect(stand.addr);
    client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.answer_to_head().header("content-length"), Some("5"));
    client.get("/");
    assert_eq!(client.answer().text(), "hello");
    client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.answer_to_head().status, 200);
    assert_eq!(upstream.connections(), 1);
}

/// 204 and 304 have no body whatever their fields say; the connection goes on behind them on both sides.
#[test]
fn bodiless_statuses_keep_the_connection() {
    let upstream = Upstream::answering(|head| match head.contains("/304") {
        true => "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\nETag: \"x\"\r\n\r\n".into(),
        false => "HTTP/1.1 204 No Content\r\n\r\n".into(),
    });
    let stand = Stand::to(1, upstream.addr);
    let mut client = Client::connect(stand.addr);
    for (path, status) in [("/204", 204), ("/304", 304), ("/204", 204)] {
        client.get(path);
        let answer = client.answer();
        assert_eq!(answer.status, status);
        assert!(answer.header("transfer-encoding").is_none() && answer.header("connection").is_none());
    }
    assert_eq!(upstream.connections(), 1);
}

/// Chunks in, chunks out, with the trailer; what says who may do what is no trailer.
#[test]
fn chunks_and_trailers_pass_both_ways() {
    let upstream = Upstream::start(|wire| {
        let head = wire.head().unwrap();
        assert_eq!(header(&head, "transfer-encoding"), Some("chunked"));
        wire.until(b"0\r\nX-Up: 1\r\n\r\n").unwrap();
        wire.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n3\r\nabc\r\n");
        wire.write("2\r\nde\r\n0\r\nX-Sum: 5\r\nAuthorization: x\r\n\r\n");
        wire.drain();
    });
    let stand = Stand::to(1, upstream.addr);
    let mut client = Client::connect(stand.addr);
    client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nup\r\n");
    client.send("9\r\n and away\r\n0\r\nX-Up: 1\r\n\r\n");
    let answer = client.answer();
    assert_eq!(
        (answer.text().as_str(), answer.trailer.as_str()),
        ("abcde", "X-Sum: 5\r\n")
    );
    let received = upstream.received();
    assert!(
        received.contains("up") && received.contains(" and away"),
        "{received}"
    );
}

/// A body that ends with the upstream's connection becomes chunks, so that the client's connection lives on; a client of
/// 1.0 knows no chunks and gets the end of its connection.
#[test]
fn bodies_until_close_are_passed_on_by_version() {
    let upstream = Upstream::start(|wire| {
        wire.head().unwrap();
        wire.write("HTTP/1.1 200 OK\r\n\r\nno length");
    });
    let stand = Stand::to(1, upstream.addr);
    let mut client = Client::connect(stand.addr);
    for _ in 0..2 {
        client.get("/");
        let answer = client.answer();
        assert_eq!(
            (answer.header("transfer-encoding"), answer.text().as_str()),
            (Some("chunked"), "no length")
        );
    }
    client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    let answer = client.answer();
    assert_eq!(
        (answer.header("connection"), answer.header("transfer-encoding")),
        (Some("close"), None)
    );
    assert_eq!(answer.text(), "no length");
}

/// A client of 1.0 gets chunks unpacked, and its connection is kept only where a length allows it and it asked.
#[test]
fn a_client_of_1_0_is_kept_on_request_only() {
    let upstream = Upstream::answering(|head| match head.contains("/chunks") {
        true => "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n".into(),
        false => ok("hello"),
    });
    let stand = Stand::to(1, upstream.addr);
    let mut client = Client::connect(stand.addr);
    client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    assert_eq!(client.answer().header("connection"), Some("keep-alive"));
    client.send("GET /chunks HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    let answer = client.answer();
    assert_eq!(
        (answer.text().as_str(), answer.header("connection")),
        ("abc", Some("close"))
    );
    let mut client = Client::connect(stand.addr);
    client.send("GET / HTTP/1.0\r\n\r\n");
    assert_eq!(client.answer().header("connection"), Some("close"));
    assert!(client.is_closed());
}

/// Pipelined requests are answered in order, each once, bodies in between included.
#[test]
fn pipelined_requests_are_answered_in_order() {
    let upstream = Upstream::start(|wire| wire.serve(|head| ok(head.split(' ').nth(1).unwrap())));
    let stand = Stand::to(1, upstream.addr);
    let mut client = Client::connect(stand.addr);
    let mut all = String::new();
    for nth in 0..100 {
        all += &format!("GET /get/{nth} HTTP/1.1\r\nHost: a\r\n\r\n");
        all += &format!("POST /post/{nth} HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nGET ");
        all += &format!("PUT /put/{nth} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
    }
    client.send(all);
    for nth in 0..100 {
        for word in ["get", "post", "put"] {
            assert_eq!(client.answer().text(), format!("/{word}/{nth}"));
        }
    }
    assert_eq!(upstream.requests(), 300);
}

/// `100 Continue` comes from the upstream, not from us, and no byte of the body goes up before the client sends it.
#[test]
fn a_body_is_withheld_until_the_upstream_continues() {
    let upstream = Upstream::start(|wire| {
        let head = wire.head().unwrap();
        assert_eq!(header(&head, "expect"), Some("100-continue"));
        wire.write("HTTP/1.1 100 Continue\r\nX-Note: go\r\n\r\n");
        let body = wire.bytes(5).unwrap();
        wire.write(ok(&body));
        wire.drain();
    });
    let stand = Stand::to(1, upstream.addr);
    let mut client = Client::connect(stand.addr);
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    let interim = client.head();
    assert!(
        interim.starts_with("HTTP/1.1 100 ") && interim.contains("X-Note: go"),
        "{interim}"
    );
    client.send("hello");
    assert_eq!(client.answer().text(), "hello");
}

/// An upstream that refuses before it has seen the body is heard, and the body that never came is not waited for.
#[test]
fn a_refused_expectation_ends_the_connection() {
    let upstream = Upstream::start(|wire| {
        wire.head().unwrap();
        wire.write("HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno");
        wire.drain();
    });
    let stand = Stand::to(1, upstream.addr);
    let mut client = Client::connect(stand.addr);
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    let answer = client.answer();
    assert_eq!((answer.status, answer.header("connection")), (413, Some("close")));
    assert!(client.is_closed());
    assert!(upstream.received().ends_with("\r\n\r\n"), "no body went up");
}

/// Interim answers reach a client of 1.1 before the final one; a client of 1.0 does not know them.
#[test]
fn early_hints_are_passed_on() {
    let upstream = Upstream::answering(|_| {
        let hints = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\nConnection: x\r\n\r\n";
        format!("{hints}HTTP/1.1 102 Processing\r\n\r\n{}", ok("page"))
    });
    let stand = Stand::to(1, upstream.addr);
    let mut client = Client::connect(stand.addr);
    client.get("/");
    let hints = client.head();
    assert!(
        hints.starts_with("HTTP/1.1 103 ") && hints.contains("Link: </a.css>"),
        "{hints}"
    );
    assert!(!hints.contains("Connection"), "{hints}");
    assert!(client.head().starts_with("HTTP/1.1 102 "));
    assert_eq!(client.answer().text(), "page");
    client.send("GET / HTTP/1.0\r\n\r\n");
    assert_eq!(client.answer().text(), "page");
}

/// An upstream that never comes to the point does not hold a client for ever.
#[test]
fn endless_interim_answers_end_in_502() {
    let upstream = Upstream::answering(|_| "HTTP/1.1 102 Processing\r\n\r\n".repeat(100));
    let stand = Stand::to(1, upstream.addr);
    let mut client = Client::connect(stand.addr);
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
    let mut head = client.head();
    while head.starts_with("HTTP/1.1 102 ") {
        head = client.head();
    }
    assert_eq!(client.body_of(head).code(), "upstream_malformed");
}

/// An absolute target and its field must name the same host; the upstream sees the origin form.
#[test]
fn absolute_targets_become_origin_form() {
    let upstream = Upstream::named("one");
    let stand = Stand::with(settings(1), route_to(upstream.addr).preserve_host_header());
    let mut client = Client::connect(stand.addr);
    client.send("GET http://shop.test:81/a?b HTTP/1.1\r\nHost: shop.test:81\r\n\r\n");
    assert_eq!(client.answer().status, 200);
    let received = upstream.received();
    assert!(received.starts_with("GET /a?b HTTP/1.1\r\n"), "{received}");
    assert_eq!(header(&received, "host"), Some("shop.test:81"));
    assert_eq!(received.to_lowercase().matches("host:").count(), 1, "{received}");
    client.send("GET http://shop.test/ HTTP/1.1\r\nHost: other.test\r\n\r\n");
    assert_eq!((client.answer().status, upstream.requests()), (400, 1));
}

/// `Connection: close` ends the connection of the side that said it, and only that.
#[test]
fn close_is_said_to_the_side_that_said_it() {
    let upstream = Upstream::answering(|head| match head.contains("/last") {
        true => "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\nlast".into(),
        false => ok("more"),
    });
    let stand = Stand::to(1, upstream.addr);
    let mut client = Client::connect(stand.addr);
    client.get("/last");
    assert_eq!(client.answer().header("connection"), None);
    client.get("/");
    assert_eq!(
        (client.answer().text().as_str(), upstream.connections()),
        ("more", 2)
    );
    client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert_eq!(client.answer().header("connection"), Some("close"));
    assert!(client.is_closed());
    assert_eq!(get(stand.addr, "/").text(), "more");
    assert_eq!(upstream.connections(), 2, "the upstream's connection was kept");
    assert!(!upstream.received().to_lowercase().contains("connection:"));
}

/// An upstream of 1.0 is understood, and its connection kept only if it says so.
#[test]
fn an_upstream_of_1_0_is_kept_on_its_word_only() {
    let upstream = Upstream::answering(|head| match head.contains("/keep") {
        true => "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 4\r\n\r\nkept".into(),
        false => "HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\nonce".into(),
    });
    let stand = Stand::to(1, upstream.addr);
    let mut client = Client::connect(stand.addr);
    for (path, text, connections) in [
        ("/keep", "kept", 1),
        ("/keep", "kept", 1),
        ("/once", "once", 1),
        ("/once", "once", 2),
        ("/keep", "kept", 3),
    ] {
        client.get(path);
        let answer = client.answer();
        assert!(answer.head.starts_with("HTTP/1.1 200"), "{}", answer.head);
        assert_eq!(
            (answer.text().as_str(), upstream.connections()),
            (text, connections)
        );
    }
}

/// A client that leaves while it waits frees its upstream's connection at once.
#[test]
fn a_client_that_leaves_frees_the_upstream() {
    let upstream = Upstream::start(|wire| {
        wire.head().unwrap();
        wire.drain();
        wire.write("gone");
    });
    let stand = Stand::to(1, upstream.addr);
    let mut client = Client::connect(stand.addr);
    client.get("/");
    until("the request is up", || upstream.requests() == 1);
    client.reset();
    stand.until_quiet();
    assert_eq!(stand.counts().aborted, 1);
}

/// A client that leaves in the middle of a stream frees its upstream, although that is silent just now.
#[test]
fn a_client_that_leaves_a_silent_stream_frees_the_upstream() {
    let upstream = Upstream::start(|wire| {
        wire.head().unwrap();
        wire.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nevent\r\n");
        wire.drain();
    });
    let stand = Stand::to(1, upstream.addr);
    let mut client = Client::connect(stand.addr);
    client.get("/events");
    client.until(b"event\r\n");
    client.reset();
    stand.until_quiet();
    assert_eq!(stand.counts().aborted, 1);
}
