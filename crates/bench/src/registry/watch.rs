//! How soon a watcher knows of a change that came in through the Eureka door.
//!
//! Koinon pushes: the time runs from before the request is sent until the event is read, once while nothing else
//! happens and once under the heartbeats of 100,000 instances. Eureka has no push; its figure is the time until a reader
//! who asks all the time gets to see the change, to which a real client adds its own 30 s interval.

use std::net::SocketAddr;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use super::{CONNECTIONS, EUREKA, Effort};
use crate::error::{Error, Result};
use crate::http::Connection;
use crate::instance::{Encoding, Fleet, fetch};
use crate::load::{Pace, each_once, paced};
use crate::options::Options;
use crate::report::{Bar, Figure, Report, warn};
use crate::server::Server;
use crate::stats::{median, percentile};

const FLEET: Fleet = Fleet {
    instances: 1000,
    services: 20,
};
const PUSH_MS_MAX: f64 = 20.0;
/// What 100,000 instances send at Eureka's 30 s interval.
const BACKGROUND: Pace = Pace {
    per_second: 100_000.0 / 30.0,
    first: 0,
};
/// The background ends by itself even if nobody stops it.
const BACKGROUND_MAX: Duration = Duration::from_secs(120);
/// An event that takes longer is lost.
const EVENT_MAX: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(50);
const POLL_MAX: Duration = Duration::from_secs(90);
const STATUSES: [&str; 2] = ["OUT_OF_SERVICE", "UP"];

pub(super) fn run(options: &Options, effort: Effort, report: &mut Report) -> Result<()> {
    let server = Server::koinon(&options.koinon)?;
    let registrations: Vec<Vec<u8>> = (0..FLEET.instances).map(|n| FLEET.register(n)).collect();
    each_once(server.eureka, &registrations, CONNECTIONS)?;
    let mut watcher = Watcher::start(&server)?;
    let quiet = changes(&server, &mut watcher, 0..effort.changes)?;
    push_figures("change to watcher, quiet", &quiet, report);

    let heartbeats: Vec<Vec<u8>> = (0..FLEET.instances).map(|n| FLEET.heartbeat(n)).collect();
    let stop = AtomicBool::new(false);
    let busy = thread::scope(|scope| {
        let load = || paced(server.eureka, &heartbeats, BACKGROUND, &stop, BACKGROUND_MAX);
        let load = scope.spawn(load);
        let busy = changes(&server, &mut watcher, effort.changes..2 * effort.changes);
        stop.store(true, Ordering::Relaxed);
        let sent = load
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        busy.and_then(|busy| sent.map(|_| busy))
    })?;
    push_figures("change to watcher, 3,333 heartbeats/s", &busy, report);
    poll_figure(options, effort, report)
}

fn push_figures(name: &str, latencies_us: &[u32], report: &mut Report) {
    let ms = |percent| f64::from(percentile(latencies_us, percent)) / 1000.0;
    let note = format!("{} changes", latencies_us.len());
    report.add(
        Figure::new(format!("{name}: p50"), "ms")
            .koinon(ms(50))
            .note(&note),
    );
    report.add(
        Figure::new(format!("{name}: p99"), "ms")
            .koinon(ms(99))
            .bar(Bar::Value(PUSH_MS_MAX))
            .note(&note),
    );
}

/// A watch of the first service over the admin API: each data line with the moment it was read.
struct Watcher {
    events: Receiver<(Instant, String)>,
}

impl Watcher {
    fn start(server: &Server) -> Result<Self> {
        let admin = server
            .admin
            .ok_or_else(|| Error::Usage("only Koinon can be watched".into()))?;
        let (sender, events) = sync_channel(1024);
        let mut connection = Connection::new(admin);
        let path = format!("/v1/services/{}/watch", FLEET.app(0).to_lowercase());
        let request = format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n");
        let status = connection.open_stream(request.as_bytes())?;
        if status != 200 {
            return Err(Error::Answer {
                request: path,
                expected: "200".into(),
                got: status.to_string(),
            });
        }
        // The thread ends when the server closes the stream or this end of the channel is gone.
        thread::spawn(move || {
            while let Ok(line) = connection.next_line() {
                if line.starts_with("data:") && sender.send((Instant::now(), line)).is_err() {
                    return;
                }
            }
        });
        Ok(Self { events })
    }

    /// The moment at which an event with both words was read.
    fn wait_for(&mut self, id: &str, status: &str) -> Result<Instant> {
        let deadline = Instant::now() + EVENT_MAX;
        let quoted = format!("\"{status}\"");
        while let Ok((at, data)) = self
            .events
            .recv_timeout(deadline.saturating_duration_since(Instant::now()))
        {
            // The snapshot at the start holds every instance, and what it shows is no change.
            let is_one_instance = data.matches(":8080\"").count() == 1;
            if is_one_instance && data.contains(id) && data.to_uppercase().contains(&quoted) {
                return Ok(at);
            }
        }
        let expected = format!("an event for {id} with {status} within {} s", EVENT_MAX.as_secs());
        Err(Error::Answer {
            request: "watch".into(),
            expected,
            got: "none".into(),
        })
    }
}

/// Changes one instance after the other and returns how long each took to arrive. The turns go on from one call to the
/// next, because setting the status an instance has already is no change and makes no event.
fn changes(server: &Server, watcher: &mut Watcher, turns: Range<usize>) -> Result<Vec<u32>> {
    let mut connection = Connection::new(server.eureka);
    let of_service: Vec<usize> = (0..FLEET.instances).filter(|n| n % FLEET.services == 0).collect();
    let mut latencies_us = Vec::new();
    for turn in turns {
        let n = of_service[turn % of_service.len()];
        let status = STATUSES[(turn / of_service.len()) % 2];
        let request = FLEET.set_status(n, status);
        let sent = Instant::now();
        connection.exchange(&request)?;
        let seen = watcher.wait_for(&FLEET.id(n), status)?;
        let us = seen.saturating_duration_since(sent).as_micros();
        latencies_us.push(u32::try_from(us).unwrap_or(u32::MAX));
    }
    Ok(latencies_us)
}

fn poll_figure(options: &Options, effort: Effort, report: &mut Report) -> Result<()> {
    let Some(jar) = &options.eureka_jar else {
        report
            .left_out
            .push("Eureka's time from a change to a reader (no --eureka-jar)".into());
        return Ok(());
    };
    let rival = Server::eureka(jar)?;
    let registrations: Vec<Vec<u8>> = (0..FLEET.instances).map(|n| FLEET.register(n)).collect();
    each_once(rival.eureka, &registrations, CONNECTIONS)?;
    let mut waits_ms = Vec::new();
    for turn in 0..effort.polls {
        warn("… a change on its way to a reader of Eureka");
        waits_ms.push(poll(rival.eureka, turn)?);
    }
    let figure = Figure::new("change to a reader who asks all the time", "ms").of(EUREKA, median(&waits_ms));
    report.add(figure.note(format!("median of {}; a client asks every 30 s", waits_ms.len())));
    Ok(())
}

/// Changes an instance that is cached as it was, then reads the delta until it shows the change.
fn poll(address: SocketAddr, turn: usize) -> Result<f64> {
    let mut connection = Connection::new(address);
    let request = fetch("/eureka/apps/delta", Encoding::Identity);
    connection.exchange(&request)?;
    let (id, sent) = (FLEET.id(turn), Instant::now());
    connection.exchange(&FLEET.set_status(turn, STATUSES[0]))?;
    while sent.elapsed() < POLL_MAX {
        let body = connection.fetch(&request)?.body;
        if shows_change(&String::from_utf8_lossy(&body), &id) {
            return Ok(sent.elapsed().as_secs_f64() * 1000.0);
        }
        thread::sleep(POLL);
    }
    let expected = format!("{id} OUT_OF_SERVICE within {} s", POLL_MAX.as_secs());
    Err(Error::Answer {
        request: "GET /eureka/apps/delta".into(),
        expected,
        got: "its former status".into(),
    })
}

/// Whether the instance's own object holds the new status: it lies between its id and the next one.
fn shows_change(body: &str, id: &str) -> bool {
    let own = body
        .split("\"instanceId\":")
        .find(|part| part.starts_with(&format!("\"{id}\"")));
    own.is_some_and(|part| part.contains("\"status\":\"OUT_OF_SERVICE\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects: a neighbour's status is not taken for the change we wait for.
    #[test]
    fn only_the_own_status_counts() {
        let body = r#"[{"instanceId":"a","status":"UP"},{"instanceId":"b","status":"OUT_OF_SERVICE"}]"#;
        assert!(shows_change(body, "b"));
        assert!(!shows_change(body, "a") && !shows_change(body, "c"));
    }
}
