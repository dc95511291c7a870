//! What is refused: the bytes, the status, that the connection closes, and that nothing of it reaches the upstream.

use crate::gate::Gate;

/// What may have reached the upstream of a request that is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reaches {
    /// Not a byte.
    Nothing,
    /// What came before the fault in its body, which is never ended there.
    Part,
}

/// Bytes that are refused.
struct Row {
    what: &'static str,
    bytes: Vec<u8>,
    status: u16,
    reaches: Reaches,
}

fn row(what: &'static str, status: u16, bytes: impl Into<Vec<u8>>) -> Row {
    Row {
        what,
        bytes: bytes.into(),
        status,
        reaches: Reaches::Nothing,
    }
}

/// A request with these field lines, and `body`.
fn with(what: &'static str, status: u16, fields: &str, body: &str) -> Row {
    row(
        what,
        status,
        format!("POST /a HTTP/1.1\r\nHost: a\r\n{fields}\r\n{body}"),
    )
}

/// A request whose chunks are these.
fn chunks(what: &'static str, chunks: &str) -> Row {
    let row = with(what, 400, "Transfer-Encoding: chunked\r\n", chunks);
    Row {
        reaches: Reaches::Part,
        ..row
    }
}

/// A request of this line.
fn line(what: &'static str, status: u16, line: &str) -> Row {
    row(what, status, format!("{line}\r\nHost: a\r\n\r\n"))
}

#[expect(clippy::too_many_lines, reason = "a table: one row for each way to be wrong")]
fn lengths() -> Vec<Row> {
    let chunked = "0\r\n\r\n";
    vec![
        with(
            "CL and TE",
            400,
            "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
            chunked,
        ),
        with(
            "TE and CL",
            400,
            "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
            chunked,
        ),
        with(
            "CL twice, the same",
            400,
            "Content-Length: 5\r\nContent-Length: 5\r\n",
            "hello",
        ),
        with(
            "CL twice, different",
            400,
            "Content-Length: 5\r\nContent-Length: 6\r\n",
            "hello",
        ),
        with("CL as a list", 400, "Content-Length: 5, 5\r\n", "hello"),
        with("CL with plus", 400, "Content-Length: +5\r\n", "hello"),
        with("CL with minus", 400, "Content-Length: -5\r\n", "hello"),
        with("CL in hexadecimal", 400, "Content-Length: 0x5\r\n", "hello"),
        with("CL with a space", 400, "Content-Length: 5 5\r\n", "hello"),
        with("CL with a fraction", 400, "Content-Length: 5.0\r\n", "hello"),
        with("CL of nothing", 400, "Content-Length:\r\n", "hello"),
        with(
            "CL beyond 64 bits",
            400,
            "Content-Length: 18446744073709551616\r\n",
            "hello",
        ),
        with("CL with an underscore", 400, "Content_Length: 5\r\n", "hello"),
        with(
            "TE with an underscore",
            400,
            "Transfer_Encoding: chunked\r\n",
            chunked,
        ),
        with(
            "TE twice",
            400,
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            chunked,
        ),
        with(
            "TE gzip, chunked",
            501,
            "Transfer-Encoding: gzip, chunked\r\n",
            chunked,
        ),
        with(
            "TE chunked, identity",
            501,
            "Transfer-Encoding: chunked, identity\r\n",
            chunked,
        ),
        with(
            "TE chunked, chunked",
            501,
            "Transfer-Encoding: chunked, chunked\r\n",
            chunked,
        ),
        with("TE identity", 501, "Transfer-Encoding: identity\r\n", "hello"),
        with("TE xchunked", 501, "Transfer-Encoding: xchunked\r\n", chunked),
        with("TE quoted", 501, "Transfer-Encoding: \"chunked\"\r\n", chunked),
        with(
            "TE with a parameter",
            501,
            "Transfer-Encoding: chunked;a=b\r\n",
            chunked,
        ),
        with("TE of nothing", 501, "Transfer-Encoding:\r\n", chunked),
        with(
            "TE after a vertical tab",
            400,
            "Transfer-Encoding: \x0bchunked\r\n",
            chunked,
        ),
        row(
            "TE in HTTP/1.0",
            400,
            "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        ),
    ]
}

fn bodies() -> Vec<Row> {
    vec![
        chunks("chunk size with plus", "+5\r\nhello\r\n0\r\n\r\n"),
        chunks("chunk size with minus", "-5\r\nhello\r\n0\r\n\r\n"),
        chunks("chunk size with 0x", "0x5\r\nhello\r\n0\r\n\r\n"),
        chunks("chunk size behind a space", " 5\r\nhello\r\n0\r\n\r\n"),
        chunks("chunk size before a space", "5 \r\nhello\r\n0\r\n\r\n"),
        chunks("chunk size that is none", "g\r\nhello\r\n0\r\n\r\n"),
        chunks("chunk size of nothing", "\r\nhello\r\n0\r\n\r\n"),
        chunks(
            "chunk size of 17 digits",
            "00000000000000005\r\nhello\r\n0\r\n\r\n",
        ),
        chunks("chunk size line ending in LF", "5\nhello\r\n0\r\n\r\n"),
        chunks("chunk size line with CR", "5\r\r\nhello\r\n0\r\n\r\n"),
        chunks("extension without a name", "5;\r\nhello\r\n0\r\n\r\n"),
        chunks("extension with LF", "5;a=\"\n\"\r\nhello\r\n0\r\n\r\n"),
        chunks(
            "extension without end",
            &format!("5;a={}\r\nhello\r\n0\r\n\r\n", "b".repeat(4096)),
        ),
        chunks("data longer than its chunk", "5\r\nhello!\r\n0\r\n\r\n"),
        chunks("data without an end", "5\r\nhello0\r\n\r\n"),
        chunks("data ending in LF", "5\r\nhello\n0\r\n\r\n"),
        chunks("a second chunk broken", "5\r\nhello\r\nx\r\n"),
        chunks("trailer with a length", "0\r\nContent-Length: 5\r\n\r\n"),
        chunks("trailer with a host", "0\r\nHost: b\r\n\r\n"),
        chunks("trailer with a space before the colon", "0\r\nA : b\r\n\r\n"),
        chunks("trailer ending in LF", "0\r\nA: b\n\n"),
        chunks(
            "trailer without end",
            &format!("0\r\n{}", "A: b\r\n".repeat(2000)),
        ),
    ]
}

fn lines() -> Vec<Row> {
    vec![
        row(
            "request line ending in LF",
            400,
            "GET / HTTP/1.1\nHost: a\r\n\r\n",
        ),
        row(
            "field ending in LF",
            400,
            "GET / HTTP/1.1\r\nHost: a\nA: b\r\n\r\n",
        ),
        row("head ending in LF LF", 400, "GET / HTTP/1.1\r\nHost: a\n\n"),
        with("CR within a value", 400, "A: b\rc\r\n", ""),
        with("CR before CR LF", 400, "A: b\r\r\n", ""),
        with("NUL within a value", 400, "A: b\0c\r\n", ""),
        with("NUL within a name", 400, "A\0B: c\r\n", ""),
        with("DEL within a value", 400, "A: b\x7f\r\n", ""),
        with("folded by a space", 400, "A: b\r\n c\r\n", ""),
        with("folded by a tab", 400, "A: b\r\n\tc\r\n", ""),
        row("folded first line", 400, "GET / HTTP/1.1\r\n Host: a\r\n\r\n"),
        with("space before the colon", 400, "A : b\r\n", ""),
        with("tab before the colon", 400, "A\t: b\r\n", ""),
        with("no colon", 400, "A\r\n", ""),
        with("no name", 400, ": b\r\n", ""),
        with("a name that is no token", 400, "A(b): c\r\n", ""),
        line("two spaces", 400, "GET  / HTTP/1.1"),
        line("a tab for a space", 400, "GET\t/ HTTP/1.1"),
        line("a space in the target", 400, "GET /a b HTTP/1.1"),
        line("a space before the method", 400, " GET / HTTP/1.1"),
        line("a space behind the version", 400, "GET / HTTP/1.1 "),
        line("no version", 400, "GET /"),
        line("no target", 400, "GET HTTP/1.1"),
        line("a method that is no token", 400, "G(T / HTTP/1.1"),
        line("NUL in the target", 400, "GET /\0 HTTP/1.1"),
        line("a byte beyond ASCII in the target", 400, "GET /\u{e4} HTTP/1.1"),
        line("a fragment", 400, "GET /a#b HTTP/1.1"),
        line("a target without a slash", 400, "GET a HTTP/1.1"),
        line("an asterisk for GET", 400, "GET * HTTP/1.1"),
        line("a user in the target", 400, "GET http://u@a/ HTTP/1.1"),
        line("another scheme", 400, "GET ftp://a/ HTTP/1.1"),
        line("a lower case protocol", 400, "GET / http/1.1"),
        row(
            "an empty line twice",
            400,
            "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        ),
    ]
}

fn hosts_and_versions() -> Vec<Row> {
    vec![
        row("no Host", 400, "GET / HTTP/1.1\r\n\r\n"),
        row(
            "Host twice, the same",
            400,
            "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
        ),
        row(
            "Host twice, different",
            400,
            "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        ),
        row("Host of nothing", 400, "GET / HTTP/1.1\r\nHost:\r\n\r\n"),
        row("Host as a list", 400, "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"),
        row("Host with a path", 400, "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"),
        row("Host with a user", 400, "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"),
        row(
            "Host with a port that is none",
            400,
            "GET / HTTP/1.1\r\nHost: a:b\r\n\r\n",
        ),
        row(
            "Host unlike the target's",
            400,
            "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n",
        ),
        line("HTTP/2.0", 505, "GET / HTTP/2.0"),
        line("HTTP/1.2", 505, "GET / HTTP/1.2"),
        line("HTTP/0.9 by name", 505, "GET / HTTP/0.9"),
        row("the preface of HTTP/2", 505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        row("HTTP/0.9", 400, "GET /\r\n\r\n"),
        row("CONNECT", 501, "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n"),
        with(
            "an expectation that nobody knows",
            417,
            "Expect: 200-ok\r\nContent-Length: 5\r\n",
            "hello",
        ),
        row("garbage", 400, "\x01\x02\x03garbage\r\n\r\n"),
        row(
            "a TLS greeting",
            400,
            b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03\n".to_vec(),
        ),
        row(
            "a PROXY line",
            400,
            "PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        ),
    ]
}

fn sizes() -> Vec<Row> {
    let long = "a".repeat(70_000);
    vec![
        line(
            "a target beyond 16 KiB",
            414,
            &format!("GET /{} HTTP/1.1", "a".repeat(16_384)),
        ),
        row("a request line without end", 414, format!("GET /{long}")),
        with(
            "a value beyond the head's 64 KiB",
            431,
            &format!("A: {long}\r\n"),
            "",
        ),
        with("a field without end", 431, &format!("A: {long}"), ""),
        with("too many fields", 431, &"A: b\r\n".repeat(101), ""),
    ]
}

/// Protects: everything that two readers could read in two ways is refused with its status, the connection closes, and
/// no upstream learns of it; and whoever comes next is served.
#[test]
fn what_could_be_read_twice_is_refused() {
    let gate = Gate::start();
    gate.serves_others();
    let rows: Vec<Row> = [lengths(), bodies(), lines(), hosts_and_versions(), sizes()]
        .into_iter()
        .flatten()
        .collect();
    let wrong: Vec<String> = rows.iter().filter_map(|row| check(&gate, row)).collect();
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        rows.len(),
        wrong.join("\n")
    );
    println!(
        "refusals on the wire: {} requests, each refused, closed, and unseen by the upstream",
        rows.len()
    );
    gate.serves_others();
}

/// Protects: what follows a refused request on its connection is not read as another one.
#[test]
fn nothing_behind_a_refusal_is_served() {
    let gate = Gate::start();
    let good = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
    for row in [lengths(), bodies(), lines(), hosts_and_versions()]
        .into_iter()
        .flatten()
    {
        let behind = [&row.bytes[..], good.as_bytes(), good.as_bytes()].concat();
        let exchange = gate.until_closed(&behind);
        let arrived = gate.recorder.take();
        assert!(
            exchange.closed && exchange.answers().len() <= 1,
            "{}: {:?}",
            row.what,
            exchange.statuses()
        );
        assert!(arrived.requests.is_empty(), "{}: {arrived:?}", row.what);
    }
}

/// What is wrong with how this row was treated.
fn check(gate: &Gate, row: &Row) -> Option<String> {
    let exchange = gate.until_closed(&row.bytes);
    let wrong = |what: String| Some(format!("{}: {what}", row.what));
    if exchange.statuses() != [row.status] {
        return wrong(format!("{:?} and not {}", exchange.statuses(), row.status));
    }
    if !exchange.closed {
        return wrong("the connection stays open".into());
    }
    // The answer came, so whatever was to be sent up was sent.
    let arrived = gate.recorder.take();
    let ended = arrived.rest.iter().any(|bytes| bytes.ends_with(b"0\r\n\r\n"));
    let fits = match row.reaches {
        Reaches::Nothing => arrived.is_nothing(),
        Reaches::Part => arrived.requests.is_empty() && !ended,
    };
    if fits {
        None
    } else {
        wrong(format!("reached the upstream: {arrived:?}"))
    }
}
