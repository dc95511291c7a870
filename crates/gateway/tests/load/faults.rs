//! Faults under a paced load of 1,000 requests a second, with two instances of which one is always sound: how many
//! requests fail. The counts are printed; of idempotent requests none may fail.

use std::time::{Duration, Instant};

use koinon_core_route::RoutesFile;
use tokio::runtime::Runtime;

use crate::alone;
use crate::child::Child;
use crate::common::{Stand, settings, until};
use crate::pace::{Tally, run};

/// A paused instance takes connections and never answers. This is how long a request waits before it is tried elsewhere;
/// an answer of these instances takes some milliseconds.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(1);
/// An instance that is kept from running for a moment takes no connections; those that its queue has no room for ask again
/// after a second, which is the kernel's to say. Whoever waits less for a connection takes that for a failure.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// Long enough for the queue of an instance, 128 connections, to fill.
const HICCUP: Duration = Duration::from_millis(300);
/// In the suite. Long enough for marks, probes and budgets to come and go.
const SHORT: Duration = Duration::from_secs(4);
/// In a soak.
const LONG: Duration = Duration::from_secs(30);

/// A gateway with two instances in processes of their own.
struct Scene {
    stand: Stand,
    instances: Vec<Child>,
}

impl Scene {
    fn new(arguments: [&str; 2]) -> Self {
        let mut settings = settings(2);
        settings.timeouts.response = RESPONSE_TIMEOUT;
        settings.timeouts.connect = CONNECT_TIMEOUT;
        let stand = Stand::balanced(settings);
        let instances: Vec<Child> = arguments
            .iter()
            .map(|argument| Child::start("instance", argument))
            .collect();
        stand.register_all(&instances.iter().map(|child| child.addr).collect::<Vec<_>>());
        Self { stand, instances }
    }

    /// Runs the load for `time`, and the fault beside it from a quarter of it on.
    fn under_load(
        &mut self,
        name: &str,
        time: Duration,
        posts: bool,
        fault: impl FnOnce(&mut Self, Duration) + Send,
    ) -> Tally {
        let addr = self.stand.addr;
        let tally = std::thread::scope(|scope| {
            let load = scope.spawn(move || Runtime::new().unwrap().block_on(run(addr, time, posts)));
            std::thread::sleep(time / 4);
            fault(self, time / 2);
            load.join().unwrap()
        });
        let upstream = self.stand.upstream();
        print(&format!(
            "{name}: {} requests, failed: {} idempotent {:?}, {} others {:?}; slowest {:?}; {} retries ({} refused), {} of {} connects failed",
            tally.sent,
            tally.failed_gets(),
            tally.by_get,
            tally.failed_posts(),
            tally.by_post,
            tally.slowest,
            upstream.retries,
            upstream.retries_refused,
            upstream.connect_failures,
            upstream.connects,
        ));
        self.stand.until_quiet();
        tally
    }
}

#[expect(clippy::print_stderr, reason = "the counts are what a run is for")]
fn print(line: &str) {
    eprintln!("{line}");
}

/// kill -9 of one of two: of what can be repeated nothing fails, of the rest at most what was in flight to it.
fn kill(time: Duration) {
    let mut scene = Scene::new(["3", "3"]);
    let mut in_flight = 0;
    let tally = scene.under_load("kill -9", time, true, |scene, _| {
        in_flight = scene.stand.upstream().endpoints[0].in_flight;
        scene.instances[0].kill();
    });
    print(&format!("kill -9: {in_flight} were in flight to it"));
    assert_eq!(tally.failed_gets(), 0);
    assert!(
        tally.failed_posts() <= u64::from(in_flight) + 2,
        "{:?}",
        tally.by_post
    );
}

/// The only instance that is left does not run for a moment.
fn hiccup(time: Duration) {
    let mut scene = Scene::new(["3", "3"]);
    let tally = scene.under_load("hiccup", time, false, |scene, half| {
        scene.instances[0].kill();
        std::thread::sleep(half / 2);
        scene.instances[1].pause();
        std::thread::sleep(HICCUP);
        scene.instances[1].resume();
    });
    assert_eq!(tally.failed_gets(), 0);
    assert!(tally.slowest >= HICCUP, "nobody had to wait");
}

/// An instance that stands still: what waits for it is answered by the other after the response timeout, and it is asked
/// again only by probes.
fn pause(time: Duration) {
    let mut scene = Scene::new(["3", "3"]);
    let tally = scene.under_load("pause", time, false, |scene, half| {
        scene.instances[0].pause();
        std::thread::sleep(half);
        scene.instances[0].resume();
        until("it serves again", || {
            scene.stand.upstream().endpoints[0].state == "serving"
        });
    });
    assert_eq!(tally.failed_gets(), 0);
}

/// An instance that resets every tenth answer in the middle of its body.
fn reset(time: Duration) {
    let mut scene = Scene::new(["3 reset", "3"]);
    let tally = scene.under_load("reset mid-body", time, false, |_, _| {});
    assert_eq!(tally.failed_gets(), 0);
    assert!(scene.stand.upstream().retries > 0, "there was no reset");
}

/// An instance that is a hundred times slower than the other.
fn slow(time: Duration) {
    let mut scene = Scene::new(["300", "3"]);
    let tally = scene.under_load("slow upstream", time, true, |_, _| {});
    assert_eq!((tally.failed_gets(), tally.failed_posts()), (0, 0));
}

/// New routes every 100 ms.
fn reload(time: Duration) {
    let mut scene = Scene::new(["3", "3"]);
    let tally = scene.under_load("route reload", time, true, |scene, half| {
        let (started, mut reloads) = (Instant::now(), 0);
        while started.elapsed() < half {
            let route = format!("{{id: r{reloads}, order: -1, uri: 'lb://orders', predicates: [Path=/**]}}");
            let text = format!("spring.cloud.gateway.server.webflux.routes: [{route}]");
            let file = RoutesFile::read(&text, "routes.yml", &|_| None, &[]).unwrap();
            scene.stand.gateway.set_routes(file).unwrap();
            reloads += 1;
            std::thread::sleep(Duration::from_millis(100));
        }
        print(&format!("route reload: {reloads} times"));
    });
    assert_eq!((tally.failed_gets(), tally.failed_posts()), (0, 0));
}

/// The registry forgets everything but one instance and learns it again, over and over, as after a restart; every instance
/// registers anew meanwhile.
fn reregister(time: Duration) {
    let mut scene = Scene::new(["3", "3"]);
    let tally = scene.under_load("registry", time, true, |scene, half| {
        let started = Instant::now();
        let addrs: Vec<_> = scene.instances.iter().map(|child| child.addr).collect();
        for nth in 0.. {
            if started.elapsed() > half {
                break;
            }
            let (gone, other) = (nth % 2, (nth + 1) % 2);
            scene.stand.cancel(&format!("orders-{gone}"));
            scene.stand.register(&format!("orders-{other}"), addrs[other]);
            std::thread::sleep(Duration::from_millis(20));
            scene.stand.register(&format!("orders-{gone}"), addrs[gone]);
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    assert_eq!((tally.failed_gets(), tally.failed_posts()), (0, 0));
}

/// A rolling restart as services do it: out of the registry, a moment for what is in flight, gone, back at another port.
fn roll(time: Duration) {
    let mut scene = Scene::new(["3", "3"]);
    let tally = scene.under_load("rolling restart", time, true, |scene, _| {
        for nth in 0..2 {
            scene.stand.cancel(&format!("orders-{nth}"));
            until("nothing is in flight to it", || {
                scene.stand.upstream().endpoints.len() == 1
            });
            // What a worker had chosen just before is on its way for some milliseconds more.
            std::thread::sleep(Duration::from_millis(100));
            scene.instances[nth] = Child::start("instance", "3");
            scene
                .stand
                .register(&format!("orders-{nth}"), scene.instances[nth].addr);
            until("it is back", || scene.stand.upstream().endpoints.len() == 2);
        }
    });
    assert_eq!((tally.failed_gets(), tally.failed_posts()), (0, 0));
}

/// A crash fails nothing that can be repeated.
#[test]
fn a_killed_instance_fails_no_idempotent_request() {
    alone(|| kill(SHORT));
}

/// Connections that find a full queue are waited for, not given up.
#[test]
fn a_hiccup_of_the_last_instance_fails_no_idempotent_request() {
    alone(|| hiccup(SHORT));
}

/// A process that stands still fails nothing that can be repeated.
#[test]
fn a_paused_instance_fails_no_idempotent_request() {
    alone(|| pause(SHORT));
}

/// Half answers are never passed on as answers, nor as failures while another instance is sound.
#[test]
fn resets_in_bodies_fail_no_idempotent_request() {
    alone(|| reset(SHORT));
}

/// A slow instance is slow, and nothing else.
#[test]
fn a_slow_instance_fails_nothing() {
    alone(|| slow(SHORT));
}

/// New routes fail nothing.
#[test]
fn reloads_fail_nothing() {
    alone(|| reload(SHORT));
}

/// Registrations that come and go fail nothing as long as one instance is there.
#[test]
fn registrations_fail_nothing() {
    alone(|| reregister(SHORT));
}

/// Replacing all instances, one after the other, fails nothing.
#[test]
fn a_rolling_restart_fails_nothing() {
    alone(|| roll(SHORT));
}

/// The same, each for half a minute.
mod soak {
    use super::{LONG, alone};

    macro_rules! long {
        ($($story:ident for $time:expr;)*) => {$(
            #[test]
            #[ignore = "half a minute or more; a soak"]
            fn $story() {
                alone(|| super::$story($time));
            }
        )*};
    }

    long! {
        kill for LONG;
        hiccup for LONG;
        pause for LONG;
        reset for LONG;
        slow for LONG;
        reregister for LONG;
        roll for LONG;
        // The fault takes half of the time.
        reload for LONG * 2;
    }
}
