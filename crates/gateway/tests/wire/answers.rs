//! What the gateway makes of upstreams that answer what is no HTTP, too little, or too much.

use koinon_core_http1::laws::message::Message;
use koinon_testkit::{Recorder, Reply};

use crate::gate::{Gate, settings};

/// An answer that is broken before its body, and what is wrong with it.
fn broken_heads() -> Vec<(&'static str, Reply)> {
    let ok = |fields: &str| Reply::raw(format!("HTTP/1.1 200 OK\r\n{fields}\r\nhello"));
    vec![
        (
            "CL and TE",
            ok("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"),
        ),
        ("CL twice", ok("Content-Length: 5\r\nContent-Length: 5\r\n")),
        ("CL as a list", ok("Content-Length: 5, 5\r\n")),
        ("CL with plus", ok("Content-Length: +5\r\n")),
        ("CL with an underscore", ok("Content_Length: 5\r\n")),
        ("TE gzip", ok("Transfer-Encoding: gzip\r\n")),
        (
            "TE twice",
            ok("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
        ),
        ("space before the colon", ok("A : b\r\nContent-Length: 5\r\n")),
        ("no colon", ok("A\r\nContent-Length: 5\r\n")),
        ("folded", ok("A: b\r\n c\r\nContent-Length: 5\r\n")),
        ("NUL", ok("A: b\0\r\nContent-Length: 5\r\n")),
        ("CR within a value", ok("A: b\rc\r\nContent-Length: 5\r\n")),
        ("field ending in LF", ok("A: b\nContent-Length: 5\r\n")),
        (
            "TE in HTTP/1.0",
            Reply::raw("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        ),
        ("HTTP/2", Reply::raw("HTTP/2 200 OK\r\nContent-Length: 0\r\n\r\n")),
        (
            "HTTP/1.2",
            Reply::raw("HTTP/1.2 200 OK\r\nContent-Length: 0\r\n\r\n"),
        ),
        (
            "a status of two digits",
            Reply::raw("HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n"),
        ),
        (
            "a status beyond 599",
            Reply::raw("HTTP/1.1 999 OK\r\nContent-Length: 0\r\n\r\n"),
        ),
        (
            "an empty line first",
            Reply::raw("\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
        ),
        ("no status line", Reply::raw("Content-Length: 0\r\n\r\n")),
        ("garbage", Reply::raw("\x01\x02\x03\n")),
        (
            "a head without end",
            Reply::raw(format!("HTTP/1.1 200 OK\r\nA: {}", "a".repeat(70_000))),
        ),
        ("too many fields", ok(&"A: b\r\n".repeat(101))),
        ("half a head", Reply::raw("HTTP/1.1 200 OK\r\nA: ").and_close()),
        ("nothing", Reply::raw("").and_close()),
        (
            "101 unasked",
            Reply::raw("HTTP/1.1 101 Switching Protocols\r\n\r\n"),
        ),
        (
            "interim answers without end",
            Reply::raw("HTTP/1.1 103 Early Hints\r\n\r\n".repeat(1000)),
        ),
        (
            "less than its length",
            Reply::raw("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello").and_close(),
        ),
    ]
}

/// Answers whose head is well and whose body breaks.
fn broken_bodies() -> Vec<(&'static str, Reply)> {
    let chunked = |chunks: &str| {
        Reply::raw(format!(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}"
        ))
    };
    vec![
        (
            "chunk size with plus",
            chunked("5\r\nhello\r\n+5\r\nhello\r\n0\r\n\r\n"),
        ),
        ("chunk size that is none", chunked("5\r\nhello\r\nx\r\n")),
        ("data longer than its chunk", chunked("5\r\nhello!\r\n0\r\n\r\n")),
        ("data ending in LF", chunked("5\r\nhello\n0\r\n\r\n")),
        (
            "trailer with a length",
            chunked("5\r\nhello\r\n0\r\nContent-Length: 5\r\n\r\n"),
        ),
        ("no last chunk", chunked("5\r\nhello\r\n").and_close()),
        ("half a chunk", chunked("5\r\nhel").and_close()),
        ("no trailer", chunked("5\r\nhello\r\n0\r\n").and_close()),
    ]
}

/// An upstream that answers `/3` with the fourth of these, and everything else well.
fn upstream(replies: Vec<(&'static str, Reply)>) -> Recorder {
    let answering = move |request: &Message| {
        let path = String::from_utf8_lossy(&request.what.1);
        let number = path.trim_start_matches('/').parse::<usize>().ok();
        match number.and_then(|number| replies.get(number)) {
            Some((_, reply)) => reply.clone(),
            None => Reply::ok(request, &path),
        }
    };
    Recorder::answering(answering).unwrap()
}

fn get(number: usize) -> Vec<u8> {
    format!("GET /{number} HTTP/1.1\r\nHost: a\r\n\r\n").into_bytes()
}

/// Protects: an answer that is no HTTP reaches no client; it is told 502 in a form of ours, and may go on.
#[test]
fn broken_answers_become_502() {
    let gate = Gate::before(upstream(broken_heads()), settings(), |route| route);
    let mut wrong = Vec::new();
    let rows = broken_heads();
    for (number, (what, _)) in rows.iter().enumerate() {
        let request = get(number);
        let exchange = gate.until_answers(&[&request, crate::gate::GOOD], 2);
        if exchange.statuses() != [502, 200] {
            wrong.push(format!(
                "{what}: {:?} {}",
                exchange.statuses(),
                exchange.received.escape_ascii()
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        rows.len(),
        wrong.join("\n")
    );
    println!("broken answers: {} heads, each answered with 502", rows.len());
}

/// Protects: an answer that breaks in its body is never ended as if it were whole.
#[test]
fn broken_bodies_are_never_ended() {
    let gate = Gate::before(upstream(broken_bodies()), settings(), |route| route);
    let rows = broken_bodies();
    for (number, (what, _)) in rows.iter().enumerate() {
        let exchange = gate.until_closed(&get(number));
        // 502, or an answer that visibly breaks off; before its first byte that is a connection that just closes.
        let breaks_off =
            exchange.answers().is_empty() && (exchange.received.is_empty() || !exchange.is_whole());
        let honest = exchange.statuses() == [502] || breaks_off;
        assert!(
            exchange.closed && honest,
            "{what}: {}",
            exchange.received.escape_ascii()
        );
    }
    println!(
        "broken answers: {} bodies, none ended as if it were whole",
        rows.len()
    );
}

/// Protects: what an upstream sends behind its answer is never anybody's answer.
#[test]
fn a_second_answer_is_nobodys() {
    let evil = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil";
    let rows = vec![
        (
            "two answers",
            Reply::raw(format!("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood{evil}")),
        ),
        (
            "a body with 204",
            Reply::raw(format!(
                "HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\n{evil}"
            )),
        ),
        (
            "a body with 304",
            Reply::raw(format!("HTTP/1.1 304 Not Modified\r\n\r\n{evil}")),
        ),
    ];
    let count = rows.len();
    let gate = Gate::before(upstream(rows), settings(), |route| route);
    for number in 0..count {
        for _ in 0..20 {
            let _ = gate.until_answers(&[&get(number)], 1);
            // Whoever comes next gets the answer to its own question.
            let next = gate.until_answers(&[crate::gate::GOOD], 1);
            let content: Vec<Vec<u8>> = next.answers().into_iter().map(|answer| answer.content).collect();
            assert_eq!(content, [b"/good".to_vec()]);
        }
    }
}
