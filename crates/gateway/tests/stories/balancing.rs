//! Which endpoint a request goes to, as the registry and the endpoints' behaviour tell; with one worker and with four,
//! because what is decided here counts for the node.

use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use koinon_core_balance::PolicyKind;
use koinon_core_route::Route;

use crate::common::{Client, Stand, Upstream, get, settings, until};

/// An address where nobody listens.
fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// Round robin is exact over the node, whichever worker a connection falls to.
#[test]
fn round_robin_is_exact_over_all_workers() {
    for workers in [1, 4] {
        let upstreams = ["a", "b", "c"].map(Upstream::named);
        let stand = Stand::balanced(settings(workers));
        stand.register_all(&upstreams.each_ref().map(|upstream| upstream.addr));
        let mut clients: Vec<Client> = (0..16).map(|_| Client::connect(stand.addr)).collect();
        for nth in 0..300 {
            let client = &mut clients[nth % 16];
            client.get("/");
            assert_eq!(client.answer().status, 200);
        }
        let shares = upstreams.each_ref().map(Upstream::requests);
        assert_eq!(shares, [100, 100, 100], "{workers} workers");
        stand.until_quiet();
    }
}

/// Least requests and P2C look at the whole node's requests: an endpoint that holds its requests gets no more of them.
#[test]
fn a_busy_endpoint_is_spared_by_all_workers() {
    for (workers, policy) in [
        (1, PolicyKind::LeastRequests),
        (4, PolicyKind::LeastRequests),
        (4, PolicyKind::P2c),
    ] {
        let busy = Upstream::start(|wire| {
            wire.head().unwrap();
            wire.drain();
        });
        let free = Upstream::named("free");
        let mut settings = settings(workers);
        settings.policy = policy;
        let stand = Stand::balanced(settings);
        stand.register_all(&[busy.addr]);
        let mut stuck: Vec<Client> = (0..4).map(|_| Client::connect(stand.addr)).collect();
        stuck.iter_mut().for_each(|client| client.get("/"));
        until("the busy one is busy", || busy.requests() == 4);
        stand.register_all(&[busy.addr, free.addr]);
        for _ in 0..40 {
            assert_eq!(get(stand.addr, "/").text(), "free", "{policy:?} on {workers}");
        }
        assert_eq!(stand.upstream().endpoints[0].in_flight, 4);
        drop(stuck);
        stand.until_quiet();
    }
}

/// A refused connection costs the client nothing: the request, a POST too, goes elsewhere, and the endpoint is left alone
/// but for a probe now and then, by all workers together.
#[test]
fn a_refusing_endpoint_is_skipped_and_probed() {
    for workers in [1, 4] {
        let live = Upstream::named("live");
        let dead = nobody();
        let stand = Stand::balanced(settings(workers));
        stand.register_all(&[dead, live.addr]);
        let started = Instant::now();
        for _ in 0..200 {
            let mut client = Client::connect(stand.addr);
            client.post("/", "once");
            assert_eq!(client.answer().text(), "live");
        }
        let upstream = stand.upstream();
        let failed = &upstream.endpoints[0];
        assert_ne!(failed.state, "serving");
        // The n-th wait is at least 50 ms · 2^(n-1): this many probes fit into the time.
        let probes_max = (started.elapsed().as_millis() / 50).max(1).ilog2() as u64 + 3;
        assert!(
            upstream.connect_failures <= probes_max,
            "{} in {:?}",
            upstream.connect_failures,
            started.elapsed()
        );
        assert_eq!(live.requests(), 200);
        // Back again, it is found by a probe, without anybody telling.
        let back = Upstream::start_at(dead, |wire| wire.serve(|_| crate::common::upstream::ok("back")));
        until("the probe finds it", || {
            get(stand.addr, "/");
            back.requests() > 0
        });
        until("it serves", || stand.upstream().endpoints[0].state == "serving");
        stand.until_quiet();
    }
}

/// Whom nobody can reach is 502, who does not exist is 503, and neither says an address.
#[test]
fn nobody_and_nobody_reachable_are_told_apart() {
    let stand = Stand::balanced(settings(1));
    let answer = get(stand.addr, "/");
    assert_eq!((answer.status, answer.code().as_str()), (503, "no_instance"));
    stand.register_all(&[nobody(), nobody()]);
    for _ in 0..3 {
        let answer = get(stand.addr, "/");
        assert_eq!((answer.status, answer.code().as_str()), (502, "connect_failed"));
        assert!(!answer.text().contains("127.0.0.1"), "{}", answer.text());
    }
    stand.until_quiet();
}

/// With everything down, repeats are bounded by the budget, not multiplied by it.
#[test]
fn the_retry_budget_bounds_repeats() {
    for workers in [1, 4] {
        let stand = Stand::balanced(settings(workers));
        stand.register_all(&[nobody(), nobody(), nobody()]);
        let mut client = Client::connect(stand.addr);
        const REQUESTS: u64 = 1500;
        let started = Instant::now();
        for _ in 0..REQUESTS {
            client.get("/");
            assert_eq!(client.answer().status, 502);
        }
        let upstream = stand.upstream();
        // A fifth, and the reserve of ten a second for the ten seconds that count; probes are free and few.
        let windows = 1 + started.elapsed().as_secs() / 10;
        let retries_max = REQUESTS / 5 + 100 * windows + 100;
        assert!(
            upstream.retries <= retries_max,
            "{} retries of {REQUESTS}",
            upstream.retries
        );
        assert!(upstream.retries_refused > 0);
        assert_eq!(upstream.connect_failures, REQUESTS + upstream.retries);
        stand.until_quiet();
    }
}

/// An instance is routable a few milliseconds after it registered, and gets not one request more once it is gone.
#[test]
fn instances_come_and_go_at_once() {
    for workers in [1, 4] {
        let (first, second) = (Upstream::named("first"), Upstream::named("second"));
        let stand = Stand::balanced(settings(workers));
        let mut clients: Vec<Client> = (0..8).map(|_| Client::connect(stand.addr)).collect();
        let mut ask = |times: usize| {
            for nth in 0..times {
                let client = &mut clients[nth % 8];
                client.get("/");
                assert_eq!(client.answer().status, 200);
            }
        };
        stand.register("one", first.addr);
        let registered = Instant::now();
        until("the first request arrives", || get(stand.addr, "/").status == 200);
        assert!(
            registered.elapsed() < Duration::from_secs(1),
            "{:?}",
            registered.elapsed()
        );
        stand.register("two", second.addr);
        until("the second one is used", || {
            ask(2);
            second.requests() > 0
        });
        stand.cancel("one");
        until("it is no endpoint", || stand.upstream().endpoints.len() == 1);
        stand.until_quiet();
        let before = first.requests();
        ask(40);
        assert_eq!(first.requests(), before, "a request after its end");
        stand.cancel("two");
        until("nobody is left", || get(stand.addr, "/").code() == "no_instance");
    }
}

/// An instance that is out of service or has moved is followed: status and address count, not only presence.
#[test]
fn status_and_address_are_followed() {
    let (old, new) = (Upstream::named("old"), Upstream::named("new"));
    let stand = Stand::balanced(settings(1));
    stand.register_all(&[old.addr]);
    assert_eq!(get(stand.addr, "/").text(), "old");
    stand.register("orders-0", new.addr);
    until("requests follow it", || get(stand.addr, "/").text() == "new");
    let service = koinon_base::ServiceName::new("orders").unwrap();
    let id = koinon_base::InstanceId::new("orders-0").unwrap();
    let namespace = koinon_base::Namespace::default();
    let out = koinon_core_registry::Status::OutOfService;
    stand
        .registry
        .override_status(&namespace, &service, &id, out, None)
        .unwrap();
    until("it is out", || get(stand.addr, "/").status == 503);
}

/// A route may balance in its own way; a wrong word is refused when the route is made.
#[test]
fn a_route_chooses_its_policy() {
    let (first, second) = (Upstream::named("first"), Upstream::named("second"));
    let route = |path: &str, policy: &str| {
        let route = Route::builder(path).path(&format!("/{path}")).uri("lb://orders");
        route.metadata("koinon.policy", policy)
    };
    let stand = Stand::with_routes(
        settings(1),
        [route("even", "round_robin"), route("any", "random")],
    );
    assert_eq!(stand.gateway.upstreams().len(), 2);
    for (id, addr) in [("1", first.addr), ("2", second.addr)] {
        stand.register(id, addr);
    }
    until("both know both", || {
        stand
            .gateway
            .upstreams()
            .iter()
            .all(|upstream| upstream.endpoints.len() == 2)
    });
    for _ in 0..10 {
        assert_eq!(get(stand.addr, "/even").status, 200);
    }
    assert_eq!((first.requests(), second.requests()), (5, 5));
    assert_eq!(get(stand.addr, "/any").status, 200);
}

/// `loadbalancer.use404` hides whether there is such a service at all.
#[test]
fn a_hidden_service_is_not_found() {
    let stand = Stand::balanced(settings(1));
    let file = "spring:\n  cloud:\n    gateway:\n      loadbalancer:\n        use404: true\n      routes:\n        \
                - {id: hidden, uri: 'lb://nobody', order: -1, predicates: ['Path=/hidden']}\n";
    let file = koinon_core_route::RoutesFile::read(file, "file", &|_| None, &[]).unwrap();
    stand.gateway.set_routes(file).unwrap();
    let answer = crate::common::get(stand.addr, "/hidden");
    assert_eq!((answer.status, answer.code().as_str()), (404, "no_service"));
}
