//! What is taken and what is refused, message by message.

use koinon_core_http1::{
    BodyLength, BodyReader, HeadScan, Limits, Refusal, RequestHead, RequestPlan, ResponseHead, ResponsePlan,
};

fn request(text: &str) -> Result<RequestPlan, Refusal> {
    let limits = Limits::default();
    let Some(end) = HeadScan::default().find(text.as_bytes(), &limits)? else {
        panic!("not a whole head: {text:?}");
    };
    RequestHead::default().parse(&text.as_bytes()[end.start..end.end], &limits)
}

fn response(text: &str, answers_head: bool) -> Result<ResponsePlan, Refusal> {
    let limits = Limits::default();
    let Some(end) = HeadScan::for_response().find(text.as_bytes(), &limits)? else {
        panic!("not a whole head: {text:?}");
    };
    ResponseHead::default().parse(&text.as_bytes()[end.start..end.end], answers_head, &limits)
}

/// A request with these field lines.
fn with(fields: &str) -> Result<RequestPlan, Refusal> {
    request(&format!("POST /a HTTP/1.1\r\nHost: a\r\n{fields}\r\n"))
}

fn line(line: &str) -> Result<RequestPlan, Refusal> {
    request(&format!("{line}\r\nHost: a\r\n\r\n"))
}

/// Content of a chunked body, however it is cut; the count of bytes up to its end.
fn chunks(text: &[u8]) -> Result<(Vec<u8>, Option<usize>), Refusal> {
    let mut reader = BodyReader::new(BodyLength::Chunked);
    let (mut content, mut at) = (Vec::new(), 0);
    loop {
        let part = reader.next(&text[at..])?;
        content.extend_from_slice(&text[at + part.skip..][..part.data]);
        at += part.skip + part.data;
        if part.ended {
            return Ok((content, Some(at)));
        }
        if part.skip + part.data == 0 {
            return Ok((content, None));
        }
    }
}

/// Two lengths, or a length that another reader could read otherwise, are how requests are smuggled.
#[test]
fn a_length_that_could_be_read_twice_is_refused() {
    for (fields, refusal) in [
        (
            "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
            Refusal::TwoLengths,
        ),
        (
            "transfer-encoding: chunked\r\ncontent-length: 5\r\n",
            Refusal::TwoLengths,
        ),
        (
            "Content-Length: 5\r\nContent-Length: 5\r\n",
            Refusal::ContentLength,
        ),
        (
            "Content-Length: 5\r\ncontent-length: 6\r\n",
            Refusal::ContentLength,
        ),
        ("Content-Length: 5, 5\r\n", Refusal::ContentLength),
        ("Content-Length: +5\r\n", Refusal::ContentLength),
        ("Content-Length: -5\r\n", Refusal::ContentLength),
        ("Content-Length: 0x5\r\n", Refusal::ContentLength),
        ("Content-Length: 5 5\r\n", Refusal::ContentLength),
        ("Content-Length:\r\n", Refusal::ContentLength),
        ("Content-Length: 99999999999999999999\r\n", Refusal::ContentLength),
        ("Transfer-Encoding: gzip, chunked\r\n", Refusal::UnknownCoding),
        ("Transfer-Encoding: chunked, identity\r\n", Refusal::UnknownCoding),
        ("Transfer-Encoding: xchunked\r\n", Refusal::UnknownCoding),
        ("Transfer-Encoding: identity\r\n", Refusal::UnknownCoding),
        ("Transfer-Encoding:\r\n", Refusal::UnknownCoding),
        (
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            Refusal::TransferEncoding,
        ),
    ] {
        assert_eq!(with(fields), Err(refusal), "{fields:?}");
    }
    for name in [
        "Content_Length",
        "Transfer_Encoding",
        "transfer--encoding",
        "ContentLength",
    ] {
        assert_eq!(
            with(&format!("{name}: 5\r\n")),
            Err(Refusal::DisguisedField),
            "{name}"
        );
    }
    let old = "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_eq!(request(old), Err(Refusal::TransferEncoding));
}

/// Lines that readers disagree about.
#[test]
fn a_malformed_field_is_refused() {
    for fields in [
        "Transfer-Encoding : chunked\r\n",
        " Folded: 1\r\n",
        "A: 1\r\n\tfolded\r\n",
        "A\r\n",
        ": 1\r\n",
        "A: \0\r\n",
        "A: 1\x7f\r\n",
        "A: x\ry\r\n",
        "A(: 1\r\n",
        "Ä: 1\r\n",
    ] {
        assert!(
            matches!(with(fields), Err(Refusal::Field | Refusal::BareLineEnd)),
            "{fields:?}: {:?}",
            with(fields)
        );
    }
    assert_eq!(with("A: 1\nB: 2\r\n"), Err(Refusal::BareLineEnd));
}

/// The request line, and what of it has which status.
#[test]
fn request_lines_are_exact() {
    for (text, refusal, status) in [
        ("GET  / HTTP/1.1", Refusal::RequestLine, 400),
        ("GET /a b HTTP/1.1", Refusal::RequestLine, 400),
        (" GET / HTTP/1.1", Refusal::RequestLine, 400),
        ("GET /", Refusal::RequestLine, 400),
        ("G(T / HTTP/1.1", Refusal::RequestLine, 400),
        ("GET / FTP/1.1", Refusal::RequestLine, 400),
        ("GET / HTTP/1.1 ", Refusal::BareLineEnd, 400),
        ("GET / HTTP/2.0", Refusal::Version, 505),
        ("GET / HTTP/1.2", Refusal::Version, 505),
        ("GET a HTTP/1.1", Refusal::Target, 400),
        ("GET * HTTP/1.1", Refusal::Target, 400),
        ("GET /#a HTTP/1.1", Refusal::Target, 400),
        ("GET /ä HTTP/1.1", Refusal::Target, 400),
        ("CONNECT /a HTTP/1.1", Refusal::Target, 400),
        ("CONNECT a HTTP/1.1", Refusal::Target, 400),
        ("CONNECT a: HTTP/1.1", Refusal::Target, 400),
        ("CONNECT [::1] HTTP/1.1", Refusal::Target, 400),
        ("GET http://a@b/ HTTP/1.1", Refusal::Target, 400),
        ("GET ftp://a/ HTTP/1.1", Refusal::Target, 400),
        ("GET http:///a HTTP/1.1", Refusal::Target, 400),
        ("GET http://b/ HTTP/1.1", Refusal::Host, 400),
    ] {
        assert_eq!(line(text), Err(refusal), "{text}");
        assert_eq!(refusal.status(), status);
    }
    for text in [
        "GET / HTTP/1.1",
        "OPTIONS * HTTP/1.1",
        "GET http://a/ HTTP/1.1",
        "GET HTTP://A:80/x?y HTTP/1.1",
        "CONNECT a:443 HTTP/1.1",
        "PURGE /a?b?c HTTP/1.0",
    ] {
        assert!(line(text).is_ok(), "{text}: {:?}", line(text));
    }
}

/// A request for two hosts, or none, could reach one and be judged by the other.
#[test]
fn there_is_exactly_one_host() {
    assert_eq!(request("GET / HTTP/1.1\r\n\r\n"), Err(Refusal::NoHost));
    assert!(request("GET / HTTP/1.0\r\n\r\n").is_ok());
    assert_eq!(with("Host: a\r\n"), Err(Refusal::RepeatedHost));
    for host in [
        "", "a b", "a/b", "a@b", "a:b", "a:1:2", "[::1", "[]", "[:]", "[::1]x", "%", "%4", "%zz", "a,b",
        "a:123456",
    ] {
        let text = format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
        assert_eq!(request(&text), Err(Refusal::Host), "{host}");
    }
    for host in ["a", "a:80", "[::1]:8080", "127.0.0.1", "my_service.local", "a:"] {
        let text = format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
        assert!(request(&text).is_ok(), "{host}");
    }
}

/// Sizes have their own statuses, so that an operator knows which limit to raise.
#[test]
fn what_is_too_large_says_so() {
    let long = format!("/{}", "a".repeat(17_000));
    assert_eq!(line(&format!("GET {long} HTTP/1.1")), Err(Refusal::TargetTooLong));
    let longer = format!("GET /{}", "a".repeat(70_000));
    let scanned = HeadScan::default().find(longer.as_bytes(), &Limits::default());
    assert_eq!(scanned, Err(Refusal::TargetTooLong));
    assert_eq!(with(&"A: 1\r\n".repeat(101)), Err(Refusal::TooManyFields));
    assert_eq!(
        with(&format!("A: {}\r\n", "a".repeat(70_000))),
        Err(Refusal::HeadTooLong)
    );
    assert_eq!(Refusal::TargetTooLong.status(), 414);
    assert_eq!(Refusal::TooManyFields.status(), 431);
    assert_eq!(Refusal::HeadTooLong.status(), 431);
}

/// What follows a head is what its fields say.
#[test]
fn a_plan_says_what_follows() {
    let plan = with("").unwrap();
    assert_eq!((plan.body, plan.keep_alive), (BodyLength::Empty, true));
    assert_eq!(
        with("Content-Length: 12\r\n").unwrap().body,
        BodyLength::Known(12)
    );
    assert_eq!(with("Content-Length: 0\r\n").unwrap().body, BodyLength::Empty);
    assert_eq!(
        with("Transfer-Encoding: Chunked\r\n").unwrap().body,
        BodyLength::Chunked
    );
    assert!(!with("Connection: foo, Close\r\n").unwrap().keep_alive);
    assert!(!line("GET / HTTP/1.0").unwrap().keep_alive);
    assert!(!line("CONNECT a:443 HTTP/1.1").unwrap().keep_alive);
    assert!(
        request("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            .unwrap()
            .keep_alive
    );
    assert!(with("Expect: 100-Continue\r\n").unwrap().expects_continue);
    assert_eq!(with("Expect: 200-ok\r\n"), Err(Refusal::Expectation));
    let old = "POST / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n";
    assert!(!request(old).unwrap().expects_continue);
    let old = "POST / HTTP/1.0\r\nExpect: 200-ok\r\n\r\n";
    assert_eq!(request(old), Err(Refusal::Expectation));
    assert!(
        with("Connection: Upgrade\r\nUpgrade: websocket\r\n")
            .unwrap()
            .upgrade
    );
    assert!(!with("Upgrade: websocket\r\n").unwrap().upgrade);
}

/// The parts of a target, where they are.
#[test]
fn a_target_has_parts() {
    let mut head = RequestHead::default();
    let mut parts = |line: &str| {
        let text = format!("{line} HTTP/1.1\r\nHost: h\r\n\r\n");
        head.parse(text.as_bytes(), &Limits::default()).unwrap();
        let query = head.query().map(str::to_owned);
        (
            head.path().to_owned(),
            query,
            head.authority().map(str::to_owned),
            head.host().map(str::to_owned),
        )
    };
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(
        parts("GET /a/b?c=d?e"),
        ("/a/b".into(), some("c=d?e"), None, some("h"))
    );
    assert_eq!(parts("GET /a?"), ("/a".into(), some(""), None, some("h")));
    assert_eq!(
        parts("GET http://h:80"),
        ("/".into(), None, some("h:80"), some("h:80"))
    );
    assert_eq!(
        parts("GET http://h?q"),
        ("/".into(), some("q"), some("h"), some("h"))
    );
    assert_eq!(
        parts("CONNECT h:80"),
        ("".into(), None, some("h:80"), some("h:80"))
    );
    assert_eq!(parts("OPTIONS *"), ("*".into(), None, None, some("h")));
}

/// Chunks, to the byte.
#[test]
fn chunks_are_exact() {
    let whole = b"5\r\nhello\r\n6;a=b;c=\"d\\\"\"\r\n world\r\n0\r\nT: 1\r\n\r\nnext";
    let end = whole.len() - 4;
    assert_eq!(chunks(whole), Ok((b"hello world".to_vec(), Some(end))));
    assert_eq!(chunks(b"0\r\n\r\n"), Ok((vec![], Some(5))));
    assert_eq!(chunks(b"A\r\n0123456789\r\n0\r\n").unwrap().1, None);
    for bad in [
        "\r\n",
        " 5\r\nhello\r\n",
        "5 \r\nhello\r\n",
        "+5\r\nhello\r\n",
        "0x5\r\nhello\r\n",
        "-1\r\n",
        "5\nhello\r\n",
        "5\r\nhello\n",
        "5\r\nhelloX\r\n",
        "5\r\nhello0\r\n\r\n",
        "00000000000000005\r\nhello\r\n",
        "fffffffffffffffff\r\n",
        "5;\r\nhello\r\n",
        "5;a=\r\nhello\r\n",
        "5;a b\r\nhello\r\n",
        "5;a=\"\n\"\r\nhello\r\n",
        "5;a=\"b\"c\r\nhello\r\n",
        "5\r\r\nhello\r\n",
    ] {
        assert_eq!(chunks(bad.as_bytes()), Err(Refusal::Chunk), "{bad:?}");
    }
    let long = format!("5;{}\r\nhello\r\n", "a".repeat(300));
    assert_eq!(chunks(long.as_bytes()), Err(Refusal::Chunk));
}

/// A trailer cannot say anew what the head has said.
#[test]
fn a_trailer_decides_nothing() {
    for bad in [
        "Content-Length: 5\r\n\r\n",
        "Host: b\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n",
        "A : 1\r\n\r\n",
        " A: 1\r\n\r\n",
        "A\r\n\r\n",
    ] {
        let text = format!("0\r\n{bad}");
        assert_eq!(chunks(text.as_bytes()), Err(Refusal::Trailer), "{bad:?}");
    }
    assert_eq!(chunks(b"0\r\nA: 1\n\n"), Err(Refusal::BareLineEnd));
    let endless = format!("0\r\n{}", "A: 1\r\n".repeat(2000));
    assert_eq!(chunks(endless.as_bytes()), Err(Refusal::Trailer));
}

/// A response's end depends on what it answers.
#[test]
fn a_responses_end_is_found() {
    let plan = |text: &str, head: bool| response(text, head).map(|plan| (plan.body, plan.keep_alive));
    let ok = "HTTP/1.1 200 OK\r\n";
    assert_eq!(
        plan(&format!("{ok}Content-Length: 5\r\n\r\n"), false),
        Ok((BodyLength::Known(5), true))
    );
    assert_eq!(
        plan(&format!("{ok}Content-Length: 5\r\n\r\n"), true),
        Ok((BodyLength::Empty, true))
    );
    assert_eq!(
        plan(&format!("{ok}\r\n"), false),
        Ok((BodyLength::UntilClose, false))
    );
    assert_eq!(
        plan(
            &format!("{ok}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"),
            false
        ),
        Ok((BodyLength::Chunked, false))
    );
    assert_eq!(
        plan("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", false),
        Ok((BodyLength::Empty, true))
    );
    assert_eq!(
        plan("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", false),
        Ok((BodyLength::Empty, false))
    );
    assert_eq!(
        plan("HTTP/1.1 100 Continue\r\n\r\n", false),
        Ok((BodyLength::Empty, true))
    );
    for (fields, refusal) in [
        (
            "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
            Refusal::TwoLengths,
        ),
        (
            "Content-Length: 5\r\nContent-Length: 5\r\n",
            Refusal::ContentLength,
        ),
        ("Transfer-Encoding: gzip\r\n", Refusal::UnknownCoding),
        ("A : 1\r\n", Refusal::Field),
    ] {
        assert_eq!(
            plan(&format!("{ok}{fields}\r\n"), false),
            Err(refusal),
            "{fields}"
        );
    }
    // The end of a body that was longer than it said is not skipped.
    assert_eq!(plan(&format!("\r\n{ok}\r\n"), false), Err(Refusal::StatusLine));
    assert_eq!(plan("HTTP/1.1 99 No\r\n\r\n", false), Err(Refusal::StatusLine));
    assert_eq!(plan("HTTP/1.1 600 No\r\n\r\n", false), Err(Refusal::StatusLine));
    assert_eq!(plan("HTTP/2 200 OK\r\n\r\n", false), Err(Refusal::Version));
}
