//! How bytes arrive: many requests at once, half of one, one byte at a time.

use std::time::Duration;

use koinon_gateway::Timeouts;
use koinon_testkit::{Recorder, exchange};

use crate::gate::{GOOD, Gate, PATIENCE, settings};

const CHUNKED: &[u8] = b"POST /chunks HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
    3;a=\"b\"\r\nabc\r\nA\r\n0123456789\r\n0\r\nX-Trailer: t\r\n\r\n";
const KNOWN: &[u8] = b"POST /known HTTP/1.1\r\nHost: a\r\nContent-Length: 13\r\n\r\nabc0123456789";

/// Protects: requests that come together are answered one by one, in order, each with its own body.
#[test]
fn pipelined_requests_are_told_apart() {
    let gate = Gate::start();
    let all = [GOOD, KNOWN, CHUNKED, GOOD, KNOWN].concat();
    let exchange = gate.until_answers(&[&all], 5);
    assert_eq!(exchange.statuses(), [200; 5]);
    let arrived = gate.recorder.take();
    let paths: Vec<&[u8]> = arrived
        .requests
        .iter()
        .map(|request| &request.what.1[..])
        .collect();
    assert_eq!(paths, [b"/good", &b"/known"[..], b"/chunks", b"/good", b"/known"]);
    for request in &arrived.requests {
        let expected: &[u8] = if request.what.1 == b"/good" {
            b""
        } else {
            b"abc0123456789"
        };
        assert_eq!(request.content, expected);
    }
}

/// Protects: a good request before a bad one is served, and the bad one ends the connection.
#[test]
fn a_bad_request_behind_a_good_one_is_refused() {
    let gate = Gate::start();
    for bad in [
        "GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\nx",
    ] {
        let all = [GOOD, bad.as_bytes(), GOOD].concat();
        let exchange = gate.until_closed(&all);
        assert_eq!(exchange.statuses(), [200, 400]);
        assert_eq!(gate.recorder.take().requests.len(), 1);
    }
}

/// Protects: the way in which bytes are cut changes nothing of what arrives.
#[test]
fn one_byte_at_a_time_is_the_same() {
    let gate = Gate::start();
    for request in [GOOD, KNOWN, CHUNKED] {
        let whole = gate.until_answers(&[request], 1);
        let bytes: Vec<&[u8]> = request.chunks(1).collect();
        let slow = gate.until_answers(&bytes, 1);
        assert_eq!((whole.statuses(), slow.statuses()), (vec![200], vec![200]));
        let arrived = gate.recorder.take().requests;
        let said = |index: usize| {
            let request = &arrived[index];
            (
                request.what.clone(),
                request.content.clone(),
                request.trailer.clone(),
            )
        };
        assert_eq!((arrived.len(), said(0)), (2, said(1)));
    }
}

/// Protects: a refusal does not depend on how its bytes are cut either.
#[test]
fn a_refusal_comes_byte_by_byte_too() {
    let gate = Gate::start();
    let bad =
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    let bytes: Vec<&[u8]> = bad.chunks(1).collect();
    let exchange = exchange(gate.address, &bytes, PATIENCE, |_| false).unwrap();
    assert_eq!((exchange.statuses(), exchange.closed), (vec![400], true));
    assert!(gate.recorder.take().is_nothing());
}

/// Protects: who does not finish a head is told so and let go, and holds up nobody.
#[test]
fn half_a_head_has_an_end() {
    let timeouts = Timeouts {
        head: Duration::from_millis(300),
        keep_alive: Duration::from_millis(300),
        ..settings().timeouts
    };
    let settings = koinon_gateway::GatewaySettings {
        timeouts,
        ..settings()
    };
    let gate = Gate::before(Recorder::start().unwrap(), settings, |route| route);
    for half in [
        "GET",
        "GET / HTTP/1.1\r\nHost: a\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n\r",
    ] {
        let exchange = gate.until_closed(half.as_bytes());
        assert_eq!(
            (exchange.statuses(), exchange.closed),
            (vec![408], true),
            "{half:?}"
        );
        assert!(gate.recorder.take().is_nothing());
        gate.serves_others();
    }
    // Without a byte there is nobody to answer.
    let silent = gate.until_closed(b"");
    assert!(silent.closed && silent.statuses().iter().all(|status| *status == 408));
}

/// Protects: a client that goes away in the middle of a body leaves nothing that looks like a whole request.
#[test]
fn half_a_body_is_never_whole() {
    let gate = Gate::start();
    for half in [
        &KNOWN[..KNOWN.len() - 3],
        &CHUNKED[..CHUNKED.len() - 6],
        &CHUNKED[..80],
    ] {
        // Long enough for the gateway to have read it, as the next client's answer shows.
        let gone = exchange(gate.address, &[half], Duration::from_millis(50), |_| false).unwrap();
        assert!(gone.answers().is_empty());
        let _ = gate.until_answers(&[GOOD], 1);
        let arrived = gate.recorder.take().requests;
        assert!(
            arrived.iter().all(|request| request.what.1 == b"/good"),
            "{arrived:?}"
        );
    }
}

/// Protects: a filter that adds a field which decides about borders makes no request with two meanings.
#[test]
fn filters_cannot_move_borders() {
    for (name, value) in [
        ("Transfer-Encoding", "chunked"),
        ("Content-Length", "3"),
        ("Content_Length", "3"),
    ] {
        let recorder = Recorder::start().unwrap();
        let gate = Gate::before(recorder, settings(), |route| {
            route.add_request_header(name, value)
        });
        let exchange = gate.until_answers(&[KNOWN], 1);
        let arrived = gate.recorder.take();
        assert!(arrived.rest.is_empty(), "{name}: {arrived:?}");
        for request in &arrived.requests {
            assert_eq!(request.content, b"abc0123456789", "{name}");
        }
        assert_eq!(exchange.answers().len(), 1, "{name}");
    }
}
