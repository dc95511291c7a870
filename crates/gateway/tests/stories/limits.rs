//! How many and how much: connections, heads, what an idle or slow one may cost.

use std::time::{Duration, Instant};

use crate::common::{Client, Stand, Upstream, route_to, settings, until};

/// One address cannot take every place, all addresses together not more than there are, over all workers; a refused client
/// is told, and a place that was left is free again.
#[test]
fn connection_caps_hold_and_recover() {
    for workers in [1, 4] {
        for (all, per_address) in [(100, 4), (4, 100)] {
            let upstream = Upstream::named("one");
            let mut settings = settings(workers);
            settings.connections_max = all;
            settings.connections_per_address_max = per_address;
            let stand = Stand::with(settings, route_to(upstream.addr));
            let mut held: Vec<Client> = (0..4).map(|_| Client::connect(stand.addr)).collect();
            for client in &mut held {
                client.get("/");
                assert_eq!(client.answer().status, 200);
            }
            let mut fifth = Client::connect(stand.addr);
            let answer = fifth.answer();
            assert_eq!((answer.status, answer.code().as_str()), (503, "overloaded"));
            assert!(fifth.is_closed());
            assert_eq!((stand.counts().open, stand.counts().refused_connections), (4, 1));
            drop(held.pop());
            until("the place is free", || stand.counts().open == 3);
            let mut again = Client::connect(stand.addr);
            again.get("/");
            assert_eq!(again.answer().status, 200);
        }
    }
}

/// Thousands of connections come and go, with and without a request, and leave nothing behind.
#[test]
fn connections_open_and_close() {
    const ALL: usize = 10_000;
    let upstream = Upstream::start(|wire| wire.serve(|_| crate::common::upstream::ok("one")));
    let stand = Stand::with(settings(4), route_to(upstream.addr));
    let started = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for nth in 0..ALL / 8 {
                    let mut client = Client::connect(stand.addr);
                    match nth % 4 {
                        // Without a word, and in the middle of one: both as resets, which need no time to be forgotten.
                        0 => {}
                        1 => client.send("GET / HTT"),
                        _ => {
                            client.get("/");
                            assert_eq!(client.answer().status, 200);
                        }
                    }
                    client.reset();
                }
            });
        }
    });
    // The last ones may still be in the kernel's queue when all others are gone.
    until("all were taken", || stand.counts().accepted == ALL as u64);
    until("all are gone", || stand.counts().open == 0);
    stand.until_quiet();
    assert_eq!(stand.counts().refused_connections, 0);
    assert!(
        started.elapsed() < Duration::from_secs(60),
        "{:?}",
        started.elapsed()
    );
    let client = Client::connect(stand.addr);
    drop(client);
}

/// A client that reads nothing stops its upstream: what is under way is bounded by the sockets, not by memory.
#[test]
fn a_slow_reader_slows_its_upstream_down() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    const ALL: usize = 256 * 1024 * 1024;
    let written = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&written);
    let upstream = Upstream::start(move |wire| {
        wire.head().unwrap();
        wire.write(format!("HTTP/1.1 200 OK\r\nContent-Length: {ALL}\r\n\r\n"));
        let piece = vec![b'x'; 64 * 1024];
        while count.load(Ordering::SeqCst) < ALL {
            if std::io::Write::write_all(&mut wire.stream, &piece).is_err() {
                return;
            }
            count.fetch_add(piece.len(), Ordering::SeqCst);
        }
    });
    let stand = Stand::to(1, upstream.addr);
    let mut client = Client::connect(stand.addr);
    client.get("/");
    let mut last = usize::MAX;
    until("the upstream stands still", || {
        let before = std::mem::replace(&mut last, written.load(Ordering::SeqCst));
        std::thread::sleep(Duration::from_millis(300));
        before == last
    });
    // Two socket pairs of the kernel, each at most some megabytes.
    assert!(
        (64 * 1024..40 * 1024 * 1024).contains(&last),
        "{last} bytes under way"
    );
    client.head();
    // More than the sockets hold: a kernel does not wake its writer for a little room.
    let read = 2 * last;
    assert_eq!(client.bytes(read).len(), read);
    until("it goes on", || written.load(Ordering::SeqCst) > read);
    client.reset();
    stand.until_quiet();
}

/// A client that pipelines without reading is read no further than a buffer.
#[test]
fn a_pipeline_that_nobody_reads_is_held_back() {
    let upstream = Upstream::start(|wire| wire.serve(|_| crate::common::upstream::ok(&"y".repeat(4000))));
    let stand = Stand::to(1, upstream.addr);
    let client = Client::connect(stand.addr);
    let requests = "GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(1000);
    client.stream.set_nonblocking(true).unwrap();
    let started = Instant::now();
    let mut sent = 0;
    let mut moved = Instant::now();
    while moved.elapsed() < Duration::from_millis(500) {
        match std::io::Write::write(&mut &client.stream, requests.as_bytes()) {
            Ok(len) => {
                sent += len;
                moved = Instant::now();
            }
            Err(_) => std::thread::sleep(Duration::from_millis(5)),
        }
        assert!(
            started.elapsed() < crate::common::PATIENCE,
            "{sent} bytes and no end"
        );
    }
    let asked = upstream.requests();
    assert!(asked * 4000 < 40 * 1024 * 1024, "{asked} answers wait for nobody");
    client.reset();
    stand.until_quiet();
}
