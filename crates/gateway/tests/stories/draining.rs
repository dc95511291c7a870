//! The end of a gateway, and its routes' changes under traffic: nothing that was begun is dropped.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use koinon_core_route::RoutesFile;
use koinon_io_net::ServeReport;

use crate::common::upstream::ok;
use crate::common::{Client, Stand, Upstream, holds, route_to, settings, until};

const LONG: Duration = Duration::from_secs(3600);

/// A gate that requests for `/held` wait at.
fn held() -> (Upstream, Arc<AtomicBool>) {
    let open = Arc::new(AtomicBool::new(false));
    let gate = Arc::clone(&open);
    let upstream = Upstream::start(move |wire| {
        wire.serve(|head| {
            if head.contains("/held") {
                until("the gate opens", || gate.load(Ordering::SeqCst));
            }
            ok("done")
        });
    });
    (upstream, open)
}

/// What is in flight finishes and is told that the connection ends, idle connections close, new ones are refused, and all
/// is over long before the deadline.
#[test]
fn a_drain_finishes_what_is_in_flight() {
    for workers in [1, 4] {
        let (upstream, gate) = held();
        let mut stand = Stand::to(workers, upstream.addr);
        let mut idle: Vec<Client> = (0..8).map(|_| Client::connect(stand.addr)).collect();
        for client in &mut idle {
            client.get("/");
            assert_eq!(client.answer().status, 200);
        }
        let mut busy: Vec<Client> = (0..8).map(|_| Client::connect(stand.addr)).collect();
        busy.iter_mut().for_each(|client| client.get("/held"));
        until("all are in flight", || {
            stand.upstream().endpoints[0].in_flight == 8
        });
        stand.drain.start(LONG);
        for client in &mut idle {
            assert!(client.is_closed());
        }
        until("nobody new gets in", || {
            std::net::TcpStream::connect(stand.addr).is_err()
        });
        assert!(holds(Duration::from_millis(100), || stand.upstream().endpoints
            [0]
        .in_flight
            == 8));
        gate.store(true, Ordering::SeqCst);
        for client in &mut busy {
            let answer = client.answer();
            assert_eq!((answer.status, answer.header("connection")), (200, Some("close")));
            assert!(client.is_closed());
        }
        assert_eq!(stand.wait(), ServeReport { cut_off: 0 });
        assert_eq!(stand.counts().open, 0);
    }
}

/// Connections that the kernel had accepted when the drain began are served, with the requests in them and with one that
/// comes right behind; they are not reset.
#[test]
fn a_drain_serves_the_accept_queue() {
    for workers in [1, 4] {
        let upstream = Upstream::named("one");
        // Many rounds: the moment between the kernel's queue and ours is short.
        for round in 0..20 {
            let mut stand = Stand::to(workers, upstream.addr);
            let mut queued = Vec::new();
            for nth in 0..=20 {
                let mut client = Client::connect(stand.addr);
                if nth == 20 {
                    stand.drain.start(LONG);
                }
                client.get("/");
                queued.push(client);
            }
            for client in &mut queued {
                assert_eq!(client.answer().text(), "one", "round {round}");
            }
            drop(queued);
            assert_eq!(stand.wait(), ServeReport { cut_off: 0 });
        }
    }
}

/// An answer that streams, an upload that streams and a tunnel go on during a drain; what has not ended by the deadline is
/// cut off and counted.
#[test]
fn streams_and_tunnels_go_on_until_the_deadline() {
    let upstream = Upstream::start(|wire| {
        let head = wire.head().unwrap();
        match head.contains("/chat") {
            true => {
                wire.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
            }
            false => wire.write("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"),
        }
        while let Some(piece) = wire.bytes(1) {
            wire.write(piece);
        }
    });
    let mut stand = Stand::to(1, upstream.addr);
    let mut tunnel = Client::connect(stand.addr);
    tunnel.send("GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n");
    tunnel.head();
    let mut stream = Client::connect(stand.addr);
    stream.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n");
    stream.head();
    let started = Instant::now();
    stand.drain.start(Duration::from_millis(600));
    until("the listener is closed", || {
        std::net::TcpStream::connect(stand.addr).is_err()
    });
    for client in [&mut tunnel, &mut stream] {
        client.send("x");
        assert_eq!(client.bytes(1), b"x");
    }
    assert_eq!(stand.wait(), ServeReport { cut_off: 2 });
    let elapsed = started.elapsed();
    assert!(
        (Duration::from_millis(590)..Duration::from_secs(3)).contains(&elapsed),
        "{elapsed:?}"
    );
    for mut client in [tunnel, stream] {
        assert!(client.rest().unwrap_or_default().is_empty());
    }
}

/// A tunnel that ends by itself lets the drain end before its deadline.
#[test]
fn a_drain_ends_with_the_last_tunnel() {
    let upstream = Upstream::start(|wire| {
        wire.head().unwrap();
        wire.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n");
        wire.drain();
    });
    let mut stand = Stand::to(4, upstream.addr);
    let mut tunnel = Client::connect(stand.addr);
    tunnel.send("GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n");
    tunnel.head();
    stand.drain.start(LONG);
    tunnel.finish();
    assert_eq!(stand.wait(), ServeReport { cut_off: 0 });
}

/// Nothing that a client does or leaves undone holds a drain beyond its deadline: silence, half a head, half a body,
/// refusing to read.
#[test]
fn nothing_holds_a_drain_beyond_its_deadline() {
    let upstream = Upstream::start(|wire| {
        wire.head().unwrap();
        wire.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        let piece = format!("{:x}\r\n{}\r\n", 60_000, "x".repeat(60_000));
        while std::io::Write::write_all(&mut wire.stream, piece.as_bytes()).is_ok() {}
    });
    for workers in [1, 4] {
        let mut stand = Stand::to(workers, upstream.addr);
        let mut clients: Vec<Client> = (0..4).map(|_| Client::connect(stand.addr)).collect();
        clients[1].send("GET / HTTP/1.1\r\nHo");
        clients[2].send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf");
        clients[3].get("/");
        until("all are here", || stand.counts().open == 4);
        let started = Instant::now();
        stand.drain.start(Duration::from_millis(300));
        stand.wait();
        assert!(
            started.elapsed() < Duration::from_secs(3),
            "{:?}",
            started.elapsed()
        );
    }
}

/// Under traffic, routes are replaced every few milliseconds, upstreams come and go with them, a wrong file in between is
/// refused, and not one request notices.
#[test]
fn routes_change_under_traffic() {
    for workers in [1, 4] {
        let (old, new) = (Upstream::named("old"), Upstream::named("new"));
        let stand = Stand::with(settings(workers), route_to(old.addr).order(10));
        let (over, asked) = (AtomicBool::new(false), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let mut client = Client::connect(stand.addr);
                    while !over.load(Ordering::SeqCst) {
                        client.get("/x");
                        let answer = client.answer();
                        assert!(
                            answer.status == 200 && ["old", "new"].contains(&answer.text().as_str()),
                            "{}",
                            answer.head
                        );
                        asked.fetch_add(1, Ordering::SeqCst);
                    }
                });
            }
            let started = Instant::now();
            for nth in 0.. {
                if started.elapsed() > Duration::from_secs(2) {
                    break;
                }
                let addr = if nth % 2 == 0 { new.addr } else { old.addr };
                let route = format!("{{id: r{nth}, uri: 'http://{addr}', predicates: [Path=/**]}}");
                let text = format!("spring.cloud.gateway.server.webflux.routes: [{route}]");
                let file = RoutesFile::read(&text, "routes.yml", &|_| None, &[]).unwrap();
                stand.gateway.set_routes(file).unwrap();
                let wrong = "spring.cloud.gateway.server.webflux.routes: [{id: w, uri: 'lb://a', predicates: [Pat=/x]}]";
                let wrong = RoutesFile::read(wrong, "routes.yml", &|_| None, &[]);
                assert!(
                    wrong
                        .map(|file| stand.gateway.set_routes(file).is_err())
                        .unwrap_or(true)
                );
                std::thread::sleep(Duration::from_millis(5));
            }
            over.store(true, Ordering::SeqCst);
        });
        assert!(asked.load(Ordering::SeqCst) > 100);
        assert!(old.requests() > 0 && new.requests() > 0);
        assert!(
            stand.gateway.upstreams().len() <= 2,
            "upstreams of old routes are forgotten"
        );
        stand.until_quiet();
    }
}
