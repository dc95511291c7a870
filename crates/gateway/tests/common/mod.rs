//! What the stories stand on: a gateway with its registry, upstreams that do exactly as told, a client that sees bytes.

#![allow(dead_code, unused_imports, reason = "each test binary uses its own part")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests fail by panicking"
)]

pub(crate) mod client;
pub(crate) mod stand;
pub(crate) mod upstream;

use std::time::{Duration, Instant};

pub(crate) use client::{Client, get};
pub(crate) use stand::{Stand, route_to, settings};
pub(crate) use upstream::{Upstream, Wire};

/// Whatever takes longer is broken, however slow the machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Looks until the condition holds; the pause is between looks.
pub(crate) fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "{what}: not within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Whether the condition holds at every look for so long: for what must not happen.
pub(crate) fn holds(time: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + time;
    while Instant::now() < end {
        if !condition() {
            return false;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    condition()
}
