//! When a request is sent once more, and when never: not a byte was sent, or it is idempotent and still whole here.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::common::upstream::ok;
use crate::common::{Client, Stand, Upstream, Wire, settings};

/// Two instances, one of which does `harm` to every request; gives the stand and both.
fn pair(workers: usize, harm: impl Fn(&mut Wire) + Send + Sync + 'static) -> (Stand, Upstream, Upstream) {
    let (broken, sound) = (Upstream::start(harm), Upstream::named("sound"));
    let stand = Stand::balanced(settings(workers));
    stand.register_all(&[broken.addr, sound.addr]);
    (stand, broken, sound)
}

/// Whatever happens to an idempotent request before its answer is here, another instance answers: no answer at all, half a
/// head, half of a small body, a reset at each of these places.
#[test]
fn idempotent_requests_survive_a_broken_instance() {
    for cut in [
        "",
        "HTTP/1.1 20",
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
    ] {
        for (resets, workers) in [(false, 1), (true, 1), (true, 4)] {
            let (stand, broken, sound) = pair(workers, move |wire| {
                wire.head();
                wire.write(cut);
                if resets {
                    wire.reset();
                }
            });
            for method in ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"] {
                for _ in 0..4 {
                    let mut client = Client::connect(stand.addr);
                    client.send(format!(
                        "{method} / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody"
                    ));
                    let answer = match method {
                        "HEAD" => client.answer_to_head(),
                        _ => client.answer(),
                    };
                    assert_eq!(answer.status, 200, "{method} after {cut:?}");
                }
            }
            assert!(broken.connections() >= 1 && sound.requests() == 20);
            stand.until_quiet();
        }
    }
}

/// A POST of which a byte was sent is never sent again, whatever became of it: it may have been done.
#[test]
fn a_post_is_never_sent_twice() {
    for workers in [1, 4] {
        let (stand, broken, sound) = pair(workers, |wire| {
            wire.head();
        });
        let mut failed = 0;
        for nth in 0..60 {
            let mut client = Client::connect(stand.addr);
            client.post(&format!("/{nth}"), "pay");
            let answer = client.answer();
            match answer.status {
                200 => {}
                502 => failed += 1,
                status => panic!("{status}"),
            }
            let seen = [&broken, &sound]
                .map(|upstream| upstream.received().matches(&format!("POST /{nth} ")).count());
            assert_eq!(seen[0] + seen[1], 1, "{seen:?}");
        }
        assert_eq!(failed, broken.requests());
        assert!(failed > 0);
        stand.until_quiet();
    }
}

/// An idle connection that its instance closes is noticed; neither GET nor POST fails on it.
#[test]
fn a_closed_idle_connection_is_not_used() {
    let upstream = Upstream::start(|wire| {
        let head = wire.head().unwrap();
        let len = if head.starts_with("POST") { 4 } else { 0 };
        wire.bytes(len).unwrap();
        wire.write(ok("once"));
    });
    let stand = Stand::to(1, upstream.addr);
    let mut client = Client::connect(stand.addr);
    for nth in 0..20 {
        match nth % 2 {
            0 => client.get("/"),
            _ => client.post("/", "once"),
        }
        assert_eq!(client.answer().text(), "once", "request {nth}");
        // A client's pause, in which the upstream's end arrives.
        assert!(client.is_silent_for(Duration::from_millis(30)));
    }
    assert_eq!(stand.upstream().retries, 0);
}

/// An instance that closes in the very moment in which it gets a request: that says nothing about the instance, and the
/// request gets a new connection to it; it is neither marked nor charged to the retry budget.
#[test]
fn a_stale_connection_is_replaced() {
    let upstream = Upstream::start(|wire| {
        wire.head().unwrap();
        wire.write(ok("fresh"));
        // Reads the second request and ends without an answer: as good as having closed before it came.
        wire.head();
    });
    let stand = Stand::balanced(settings(1));
    stand.register_all(&[upstream.addr]);
    let mut client = Client::connect(stand.addr);
    for _ in 0..20 {
        client.get("/");
        assert_eq!(client.answer().text(), "fresh");
    }
    let view = stand.upstream();
    assert_eq!((view.retries, view.endpoints[0].state), (0, "serving"));
    assert_eq!(view.connects, 20);
    stand.until_quiet();
}

/// A body that is partly gone cannot be sent again, idempotent or not: 502, and the client can read it.
#[test]
fn a_request_whose_body_is_gone_is_not_repeated() {
    let (stand, broken, sound) = pair(1, |wire| {
        wire.head();
        wire.bytes(100_000);
        wire.reset();
    });
    let mut failed = 0;
    for _ in 0..4 {
        let mut client = Client::connect(stand.addr);
        client.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n");
        client.send([b'x'; 200_000]);
        let answer = client.answer();
        if answer.status != 200 {
            assert_eq!((answer.status, answer.header("connection")), (502, Some("close")));
            failed += 1;
        }
    }
    assert_eq!(broken.requests() + sound.requests(), 4);
    assert_eq!(failed, broken.requests());
    stand.until_quiet();
}

/// A request is tried a few times, not for ever, and each instance at most once.
#[test]
fn tries_are_bounded() {
    let count = Arc::new(AtomicUsize::new(0));
    let broken: Vec<Upstream> = (0..6)
        .map(|_| {
            let count = Arc::clone(&count);
            Upstream::start(move |wire| {
                if wire.head().is_some() {
                    count.fetch_add(1, Ordering::SeqCst);
                }
            })
        })
        .collect();
    let stand = Stand::balanced(settings(1));
    stand.register_all(&broken.iter().map(|upstream| upstream.addr).collect::<Vec<_>>());
    let answer = crate::common::get(stand.addr, "/");
    assert_eq!((answer.status, answer.code().as_str()), (502, "upstream_closed"));
    assert_eq!(count.load(Ordering::SeqCst), 4);
    assert!(broken.iter().all(|upstream| upstream.requests() <= 1));
    stand.until_quiet();
}

/// What was answered is answered: a 500 or 503 of the instance is its own and goes to the client, once.
#[test]
fn an_answer_is_never_a_reason_to_repeat() {
    let (stand, broken, sound) = pair(1, |wire| {
        wire.serve(|_| "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nbusy".into());
    });
    let mut statuses = Vec::new();
    for _ in 0..10 {
        statuses.push(crate::common::get(stand.addr, "/").status);
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [[200; 5], [503; 5]].concat());
    assert_eq!((broken.requests(), sound.requests()), (5, 5));
}

/// A server that expects no body with GET takes it for its next request; were its connection kept, somebody else would get
/// the answer to that. A body with POST is nothing odd, and its connection is kept.
#[test]
fn a_connection_behind_an_odd_body_is_not_kept() {
    for (method, connects) in [("GET", 5), ("POST", 1)] {
        let upstream = Upstream::start(|wire| {
            while wire.head().is_some() {
                wire.bytes(4).unwrap();
                wire.write(ok("taken"));
            }
        });
        let stand = Stand::to(1, upstream.addr);
        let mut client = Client::connect(stand.addr);
        for _ in 0..5 {
            client.send(format!(
                "{method} / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody"
            ));
            assert_eq!(client.answer().text(), "taken");
        }
        assert_eq!(stand.upstream().connects, connects, "{method}");
    }
}
