//! Brings the deltas of both servers to the same content, and keeps them there while they are measured.
//!
//! A delta holds what changed within 180 s. Measured too early it holds every registration, too late it is empty; here
//! ten instances change again before every round.

use std::time::{Duration, Instant};

use super::Effort;
use crate::error::{Error, Result};
use crate::http::Connection;
use crate::instance::{Encoding, Fleet, fetch};
use crate::load::each_once;
use crate::report::warn;
use crate::server::Server;

/// Instances that changed lately when the delta is measured.
const CHANGED: usize = 10;
/// Eureka keeps a change for 180 s, looks every 30 s, and its readers' cache lags by 30 s more.
const SETTLES_MAX: Duration = Duration::from_secs(300);
const POLL: Duration = Duration::from_secs(1);

/// Waits until the registrations have aged out and only the ten changed instances are left.
pub(super) fn settle(servers: &[&Server], fleet: Fleet) -> Result<()> {
    for server in servers {
        wait(server, 0)?;
    }
    touch(servers, fleet, 0)?;
    servers.iter().try_for_each(|server| wait(server, CHANGED))
}

/// Changes the ten instances, so that the delta keeps them. Rounds take turns, because setting the status an instance
/// has already is no change.
pub(super) fn touch(servers: &[&Server], fleet: Fleet, round: usize) -> Result<()> {
    let status = ["OUT_OF_SERVICE", "UP"][round % 2];
    let changes: Vec<Vec<u8>> = (0..CHANGED).map(|n| fleet.set_status(n, status)).collect();
    servers
        .iter()
        .try_for_each(|server| each_once(server.eureka, &changes, 1))
}

/// The deltas must have been the same to the end, or the figures compare different things.
pub(super) fn check(servers: &[&Server], effort: Effort) -> Result<()> {
    let counts = servers
        .iter()
        .map(|server| count(server))
        .collect::<Result<Vec<_>>>()?;
    if !effort.settled_delta || counts.iter().all(|count| *count == CHANGED) {
        return Ok(());
    }
    let expected = format!("{CHANGED} instances on each server");
    Err(Error::Answer {
        request: "deltas after the measurement".into(),
        expected,
        got: format!("{counts:?}"),
    })
}

pub(super) fn note(effort: Effort) -> String {
    if effort.settled_delta {
        format!("deltas held {CHANGED} instances")
    } else {
        "deltas held every instance".into()
    }
}

fn wait(server: &Server, wanted: usize) -> Result<()> {
    warn(&format!(
        "… waiting for {}'s delta to hold {wanted} instances",
        server.name
    ));
    let deadline = Instant::now() + SETTLES_MAX;
    let mut seen = count(server)?;
    while seen != wanted && Instant::now() < deadline {
        std::thread::sleep(POLL);
        seen = count(server)?;
    }
    if seen == wanted {
        return Ok(());
    }
    Err(Error::Answer {
        request: format!("{}: GET /eureka/apps/delta", server.name),
        expected: format!("{wanted} instances within {} s", SETTLES_MAX.as_secs()),
        got: seen.to_string(),
    })
}

fn count(server: &Server) -> Result<usize> {
    let request = fetch("/eureka/apps/delta", Encoding::Identity);
    let body = Connection::new(server.eureka).fetch(&request)?.body;
    Ok(String::from_utf8_lossy(&body).matches("\"instanceId\"").count())
}
