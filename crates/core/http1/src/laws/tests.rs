//! The laws on random messages, put together from pieces that readers are known to disagree about.

use proptest::collection::vec;
use proptest::prelude::*;

use super::message::{Kind, Stop};
use super::{borders, edits, heads_and_bodies, reference};

fn line() -> impl Strategy<Value = Vec<u8>> {
    let known = prop::sample::select(vec![
        "Host: a\r\n",
        "host:a:80\t\r\n",
        "Host: [::1]\r\n",
        "Content-Length: 3\r\n",
        "content-length:3 \r\n",
        "Content-Length: +3\r\n",
        "Content-Length: 3, 3\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Transfer-Encoding:\tchunked\r\n",
        "Transfer-Encoding : chunked\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer_Encoding: chunked\r\n",
        "Connection: close\r\n",
        "Connection: Keep-Alive, x\r\n",
        "Expect: 100-continue\r\n",
        "X: a\rb\r\n",
        "X: a\0\r\n",
        "X: a\r\n b\r\n",
        "X:\r\n",
        "X: \u{e4}\r\n",
        "X: a\n",
    ]);
    prop_oneof![
        8 => known.prop_map(|line| line.as_bytes().to_vec()),
        1 => "[A-Za-z-]{1,8}: [ -~]{0,12}\r\n".prop_map(String::into_bytes),
        1 => vec(any::<u8>(), 0..8),
    ]
}

fn request_line() -> impl Strategy<Value = Vec<u8>> {
    let known = prop::sample::select(vec![
        "GET / HTTP/1.1\r\nHost: a\r\n",
        "POST /a?b HTTP/1.1\r\nHost: a\r\n",
        "POST / HTTP/1.0\r\n",
        "GET http://a/b HTTP/1.1\r\nHost: a\r\n",
        "CONNECT a:80 HTTP/1.1\r\nHost: a\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: a\r\n",
        "GET /  HTTP/1.1\r\nHost: a\r\n",
        "\r\nGET / HTTP/1.1\r\nHost: a\r\n",
    ]);
    prop_oneof![
        8 => known.prop_map(|line| line.as_bytes().to_vec()),
        1 => "[A-Z]{1,7} [!-~]{1,10} HTTP/[12].[012]\r\nHost: [!-~]{1,4}\r\n".prop_map(String::into_bytes),
        1 => vec(any::<u8>(), 0..16),
    ]
}

fn status_line() -> impl Strategy<Value = Vec<u8>> {
    let known = prop::sample::select(vec![
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 200\r\n",
        "HTTP/1.0 200 OK\r\n",
        "HTTP/1.1 204 No Content\r\n",
        "HTTP/1.1 304 \r\n",
        "HTTP/1.1 100 Continue\r\n",
        "HTTP/1.1 20 OK\r\n",
        "HTTP/2 200 OK\r\n",
    ]);
    prop_oneof![
        8 => known.prop_map(|line| line.as_bytes().to_vec()),
        1 => "HTTP/1.[01] [0-9]{3,4}[ -~]{0,5}\r\n".prop_map(String::into_bytes),
    ]
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop::sample::select(vec![
        "",
        "abc",
        "3\r\nabc\r\n0\r\n\r\n",
        "0\r\n\r\n",
        "1;a=b\r\nx\r\n",
        "1;a=\"\\\"\"\r\nx\r\n",
        "01\r\nx\r\n0;z\r\nT: v\r\n\r\n",
        "0\r\nHost: b\r\n\r\n",
        "1 \r\nx\r\n",
        "0x1\r\nx\r\n",
        "1\nx\r\n0\r\n\r\n",
        "2\r\nabc\r\n",
        "ffffffffffffffff\r\n",
    ]);
    vec(piece, 0..3).prop_map(|pieces| pieces.concat().into_bytes())
}

fn messages(first: impl Strategy<Value = Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let end = prop_oneof![8 => Just("\r\n"), 1 => Just("\n"), 1 => Just("")];
    let message = (first, vec(line(), 0..4), end, body());
    let message =
        message.prop_map(|(first, lines, end, body)| [first, lines.concat(), end.into(), body].concat());
    vec(message, 1..4).prop_map(|messages| messages.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    /// Protects: requests are read the same however they are cut, passed on as they were, and end where a strict
    /// reader says.
    #[test]
    fn requests_keep_the_laws(bytes in messages(request_line())) {
        heads_and_bodies(Kind::Request, &bytes);
        borders(Kind::Request, &bytes);
    }

    /// Protects: the same for what upstreams answer.
    #[test]
    fn responses_keep_the_laws(bytes in messages(status_line()), answers_head: bool) {
        let kind = Kind::Response { answers_head };
        heads_and_bodies(kind, &bytes);
        borders(kind, &bytes);
    }

    /// Protects: no edit of a head can write anything but what it says.
    #[test]
    fn edits_keep_the_law(script in vec(any::<u8>(), 0..200)) {
        edits::check(&script);
    }
}

/// Protects: the generators make messages that are taken, so that the laws above are not about refusals alone.
#[test]
fn many_random_messages_are_taken() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;

    let mut runner = TestRunner::deterministic();
    let (mut taken, mut refused) = (0, 0);
    for _ in 0..500 {
        let bytes = messages(request_line()).new_tree(&mut runner).unwrap().current();
        let (messages, stop) = reference::read(Kind::Request, &bytes);
        taken += messages.len();
        refused += usize::from(stop == Stop::Malformed);
    }
    assert!(taken > 100 && refused > 100, "{taken} taken, {refused} refused");
}

/// Protects: the reference is strict by itself; a reader that takes everything would agree with anything.
#[test]
fn the_reference_refuses_what_the_rfc_forbids() {
    let head = "POST / HTTP/1.1\r\nHost: a\r\n";
    for (rest, expected) in [
        ("\r\n", Stop::Clean),
        ("Content-Length: 1\r\n\r\nx", Stop::Clean),
        ("Content-Length: 2\r\n\r\nx", Stop::Incomplete),
        (
            "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            Stop::Malformed,
        ),
        ("Content-Length: 1\r\nContent-Length: 1\r\n\r\nx", Stop::Malformed),
        (
            "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
            Stop::Clean,
        ),
        (
            "Transfer-Encoding: chunked\r\n\r\n1 \r\nx\r\n0\r\n\r\n",
            Stop::Malformed,
        ),
        (
            "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
            Stop::Malformed,
        ),
        ("Host: b\r\n\r\n", Stop::Malformed),
        ("A : b\r\n\r\n", Stop::Malformed),
        ("A: b\n\r\n", Stop::Malformed),
        ("A: b\r\n c\r\n\r\n", Stop::Malformed),
    ] {
        let text = format!("{head}{rest}");
        assert_eq!(
            reference::read(Kind::Request, text.as_bytes()).1,
            expected,
            "{text:?}"
        );
    }
}
