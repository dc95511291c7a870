//! Self-preservation: nothing is evicted while the heartbeats of the last whole minute are not more than the
//! threshold. Eureka counts in fixed windows of 60 s from the server's start, so these stories take that long.

use std::thread;
use std::time::{Duration, Instant};

use koinon_compat_eureka::{Eureka, Settings, on_both};
use koinon_testkit::{holds_for, wait_until};

use crate::common::{heartbeat, is_listed, lease, register, served};

const WINDOW: Duration = Duration::from_secs(60);
const LIVE: [&str; 3] = ["live-1", "live-2", "live-3"];
/// The server expects one client at its start and one more for each of four registrations: five, each with one
/// heartbeat a minute; floor(5 × 0.85).
const THRESHOLD: usize = 4;

fn settings() -> Settings {
    Settings {
        self_preservation: true,
        eviction_interval_ms: 500,
        expected_renewal_interval_s: 60,
        ..Settings::default()
    }
}

/// Registers three live instances and one that is dead a second later, and sends heartbeats of the live ones,
/// all within the server's first window.
fn first_minute(server: &Eureka, heartbeats: usize) {
    for id in LIVE {
        register(server, "KEEP", id, lease(600));
    }
    register(server, "KEEP", "dead", lease(1));
    for id in LIVE.iter().cycle().take(heartbeats) {
        assert_eq!(heartbeat(server, "KEEP", id), 200);
    }
}

/// Protects: the threshold itself. At it, everything is kept (and a kept instance is served although its lease is
/// over); one heartbeat more and the next window's runs evict.
#[test]
fn more_than_the_threshold_allows_evictions() {
    thread::scope(|scope| {
        scope.spawn(|| on_both(&settings(), at_the_threshold));
        scope.spawn(|| on_both(&settings(), above_the_threshold));
    });
}

fn at_the_threshold(server: &Eureka) {
    first_minute(server, THRESHOLD);
    let past_the_window = WINDOW + Duration::from_secs(12);
    assert!(
        holds_for(past_the_window, || is_listed(server, "dead")),
        "evicted at the threshold"
    );
    assert!(served(server, "KEEP", "dead").is_some(), "kept, so it is served");
}

fn above_the_threshold(server: &Eureka) {
    let started = Instant::now();
    first_minute(server, THRESHOLD + 1);
    // The window began a little before the server answered; long before its end nothing is counted yet.
    let early = Duration::from_secs(40);
    assert!(
        holds_for(early, || served(server, "KEEP", "dead").is_some()),
        "evicted before any minute was counted"
    );
    wait_until("the dead instance to be evicted", 2 * WINDOW, || {
        (!is_listed(server, "dead")).then_some(())
    })
    .unwrap();
    assert!(
        started.elapsed() < WINDOW + Duration::from_secs(12),
        "{:?}",
        started.elapsed()
    );
    for id in LIVE {
        assert!(is_listed(server, id), "{id} renews");
    }
}
