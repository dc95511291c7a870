//! The door over real sockets: kept answers stay right whatever changes, and what it is sent costs only the sender.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test code")]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use koinon_api_eureka::Door;
use koinon_api_eureka::wire::{Applications, Format};
use koinon_base::{Namespace, Rng, SystemClock};
use koinon_io_net::{HostGuard, ServeOptions, bind, drain, serve_http1};
use koinon_service_registry::{RegistryHandle, Settings};
use koinon_testkit::{Connection, Request, Response, send};
use tokio::runtime::Runtime;

struct Server {
    address: SocketAddr,
    // Dropping it ends the server.
    _runtime: Runtime,
}

fn server() -> Server {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let registry = RegistryHandle::new(
        Settings::default(),
        Arc::new(SystemClock::new()),
        Rng::from_seed(1),
    );
    let guard = HostGuard::loopback_and::<&str>(&[]).unwrap();
    let door = Door::new(registry, Namespace::default(), guard);
    let address = runtime.block_on(async {
        let listener = bind("eureka", "127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr();
        let (handle, drain) = drain();
        tokio::spawn(async move {
            let _running = handle;
            serve_http1(listener, Arc::new(door), ServeOptions::default(), drain).await;
        });
        address
    });
    Server {
        address,
        _runtime: runtime,
    }
}

fn instance(app: &str, id: &str, status: &str) -> Request {
    let body = format!(
        r#"{{"instance":{{"instanceId":"{id}","hostName":"h","app":"{app}","ipAddr":"10.0.0.1","status":"{status}",
        "port":{{"$":80,"@enabled":"true"}},"securePort":{{"$":443,"@enabled":"false"}},"vipAddress":"{app}",
        "dataCenterInfo":{{"@class":"com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo","name":"MyOwn"}}}}}}"#
    );
    Request::new("POST", format!("/eureka/apps/{app}"))
        .header("content-type", "application/json")
        .body(body)
}

fn ask(server: &Server, request: &Request) -> Response {
    send(server.address, request).unwrap()
}

fn fetch(server: &Server, path: &str, format: Format, gzip: bool) -> Applications<'static> {
    let mut request = Request::get(path).header("accept", format.content_type());
    if gzip {
        request = request.header("accept-encoding", "gzip");
    }
    let answer = ask(server, &request);
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-encoding").is_some(), gzip);
    format.decode_applications(&answer.body).unwrap()
}

/// Application → instance → status.
fn statuses(list: &Applications<'_>) -> BTreeMap<String, BTreeMap<String, &'static str>> {
    let app = |app: &koinon_api_eureka::wire::Application<'_>| {
        let instances = app
            .instances
            .iter()
            .map(|i| (i.id().to_owned(), i.status.as_str()));
        (app.name.to_string(), instances.collect())
    };
    list.applications.iter().map(app).collect()
}

fn hash_of(list: &Applications<'_>) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let all = list.applications.iter().flat_map(|app| &app.instances);
    all.for_each(|instance| *counts.entry(instance.status.as_str()).or_default() += 1);
    counts
        .iter()
        .map(|(status, count)| format!("{status}_{count}_"))
        .collect()
}

/// Pieces are kept per application; after any change every way of asking must show the change and nothing older.
#[test]
fn every_variant_shows_every_change() {
    shows_every_change(0);
}

/// The same around the size up to which a gzip list is compressed as a whole: kept pieces of one kind must not end up in
/// an answer of the other.
#[test]
fn every_change_shows_around_the_size_of_a_short_list() {
    shows_every_change(96);
}

/// Changes instances at random, beside `residents` that stay.
fn shows_every_change(residents: usize) {
    let server = server();
    let mut expected: BTreeMap<String, BTreeMap<String, &'static str>> = BTreeMap::new();
    let mut rng = Rng::from_seed(11);
    for n in 0..residents {
        let (app, id) = (format!("APP{}", n % 2), format!("resident{n}"));
        assert_eq!(ask(&server, &instance(&app, &id, "UP")).status, 204);
        expected.entry(app).or_default().insert(id, "UP");
    }
    for step in 0..60 {
        let (app, id) = (format!("APP{}", rng.below(4)), format!("i{}", rng.below(3)));
        let path = format!("/eureka/apps/{app}/{id}");
        let known = expected
            .get(&app)
            .is_some_and(|instances| instances.contains_key(&id));
        match rng.below(3) {
            0 if known => {
                assert_eq!(ask(&server, &Request::new("DELETE", path)).status, 200);
                let instances = expected.get_mut(&app).unwrap();
                instances.remove(&id);
                if instances.is_empty() {
                    expected.remove(&app);
                }
            }
            1 if known => {
                let down = Request::new("PUT", format!("{path}/status?value=DOWN"));
                assert_eq!(ask(&server, &down).status, 200);
                expected.get_mut(&app).unwrap().insert(id, "DOWN");
            }
            _ if !known => {
                assert_eq!(ask(&server, &instance(&app, &id, "UP")).status, 204);
                expected.entry(app).or_default().insert(id, "UP");
            }
            _ => assert_eq!(ask(&server, &Request::new("PUT", path)).status, 200),
        }
        for (format, gzip) in [
            (Format::Json, false),
            (Format::Json, true),
            (Format::Xml, false),
            (Format::Xml, true),
        ] {
            let list = fetch(&server, "/eureka/apps", format, gzip);
            assert_eq!(statuses(&list), expected, "step {step}, {format}, gzip {gzip}");
            assert_eq!(list.apps_hashcode, hash_of(&list));
        }
    }
}

/// A client compares the hash code with the instances it got; if they were of different moments it would fetch
/// everything again and again. The same for full lists while writers are at work.
#[test]
fn hash_and_body_are_of_one_moment() {
    let server = Arc::new(server());
    let done = Arc::new(AtomicBool::new(false));
    let writer = std::thread::spawn({
        let (server, done) = (Arc::clone(&server), Arc::clone(&done));
        move || {
            for n in 0..400 {
                let (app, id) = (format!("APP{}", n % 7), format!("i{}", n % 50));
                let status = if n % 3 == 0 { "DOWN" } else { "UP" };
                assert_eq!(ask(&server, &instance(&app, &id, status)).status, 204);
            }
            done.store(true, Ordering::SeqCst);
        }
    });
    let mut reads = 0;
    while !done.load(Ordering::SeqCst) || reads == 0 {
        let list = fetch(&server, "/eureka/apps", Format::Json, reads % 2 == 0);
        assert_eq!(list.apps_hashcode, hash_of(&list));
        reads += 1;
    }
    writer.join().unwrap();
}

/// A client that applies the delta to what it had must arrive at the list whose hash code the delta carries.
#[test]
fn a_delta_leads_to_the_full_list() {
    let server = server();
    for n in 0..30 {
        ask(&server, &instance("A", &format!("i{n}"), "UP"));
    }
    let mut known = statuses(&fetch(&server, "/eureka/apps", Format::Json, true));
    for n in 0..10 {
        ask(&server, &Request::new("DELETE", format!("/eureka/apps/A/i{n}")));
        ask(&server, &instance("B", &format!("i{n}"), "STARTING"));
    }
    ask(&server, &instance("A", "i0", "UP"));
    for format in [Format::Json, Format::Xml] {
        let delta = fetch(&server, "/eureka/apps/delta", format, false);
        for instance in delta.applications.iter().flat_map(|app| &app.instances) {
            let app = known.entry(instance.app.to_string()).or_default();
            match instance.action_type.unwrap().as_str() {
                "DELETED" => app.remove(instance.id()),
                _ => app.insert(instance.id().to_owned(), instance.status.as_str()),
            };
        }
        let full = fetch(&server, "/eureka/apps", format, false);
        assert_eq!(known, statuses(&full));
        assert_eq!(delta.apps_hashcode, full.apps_hashcode);
    }
}

/// Whoever sends nonsense is told in the protocol's own form and harms nobody.
#[test]
fn nonsense_is_refused_in_form() {
    let server = server();
    let json = |path: &str, body: &str| {
        Request::new("POST", path)
            .header("content-type", "application/json")
            .body(body.to_owned())
    };
    let big = format!(r#"{{"instance":{{"app":"{}"}}}}"#, "x".repeat(2 << 20));
    for (request, status, says) in [
        (json("/eureka/apps/A", "{"), 400, "EOF"),
        (json("/eureka/apps/A", &big), 413, "larger"),
        (
            instance("A", "i", "UP").header("content-encoding", "gzip"),
            415,
            "compressed",
        ),
        (
            Request::new("POST", "/eureka/apps/A")
                .header("content-type", "text/plain")
                .body("x"),
            415,
            "application/json",
        ),
        (
            Request::new("PUT", "/eureka/apps/A/i?lastDirtyTimestamp=x"),
            400,
            "lastDirtyTimestamp",
        ),
        (
            Request::new("PUT", "/eureka/apps/A/i/status?value=x"),
            400,
            "OUT_OF_SERVICE",
        ),
        (
            Request::new("PUT", "/eureka/apps/A/i/metadata?k=%01"),
            400,
            "control",
        ),
        (Request::new("PUT", "/eureka/apps/A/i"), 404, "not registered"),
        (Request::new("PATCH", "/eureka/apps/A/i"), 405, "GET, PUT, DELETE"),
        (Request::get("/eureka/nothing"), 404, "nothing at this path"),
        (Request::get("/eureka/apps/%ff"), 400, "UTF-8"),
        (
            Request::new("POST", "/eureka/peerreplication/batch"),
            501,
            "replicate",
        ),
        (
            Request::get("/eureka/apps").header("origin", "http://evil.example"),
            403,
            "evil.example",
        ),
    ] {
        let answer = ask(&server, &request);
        assert_eq!(answer.status, status, "{request:?}: {}", answer.text());
        assert!(answer.text().contains(says), "{request:?}: {}", answer.text());
        let form = answer.json().unwrap();
        assert_eq!(form["status"], status);
    }
    assert_eq!(ask(&server, &Request::get("/eureka/apps")).status, 200);
}

/// Many heartbeats sent at once on one connection are answered in order, none is lost.
#[test]
fn pipelined_heartbeats_are_all_answered() {
    let server = server();
    ask(&server, &instance("A", "i", "UP"));
    let beat = Request::new("PUT", "/eureka/apps/A/i?status=UP");
    let mut connection = Connection::open(server.address).unwrap();
    connection.write(&vec![&beat; 300]).unwrap();
    for _ in 0..300 {
        assert_eq!(connection.read("PUT").unwrap().status, 200);
    }
}

/// The page for people shows what is registered, and a name cannot smuggle markup into it.
#[test]
fn the_page_escapes_what_it_shows() {
    let server = server();
    ask(&server, &instance("A", "<script>alert(1)<\\/script>", "UP"));
    let page = ask(&server, &Request::get("/"));
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert!(
        page.text().contains("&lt;script&gt;alert(1)&lt;/script&gt;"),
        "{}",
        page.text()
    );
    assert!(!page.text().contains("<script>"));
}

/// A client that stops in the middle of a request holds up nobody else.
#[test]
fn a_stuck_client_holds_up_nobody() {
    let server = server();
    let stuck: Vec<_> = (0..200)
        .map(|_| {
            let mut stream = std::net::TcpStream::connect(server.address).unwrap();
            std::io::Write::write_all(
                &mut stream,
                b"POST /eureka/apps/A HTTP/1.1\r\nhost: localhost\r\ncont",
            )
            .unwrap();
            stream
        })
        .collect();
    let started = std::time::Instant::now();
    assert_eq!(ask(&server, &instance("A", "i", "UP")).status, 204);
    assert!(started.elapsed() < Duration::from_secs(5));
    drop(stuck);
}
