//! A client that sends or reads too slowly does not hold an endpoint's connection; one that waits for an endpoint is not
//! blamed for it.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use koinon_core_route::RouteBuilder;
use koinon_gateway::{ClientPace, GatewaySettings};

use crate::common::upstream::ok;
use crate::common::{Client, PATIENCE, Stand, Upstream, Wire, holds, route_to, settings, until};

/// What every client begins with here.
const GRACE: Duration = Duration::from_millis(300);
/// Longer than any client has time that nobody gives it.
const LONG: Duration = Duration::from_millis(1200);
const MIB: u64 = 1024 * 1024;

fn at_least(bytes_per_s_min: u64, workers: usize) -> GatewaySettings {
    GatewaySettings {
        client_pace: ClientPace {
            bytes_per_s_min,
            grace: GRACE,
        },
        ..settings(workers)
    }
}

/// Each story is told with one worker and with several.
fn with_1_and_4_workers(story: impl Fn(usize)) {
    [1, 4].into_iter().for_each(story);
}

/// Holds an upstream back until the test lets it go on.
#[derive(Clone, Default)]
struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }

    fn wait(&self) {
        let closed = self.0.0.lock().unwrap();
        let _open = self
            .0
            .1
            .wait_timeout_while(closed, PATIENCE, |open| !*open)
            .unwrap();
    }
}

/// Takes a request's head, and its body as it comes, and says nothing.
fn listens(wire: &mut Wire) {
    wire.head().unwrap();
    wire.drain();
}

/// A route whose clients may be as slow as they like.
fn patient_route_to(addr: SocketAddr) -> RouteBuilder {
    route_to(addr).metadata("koinon.client-rate-min", "0")
}

/// Sends a byte now and then until something comes back, for at most `time`; says whether it did.
fn drips(client: &mut Client, time: Duration) -> bool {
    let end = Instant::now() + time;
    let step = Duration::from_millis(50);
    while Instant::now() < end {
        client.stream.set_read_timeout(Some(step)).unwrap();
        let peeked = client.stream.peek(&mut [0]);
        client.stream.set_read_timeout(Some(PATIENCE)).unwrap();
        if !peeked.is_err_and(|error| matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)) {
            return true;
        }
        client.send("x");
    }
    false
}

/// A body of a byte now and then is 408 long before the idle timeout, which each byte of it would put off; the endpoint is
/// free again, and not to blame.
#[test]
fn a_dripping_body_is_refused() {
    with_1_and_4_workers(|workers| {
        let upstream = Upstream::start(listens);
        let stand = Stand::with(at_least(1_000, workers), route_to(upstream.addr));
        let mut client = Client::connect(stand.addr);
        let started = Instant::now();
        client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n");
        assert!(drips(&mut client, PATIENCE), "it drips for ever");
        assert!(started.elapsed() >= GRACE, "{:?}", started.elapsed());
        let answer = client.answer();
        assert_eq!((answer.status, answer.code().as_str()), (408, "body_too_slow"));
        assert_eq!(answer.header("connection"), Some("close"));
        stand.until_quiet();
        until("it is counted", || stand.faults("body_too_slow") == 1);
        assert_eq!(stand.upstream().endpoints[0].state, "serving");
        assert_eq!(stand.upstream().endpoints[0].failures, 0);
    });
}

/// A body that keeps the rate may take as long as it needs, and so may any where the route sets no rate.
#[test]
fn a_steady_body_goes_on() {
    with_1_and_4_workers(|workers| {
        let upstream = Upstream::start(|wire| wire.serve(|_| ok("slow")));
        let steady = Stand::with(at_least(100, workers), route_to(upstream.addr));
        let mut client = Client::connect(steady.addr);
        let started = Instant::now();
        client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3000\r\n\r\n");
        for _ in 1..30 {
            client.send("x".repeat(100));
            assert!(client.is_silent_for(LONG / 20));
        }
        assert!(started.elapsed() > LONG);
        client.send("x".repeat(100));
        assert_eq!(client.answer().text(), "slow");

        let listening = Upstream::start(listens);
        let free = Stand::with(at_least(1_000, workers), patient_route_to(listening.addr));
        let mut client = Client::connect(free.addr);
        client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n");
        assert!(!drips(&mut client, LONG), "the route says that it may");
        assert_eq!(steady.faults("body_too_slow") + free.faults("body_too_slow"), 0);
    });
}

/// An endpoint that does not take a body keeps its client from sending; that costs the client nothing, however long it
/// lasts.
#[test]
fn a_slow_endpoint_is_not_the_clients_fault() {
    const LEN: usize = 32 * MIB as usize;
    with_1_and_4_workers(|workers| {
        let gate = Gate::default();
        let held = gate.clone();
        let upstream = Upstream::start(move |wire| {
            wire.head().unwrap();
            held.wait();
            let mut left = LEN - wire.take_unread();
            let mut piece = vec![0; 64 * 1024];
            while left > 0 {
                left -= std::io::Read::read(&mut wire.stream, &mut piece).unwrap();
            }
            wire.write(ok("all"));
        });
        // The kernel takes some 10 MiB ahead, which earn the client a second.
        let stand = Stand::with(at_least(10 * MIB, workers), route_to(upstream.addr));
        let mut client = Client::connect(stand.addr);
        client.send(format!(
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {LEN}\r\n\r\n"
        ));
        let mut sender = client.stream.try_clone().unwrap();
        let sending = std::thread::spawn(move || std::io::Write::write_all(&mut sender, &vec![b'x'; LEN]));
        assert!(holds(LONG * 3, || stand.faults("body_too_slow") == 0));
        assert!(!sending.is_finished(), "the endpoint holds it up");
        gate.open();
        sending.join().unwrap().unwrap();
        assert_eq!(client.answer().text(), "all");
    });
}

/// A client that waits to be asked for its body does not wait on its own time; once asked, it does.
#[test]
fn waiting_for_continue_costs_nothing() {
    with_1_and_4_workers(|workers| {
        let gate = Gate::default();
        let held = gate.clone();
        let upstream = Upstream::start(move |wire| {
            wire.head().unwrap();
            held.wait();
            wire.write("HTTP/1.1 100 Continue\r\n\r\n");
            wire.drain();
        });
        let stand = Stand::with(at_least(1_000, workers), route_to(upstream.addr));
        let mut client = Client::connect(stand.addr);
        client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n");
        assert!(client.is_silent_for(LONG));
        gate.open();
        assert!(client.head().starts_with("HTTP/1.1 100"));
        let answer = client.answer();
        assert_eq!((answer.status, answer.code().as_str()), (408, "body_too_slow"));
    });
}

/// When the answer has begun there is no other to give: it is cut off, and seen to be. An answer that says no lets the
/// client stop sending, and is passed on to its end.
#[test]
fn a_dripping_body_ends_its_answer_too() {
    with_1_and_4_workers(|workers| {
        let gate = Gate::default();
        let held = gate.clone();
        let upstream = Upstream::start(move |wire| {
            let head = wire.head().unwrap();
            let status = if head.contains("/no") {
                "413 Content Too Large"
            } else {
                "200 OK"
            };
            wire.write(format!("HTTP/1.1 {status}\r\nContent-Length: 8\r\n\r\nhalf"));
            match head.contains("/no") {
                true => held.wait(),
                false => wire.drain(),
            }
            wire.write("full");
        });
        let stand = Stand::with(at_least(1_000, workers), route_to(upstream.addr));
        let mut client = Client::connect(stand.addr);
        client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n");
        assert!(client.head().starts_with("HTTP/1.1 200"));
        assert_eq!(client.bytes(4), b"half");
        assert!(drips(&mut client, PATIENCE), "it drips for ever");
        assert!(client.is_closed());
        stand.until_quiet();
        until("it is counted", || stand.faults("body_too_slow") == 1);
        assert_eq!((stand.counts().aborted, stand.counts().truncated), (1, 0));

        let mut client = Client::connect(stand.addr);
        client.send("POST /no HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n");
        let head = client.head();
        assert_eq!(client.bytes(4), b"half");
        assert!(client.is_silent_for(LONG));
        gate.open();
        assert_eq!(client.bytes(4), b"full", "{head}");
    });
}

/// A client that asks for much and reads little is cut off, long before the idle timeout, by a reset: what it has not read
/// is kept for it no longer, and it cannot take what it got for all.
#[test]
fn a_slow_reader_is_cut_off() {
    with_1_and_4_workers(|workers| {
        let upstream = Upstream::start(|wire| {
            wire.head().unwrap();
            wire.write("HTTP/1.1 200 OK\r\n\r\n");
            while std::io::Write::write_all(&mut wire.stream, &[b'x'; 64 * 1024]).is_ok() {}
        });
        let stand = Stand::with(at_least(20 * MIB, workers), route_to(upstream.addr));
        let mut client = Client::connect(stand.addr);
        client.send("GET / HTTP/1.0\r\nHost: a\r\n\r\n");
        assert!(client.head().contains("Connection: close"));
        until("it is counted", || {
            client.bytes(10);
            stand.faults("reader_too_slow") == 1
        });
        client.rest().unwrap_err();
        stand.until_quiet();
        assert_eq!((stand.counts().aborted, stand.counts().truncated), (1, 0));
        assert_eq!(stand.upstream().endpoints[0].state, "serving");
    });
}

/// A client that reads at the rate may take its time, and one that waits for a silent endpoint may do so for ever: events
/// come when they come, and a tunnel has no rate.
#[test]
fn a_steady_reader_and_a_waiting_one_go_on() {
    const LEN: usize = 16 * MIB as usize;
    with_1_and_4_workers(|workers| {
        let gate = Gate::default();
        let held = gate.clone();
        let upstream = Upstream::start(move |wire| {
            let head = wire.head().unwrap();
            if head.contains("/large") {
                wire.write(format!("HTTP/1.1 200 OK\r\nContent-Length: {LEN}\r\n\r\n"));
                wire.write(vec![b'x'; LEN]);
            } else if head.contains("/events") {
                wire.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n");
                held.wait();
                wire.write("1\r\nb\r\n0\r\n\r\n");
            } else {
                wire.write(
                    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n",
                );
            }
            wire.drain();
        });
        let stand = Stand::with(at_least(MIB / 4, workers), route_to(upstream.addr));
        let [mut large, mut events, mut tunnel] = [(); 3].map(|()| Client::connect(stand.addr));
        large.get("/large");
        events.get("/events");
        tunnel.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n");
        let events_head = events.head();
        assert!(tunnel.head().starts_with("HTTP/1.1 101"));
        large.head();
        let started = Instant::now();
        for _ in 0..16 {
            large.bytes(LEN / 16);
            assert!(tunnel.is_silent_for(LONG / 16));
        }
        assert!(started.elapsed() >= LONG);
        gate.open();
        assert_eq!(events.body_of(events_head).body, b"ab");
        tunnel.send("still there");
        until("the tunnel is", || upstream.received().contains("still there"));
        assert_eq!(stand.counts().aborted, 0);
    });
}
