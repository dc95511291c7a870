//! Clients that ask for a large answer and hang up: what they started must stay bounded.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test code")]

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use koinon_api_eureka::Door;
use koinon_api_eureka::translate::to_registration;
use koinon_api_eureka::wire::Format;
use koinon_base::{Namespace, Rng, SystemClock};
use koinon_io_net::{HostGuard, ListenerStats, ServeOptions, bind, drain, serve_http1};
use koinon_service_registry::{RegistryHandle, Settings};
use koinon_testkit::wait_until;
use tokio::runtime::Runtime;

const WORKERS: usize = 2;
const HANG_UPS: u64 = 40;
/// Four large answers may be in the making at once; a thread that has just finished one may not be free for the next.
const THREADS_MAX: usize = WORKERS + 3 * 4;
const SOON: Duration = Duration::from_secs(60);

struct Server {
    address: SocketAddr,
    stats: Arc<ListenerStats>,
    threads: Arc<AtomicUsize>,
    // Dropping it ends the server.
    _runtime: Runtime,
}

/// A door to 20,000 instances of one application: long to write, and again after every change.
fn server() -> Server {
    let threads = Arc::new(AtomicUsize::new(0));
    let started = Arc::clone(&threads);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .on_thread_start(move || {
            started.fetch_add(1, Ordering::Relaxed);
        })
        .enable_all()
        .build()
        .unwrap();
    let clock = Arc::new(SystemClock::new());
    let registry = RegistryHandle::new(Settings::default(), clock, Rng::from_seed(1));
    for n in 0..20_000 {
        let body = format!(
            r#"{{"instance":{{"instanceId":"i{n}","hostName":"h","app":"A","ipAddr":"10.0.0.1","status":"UP",
            "vipAddress":"a","dataCenterInfo":{{"name":"MyOwn"}}}}}}"#
        );
        let info = Format::Json.decode_instance(body.as_bytes()).unwrap();
        registry
            .register(&Namespace::default(), to_registration("A", &info, false).unwrap())
            .unwrap();
    }
    let door = Door::new(registry, Namespace::default(), HostGuard::off());
    let (address, stats) = runtime.block_on(async {
        let listener = bind("eureka", "127.0.0.1:0".parse().unwrap()).unwrap();
        let (address, stats) = (listener.local_addr(), Arc::clone(listener.stats()));
        let (handle, drain) = drain();
        tokio::spawn(async move {
            let _running = handle;
            serve_http1(listener, Arc::new(door), ServeOptions::default(), drain).await;
        });
        (address, stats)
    });
    Server {
        address,
        stats,
        threads,
        _runtime: runtime,
    }
}

/// Asks for `path` and hangs up as soon as the server has begun, many times over; says how many threads it started.
fn hang_up(path: &str) -> usize {
    let server = server();
    for asked in 1..=HANG_UPS {
        let mut socket = TcpStream::connect(server.address).unwrap();
        write!(socket, "GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        wait_until("the request to be taken", SOON, || {
            (server.stats.requests() == asked).then_some(())
        })
        .unwrap();
        drop(socket);
        wait_until("the hanging up to be noticed", SOON, || {
            (server.stats.open() == 0).then_some(())
        })
        .unwrap();
    }
    server.threads.load(Ordering::Relaxed)
}

/// A build goes on when its caller is gone. If the next caller did not wait for it, every client that gives up
/// would start another one: 100 of them took 5 GB for a registry of 60 MB.
#[test]
fn hanging_up_starts_no_second_build_of_a_list() {
    let threads = hang_up("/eureka/apps");
    assert!(threads <= THREADS_MAX, "{threads} threads");
}

/// The same for answers that are not kept.
#[test]
fn hanging_up_starts_few_other_large_answers() {
    for path in ["/eureka/vips/a", "/eureka/apps/a"] {
        let threads = hang_up(path);
        assert!(threads <= THREADS_MAX, "{path}: {threads} threads");
    }
}
