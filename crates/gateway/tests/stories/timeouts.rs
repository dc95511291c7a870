//! Every wait ends: who made it last too long is told, and the other side freed.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use koinon_gateway::{GatewaySettings, Timeouts};

use crate::common::upstream::ok;
use crate::common::{Client, Stand, Upstream, get, route_to, settings, until};

/// Long enough to be told from at once, short enough for a test.
const SHORT: Duration = Duration::from_millis(300);

fn within(change: impl FnOnce(&mut Timeouts)) -> GatewaySettings {
    let mut settings = settings(1);
    change(&mut settings.timeouts);
    settings
}

/// Not before its time, and not long after it.
fn is_about(elapsed: Duration, time: Duration) -> bool {
    elapsed >= time - Duration::from_millis(20) && elapsed < time + Duration::from_secs(3)
}

/// Takes connections into its queue until that is full, so that the next one hangs.
fn full_queue() -> (TcpListener, Vec<std::net::TcpStream>) {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket
        .bind(&"127.0.0.1:0".parse::<std::net::SocketAddr>().unwrap().into())
        .unwrap();
    socket.listen(1).unwrap();
    let listener: TcpListener = socket.into();
    let addr = listener.local_addr().unwrap();
    let mut queued = Vec::new();
    while let Ok(stream) = std::net::TcpStream::connect_timeout(&addr, Duration::from_millis(200)) {
        queued.push(stream);
    }
    (listener, queued)
}

/// An endpoint that does not take connections costs the connect timeout; the request goes elsewhere, or is 504.
#[test]
fn connecting_ends() {
    let (listener, _queued) = full_queue();
    let stuck = listener.local_addr().unwrap();
    let stand = Stand::with(within(|timeouts| timeouts.connect = SHORT), route_to(stuck));
    let started = Instant::now();
    let answer = get(stand.addr, "/");
    assert_eq!((answer.status, answer.code().as_str()), (504, "connect_timeout"));
    assert!(is_about(started.elapsed(), SHORT), "{:?}", started.elapsed());
    let live = Upstream::named("live");
    let stand = Stand::balanced(within(|timeouts| timeouts.connect = SHORT));
    stand.register_all(&[stuck, live.addr]);
    for _ in 0..10 {
        let mut client = Client::connect(stand.addr);
        client.post("/", "x");
        assert_eq!(client.answer().text(), "live");
    }
    stand.until_quiet();
}

/// Half a head is 408; a connection that says nothing is closed without a word; a head that drips on gets no more time.
#[test]
fn heads_end() {
    let upstream = Upstream::named("one");
    let stand = Stand::with(within(|timeouts| timeouts.head = SHORT), route_to(upstream.addr));
    let started = Instant::now();
    let (mut silent, mut half) = (Client::connect(stand.addr), Client::connect(stand.addr));
    half.send("GET / HTTP/1.1\r\nHost: a\r\n");
    let answer = half.answer();
    assert_eq!((answer.status, answer.code().as_str()), (408, "head_timeout"));
    assert!(half.is_closed() && silent.is_closed());
    assert!(is_about(started.elapsed(), SHORT), "{:?}", started.elapsed());
    let mut drip = Client::connect(stand.addr);
    let started = Instant::now();
    drip.get("/");
    assert_eq!(drip.answer().status, 200);
    drip.send("GET / HTTP/1.1\r\n");
    while drip.is_silent_for(Duration::from_millis(50)) {
        drip.send("X: y\r\n");
        assert!(started.elapsed() < SHORT * 10);
    }
    assert_eq!(upstream.requests(), 1);
    until("both were counted", || stand.faults("head_timeout") == 2);
}

/// An idle connection ends without a word; one that asks in time goes on.
#[test]
fn idle_connections_end() {
    let upstream = Upstream::named("one");
    let mut settings = within(|timeouts| timeouts.keep_alive = SHORT);
    settings.timeouts.upstream_idle = SHORT;
    let stand = Stand::with(settings, route_to(upstream.addr));
    let mut client = Client::connect(stand.addr);
    for _ in 0..4 {
        client.get("/");
        assert_eq!(client.answer().status, 200);
        assert!(client.is_silent_for(SHORT / 2));
    }
    let started = Instant::now();
    assert!(client.is_closed());
    assert!(started.elapsed() < SHORT + Duration::from_secs(3));
    until("the upstream's connection goes too", || {
        stand.counts().pooled == 0
    });
    until("no connection is left", || stand.counts().open == 0);
}

/// A body that stops coming is 408, and the upstream's connection ends: half a request must not wait for ever.
#[test]
fn a_stalled_body_ends() {
    let upstream = Upstream::start(|wire| {
        wire.head().unwrap();
        wire.drain();
    });
    let stand = Stand::with(within(|timeouts| timeouts.idle = SHORT), route_to(upstream.addr));
    let mut client = Client::connect(stand.addr);
    let started = Instant::now();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf");
    let answer = client.answer();
    assert_eq!((answer.status, answer.code().as_str()), (408, "body_timeout"));
    assert!(is_about(started.elapsed(), SHORT), "{:?}", started.elapsed());
    stand.until_quiet();
    assert_eq!(
        stand.upstream().endpoints[0].state,
        "serving",
        "it was the client's fault"
    );
}

/// A body that comes slowly but steadily may take longer than the idle time.
#[test]
fn a_slow_body_goes_on() {
    let upstream = Upstream::start(|wire| wire.serve(|_| ok("slow")));
    let stand = Stand::with(within(|timeouts| timeouts.idle = SHORT), route_to(upstream.addr));
    let mut client = Client::connect(stand.addr);
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n");
    for _ in 0..10 {
        assert!(client.is_silent_for(SHORT / 3));
        client.send("x");
    }
    assert_eq!(client.answer().text(), "slow");
}

/// A response whose body stops coming is cut off and seen to be; one that nobody reads ends too, and is the client's fault.
#[test]
fn a_stalled_response_ends() {
    let upstream = Upstream::start(|wire| {
        let head = wire.head().unwrap();
        wire.write("HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\nhalf");
        if head.contains("/flood") {
            while std::io::Write::write_all(&mut wire.stream, &[b'x'; 10_000]).is_ok() {}
        }
        wire.drain();
    });
    let stand = Stand::with(within(|timeouts| timeouts.idle = SHORT), route_to(upstream.addr));
    let mut client = Client::connect(stand.addr);
    client.get("/");
    client.until(b"half");
    let started = Instant::now();
    assert!(client.is_closed());
    assert!(started.elapsed() < SHORT + Duration::from_secs(3));
    stand.until_quiet();
    assert_eq!((stand.counts().truncated, stand.counts().aborted), (1, 0));
    let mut client = Client::connect(stand.addr);
    client.get("/flood");
    until("the flood is in flight", || {
        stand.upstream().endpoints[0].in_flight == 1
    });
    stand.until_quiet();
    assert_eq!((stand.counts().truncated, stand.counts().aborted), (1, 1));
}

/// An upstream that does not answer is 504 after its time; the route's own time goes first.
#[test]
fn a_missing_response_ends() {
    let upstream = Upstream::start(|wire| wire.drain());
    let own = |id: &str, millis: &str| {
        let route = koinon_core_route::Route::builder(id).path(&format!("/{id}"));
        let route = route.uri(&format!("http://{}", upstream.addr));
        route.metadata("response-timeout", millis)
    };
    let routes = [own("own", "600"), route_to(upstream.addr).order(1)];
    let stand = Stand::with_routes(within(|timeouts| timeouts.response = SHORT), routes);
    for (path, time) in [("/", SHORT), ("/own", SHORT * 2)] {
        let mut client = Client::connect(stand.addr);
        let started = Instant::now();
        client.post(path, "x");
        let answer = client.answer();
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (504, "response_timeout"),
            "{path}"
        );
        assert!(
            is_about(started.elapsed(), time),
            "{path} {:?}",
            started.elapsed()
        );
    }
    stand.until_quiet();
}

/// A GET that one instance does not answer in time is answered by another; a POST is not asked twice.
#[test]
fn an_instance_that_hangs_is_left_by_what_may_leave() {
    let hangs = Upstream::start(|wire| wire.drain());
    let live = Upstream::named("live");
    let stand = Stand::balanced(within(|timeouts| timeouts.response = SHORT));
    stand.register_all(&[hangs.addr, live.addr]);
    for _ in 0..10 {
        assert_eq!(get(stand.addr, "/").text(), "live");
    }
    let mut timed_out = 0;
    for _ in 0..6 {
        let mut client = Client::connect(stand.addr);
        client.post("/", "pay");
        timed_out += usize::from(client.answer().status == 504);
    }
    assert_eq!(hangs.received().matches("POST").count(), timed_out);
    assert_eq!(
        hangs.received().matches("POST").count() + live.received().matches("POST").count(),
        6
    );
    stand.until_quiet();
}

/// However lively, an exchange ends with its total time.
#[test]
fn the_whole_ends() {
    let upstream = Upstream::start(|wire| {
        wire.head().unwrap();
        wire.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        while wire.stream.take_error().is_ok_and(|error| error.is_none()) {
            if std::io::Write::write_all(&mut wire.stream, b"1\r\nx\r\n").is_err() {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    });
    let stand = Stand::with(within(|timeouts| timeouts.total = SHORT), route_to(upstream.addr));
    let mut client = Client::connect(stand.addr);
    let started = Instant::now();
    client.get("/");
    let rest = client.rest().unwrap_or_default();
    assert!(!rest.ends_with(b"0\r\n\r\n"), "not as if it were whole");
    assert!(is_about(started.elapsed(), SHORT), "{:?}", started.elapsed());
    stand.until_quiet();
}

/// An upgraded connection without a byte ends after its own time.
#[test]
fn an_idle_tunnel_ends() {
    let upstream = Upstream::start(|wire| {
        wire.head().unwrap();
        wire.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n");
        wire.drain();
    });
    let stand = Stand::with(
        within(|timeouts| timeouts.tunnel_idle = SHORT),
        route_to(upstream.addr),
    );
    let mut client = Client::connect(stand.addr);
    client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n");
    assert!(client.head().starts_with("HTTP/1.1 101"));
    let started = Instant::now();
    client.send("x");
    assert!(client.is_closed());
    assert!(is_about(started.elapsed(), SHORT), "{:?}", started.elapsed());
    stand.until_quiet();
}
