//! Fields on their way: hop-by-hop ones, `Host`, forwarding, and what filters make of heads.

use koinon_core_route::{Route, RoutesFile};

use crate::common::client::header;
use crate::common::upstream::ok;
use crate::common::{Client, Stand, Upstream, get, route_to, settings, until};

/// What concerns one connection stays on it, in both directions; the rest arrives as it was sent.
#[test]
fn hop_by_hop_fields_stay_behind() {
    let upstream = Upstream::answering(|_| {
        let fields = "Connection: X-Mine, keep-alive\r\nKeep-Alive: timeout=9\r\nX-Mine: 1\r\nX-Kept: a\r\nX-Kept: b\r\n";
        format!("HTTP/1.1 200 OK\r\n{fields}Content-Length: 0\r\n\r\n")
    });
    let stand = Stand::to(1, upstream.addr);
    let mut client = Client::connect(stand.addr);
    client.send(
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: X-Up, TE\r\nX-Up: 1\r\nTE: trailers\r\nKeep-Alive: 3\r\n\
         Proxy-Authorization: secret\r\nCookie: a\r\nCookie: b\r\nX-Odd:\t spaced \t\r\n\r\n",
    );
    let answer = client.answer();
    for gone in ["X-Mine", "Keep-Alive", "Connection"] {
        assert_eq!(answer.header(gone), None, "{}", answer.head);
    }
    assert!(
        answer.head.contains("X-Kept: a\r\nX-Kept: b\r\n"),
        "{}",
        answer.head
    );
    let received = upstream.received();
    for gone in ["X-Up", "TE", "Keep-Alive", "Proxy-Authorization", "Connection"] {
        assert_eq!(header(&received, gone), None, "{received}");
    }
    assert!(received.contains("Cookie: a\r\nCookie: b\r\n"), "{received}");
    assert_eq!(header(&received, "x-odd"), Some("spaced"));
}

/// An upstream is called by its own name, unless the route keeps the client's.
#[test]
fn host_is_the_endpoints_or_the_clients() {
    let upstream = Upstream::named("one");
    let kept = Route::builder("kept").path("/kept").preserve_host_header();
    let own = Route::builder("own").path("/own");
    let uri = format!("http://{}", upstream.addr);
    let stand = Stand::with_routes(settings(1), [kept.uri(&uri), own.uri(&uri)]);
    let mut client = Client::connect(stand.addr);
    client.get("/kept");
    assert_eq!(client.answer().status, 200);
    assert_eq!(header(&upstream.received(), "host"), Some("gateway.test"));
    client.get("/own");
    assert_eq!(client.answer().status, 200);
    let received = upstream.received();
    let second = received.split_once("\r\n\r\n").unwrap().1;
    assert_eq!(
        header(second, "host"),
        Some(upstream.addr.to_string().as_str()),
        "{second}"
    );
}

fn routes_file(text: &str) -> RoutesFile {
    RoutesFile::read(text, "routes.yml", &|_| None, &[]).unwrap()
}

/// Nobody says who he is unless he is trusted; a trusted proxy's chain is kept and extended.
#[test]
fn forwarding_fields_are_believed_from_trusted_proxies_only() {
    let upstream = Upstream::named("one");
    let stand = Stand::with_routes(settings(1), []);
    let uri = upstream.addr;
    let routes =
        format!("routes: [{{id: a, uri: 'http://{uri}', predicates: [Path=/**], filters: [StripPrefix=1]}}]");
    let send = |stand: &Stand| {
        let mut client = Client::connect(stand.addr);
        client.send(
            "GET /a/b HTTP/1.1\r\nHost: shop.test\r\nX-Forwarded-For: 127.0.0.2\r\nX-Forwarded-Proto: https\r\n\
             Forwarded: for=6.6.6.6\r\n\r\n",
        );
        assert_eq!(client.answer().status, 200);
        upstream.received().rsplit("GET /b ").next().unwrap().to_owned()
    };
    let wrap = |extra: &str| format!("spring.cloud.gateway.server.webflux: {{{extra} {}}}", &routes);
    stand.gateway.set_routes(routes_file(&wrap(""))).unwrap();
    let seen = send(&stand);
    assert!(!seen.to_lowercase().contains("forwarded"), "{seen}");
    stand
        .gateway
        .set_routes(routes_file(&wrap(r"trusted-proxies: '127\.0\.0\..*',")))
        .unwrap();
    let seen = send(&stand);
    assert_eq!(
        header(&seen, "x-forwarded-for"),
        Some("127.0.0.2,127.0.0.1"),
        "{seen}"
    );
    assert_eq!(header(&seen, "x-forwarded-proto"), Some("https,http"));
    assert_eq!(header(&seen, "x-forwarded-host"), Some("shop.test"));
    assert_eq!(header(&seen, "x-forwarded-prefix"), Some("/a"));
    assert!(!seen.contains("6.6.6.6"), "{seen}");
}

/// Filters change the path and the fields of a request and of its answer, the interim ones excepted.
#[test]
fn filters_change_heads() {
    let upstream =
        Upstream::answering(|_| "HTTP/1.1 200 OK\r\nX-Have: 1\r\nContent-Length: 2\r\n\r\nhi".into());
    let route = route_to(upstream.addr)
        .strip_prefix(1)
        .prefix_path("/v1")
        .add_request_header("X-Added", "yes")
        .remove_request_header("Cookie")
        .add_response_header("X-Have", "2")
        .set_status(202);
    let stand = Stand::with(settings(1), route);
    let mut client = Client::connect(stand.addr);
    client.send("GET /shop/items?id=1 HTTP/1.1\r\nHost: a\r\nCookie: secret\r\n\r\n");
    let answer = client.answer();
    assert_eq!((answer.status, answer.text().as_str()), (202, "hi"));
    assert!(
        answer.head.contains("X-Have: 1\r\n") && answer.head.contains("X-Have: 2\r\n"),
        "{}",
        answer.head
    );
    let received = upstream.received();
    assert!(
        received.starts_with("GET /v1/items?id=1 HTTP/1.1\r\n"),
        "{received}"
    );
    assert_eq!(
        (header(&received, "x-added"), header(&received, "cookie")),
        (Some("yes"), None)
    );
}

/// A status that forbids a body takes it away: it must not stand where the next answer begins.
#[test]
fn a_status_without_body_takes_the_body_away() {
    for status in [204, 304] {
        let upstream = Upstream::answering(|_| ok("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad"));
        let stand = Stand::with(settings(1), route_to(upstream.addr).set_status(status));
        let mut client = Client::connect(stand.addr);
        for _ in 0..3 {
            client.get("/");
            assert_eq!(client.answer().status, status);
        }
        assert!(client.is_silent_for(std::time::Duration::from_millis(50)));
    }
}

/// And a status that allows one makes none: an empty answer says so.
#[test]
fn a_status_with_body_stays_empty() {
    let upstream = Upstream::answering(|_| "HTTP/1.1 204 No Content\r\n\r\n".into());
    let stand = Stand::with(settings(1), route_to(upstream.addr).set_status(200));
    let mut client = Client::connect(stand.addr);
    for _ in 0..2 {
        client.get("/");
        let answer = client.answer();
        assert_eq!((answer.status, answer.header("content-length")), (200, Some("0")));
    }
}

/// A filter's own answer needs no upstream, and the connection goes on behind it, the request's body skipped.
#[test]
fn a_redirect_is_answered_here() {
    let route = Route::builder("old")
        .path("/**")
        .redirect_to(302, "http://new.test/");
    let stand = Stand::with(settings(1), route.uri("http://127.0.0.1:1"));
    let mut client = Client::connect(stand.addr);
    for _ in 0..2 {
        client.post("/", "GET / HTTP/1.1\r\n\r\n");
        let answer = client.answer();
        assert_eq!(
            (answer.status, answer.header("location")),
            (302, Some("http://new.test/"))
        );
    }
}

/// No route: 404 with a reason and an id, which is the client's if it gave one.
#[test]
fn what_no_route_takes_is_404_with_an_id() {
    let stand = Stand::with_routes(settings(1), []);
    let answer = get(stand.addr, "/");
    assert_eq!((answer.status, answer.code().as_str()), (404, "no_route"));
    let id = answer.header("x-request-id").unwrap().to_owned();
    assert!(answer.text().contains(&id));
    let mut client = Client::connect(stand.addr);
    client.send("GET / HTTP/1.1\r\nHost: a\r\nX-Request-Id: mine-1\r\n\r\n");
    assert_eq!(client.answer().header("x-request-id"), Some("mine-1"));
    until("both are counted", || stand.faults("no_route") == 2);
}
