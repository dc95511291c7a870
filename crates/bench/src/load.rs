//! Load on a server, and what it cost: throughput, latency and the server's CPU time for each operation.
//!
//! Two shapes. *Closed*: each connection sends its next request when the last was answered; for costs and
//! throughput. *Paced*: a fixed number of requests each second, as a fleet of that size sends them; for the background of
//! a latency measurement.
//!
//! Invariant: every load ends by itself, by time or by number, whichever comes first.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::http::Connection;
use crate::proc;
use crate::server::Server;
use crate::stats::percentile;

/// A prime, so that walking in its steps visits every instance once and neighbours in time are strangers in memory.
const STRIDE: usize = 7919;
/// Latencies kept for each connection.
const SAMPLES_MAX: usize = 500_000;

/// When a load ends.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limit {
    pub(crate) time: Duration,
    pub(crate) ops: usize,
}

/// What one phase of load cost the server.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Cost {
    pub(crate) ops: usize,
    pub(crate) ops_per_s: f64,
    pub(crate) cpu_us: f64,
    pub(crate) p50_us: u32,
    pub(crate) p99_us: u32,
    pub(crate) body_len: usize,
}

/// Runs a closed load and reads the server's CPU time around it.
pub(crate) fn measure(
    server: &Server,
    requests: &[Vec<u8>],
    connections: usize,
    limit: Limit,
) -> Result<Cost> {
    let started = Instant::now();
    let cpu_before = proc::cpu_time(server.pid())?;
    let sample = closed(server.eureka, requests, connections, limit)?;
    let cpu = proc::cpu_time(server.pid())?.saturating_sub(cpu_before);
    let ops = sample.latencies_us.len().max(sample.ops);
    Ok(Cost {
        ops,
        ops_per_s: ops as f64 / started.elapsed().as_secs_f64(),
        cpu_us: cpu.as_secs_f64() * 1e6 / ops as f64,
        p50_us: percentile(&sample.latencies_us, 50),
        p99_us: percentile(&sample.latencies_us, 99),
        body_len: sample.body_len,
    })
}

/// Sends every request once, over `connections` connections.
pub(crate) fn each_once(address: SocketAddr, requests: &[Vec<u8>], connections: usize) -> Result<()> {
    let workers = (0..connections).map(|worker| {
        move || -> Result<()> {
            let mut connection = Connection::new(address);
            for request in requests.iter().skip(worker).step_by(connections) {
                expect_success(request, connection.exchange(request)?.status)?;
            }
            Ok(())
        }
    });
    join(workers).map(|_| ())
}

/// How often requests are sent over one connection, and with which of them it begins.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    pub(crate) per_second: f64,
    pub(crate) first: usize,
}

/// Sends requests at a pace until `stop` is set or the time is over; returns how many were sent.
pub(crate) fn paced(
    address: SocketAddr,
    requests: &[Vec<u8>],
    pace: Pace,
    stop: &AtomicBool,
    time: Duration,
) -> Result<usize> {
    let mut connection = Connection::new(address);
    let started = Instant::now();
    let mut sent = 0;
    while started.elapsed() < time && !stop.load(Ordering::Relaxed) {
        let due = started + Duration::from_secs_f64(sent as f64 / pace.per_second);
        // Sleeping here is the purpose: the pace is what is asked for.
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let request = &requests[((pace.first + sent) * STRIDE) % requests.len()];
        expect_success(request, connection.exchange(request)?.status)?;
        sent += 1;
    }
    Ok(sent)
}

/// The server's CPU time for each request, in microseconds, while `per_second` of them arrive over `connections`.
pub(crate) fn measure_paced(
    server: &Server,
    requests: &[Vec<u8>],
    connections: usize,
    per_second: f64,
    time: Duration,
) -> Result<f64> {
    let never = &AtomicBool::new(false);
    let before = proc::cpu_time(server.pid())?;
    let workers = (0..connections).map(|worker| {
        let first = worker * requests.len() / connections;
        let pace = Pace {
            per_second: per_second / connections as f64,
            first,
        };
        move || paced(server.eureka, requests, pace, never, time)
    });
    let sent: usize = join(workers)?.into_iter().sum();
    let cpu = proc::cpu_time(server.pid())?.saturating_sub(before);
    Ok(cpu.as_secs_f64() * 1e6 / sent as f64)
}

#[derive(Debug, Default)]
struct Sample {
    ops: usize,
    latencies_us: Vec<u32>,
    body_len: usize,
}

fn closed(address: SocketAddr, requests: &[Vec<u8>], connections: usize, limit: Limit) -> Result<Sample> {
    let workers = (0..connections).map(|worker| {
        move || {
            let share = limit.ops.div_ceil(connections);
            closed_worker(
                address,
                requests,
                (worker, connections),
                Limit { ops: share, ..limit },
            )
        }
    });
    let mut total = Sample::default();
    for sample in join(workers)? {
        total.ops += sample.ops;
        total.latencies_us.extend(sample.latencies_us);
        total.body_len = total.body_len.max(sample.body_len);
    }
    Ok(total)
}

fn closed_worker(
    address: SocketAddr,
    requests: &[Vec<u8>],
    (worker, workers): (usize, usize),
    limit: Limit,
) -> Result<Sample> {
    let mut connection = Connection::new(address);
    let mut sample = Sample::default();
    let started = Instant::now();
    let mut now = started;
    while sample.ops < limit.ops && now - started < limit.time {
        let turn = worker + sample.ops * workers;
        let request = &requests[(turn * STRIDE) % requests.len()];
        let answer = connection.exchange(request)?;
        expect_success(request, answer.status)?;
        let done = Instant::now();
        if sample.latencies_us.len() < SAMPLES_MAX {
            let us = (done - now).as_micros();
            sample.latencies_us.push(u32::try_from(us).unwrap_or(u32::MAX));
        }
        sample.ops += 1;
        sample.body_len = answer.body_len;
        now = done;
    }
    Ok(sample)
}

/// A cost of refusals is no cost: any other answer than success ends the run.
fn expect_success(request: &[u8], status: u16) -> Result<()> {
    if (200..300).contains(&status) {
        return Ok(());
    }
    let line = request.split(|byte| *byte == b'\r').next().unwrap_or_default();
    Err(Error::Answer {
        request: String::from_utf8_lossy(line).into_owned(),
        expected: "success".into(),
        got: status.to_string(),
    })
}

/// Runs the workers in threads of their own and gathers what they return.
fn join<T: Send>(workers: impl Iterator<Item = impl FnOnce() -> Result<T> + Send>) -> Result<Vec<T>> {
    thread::scope(|scope| {
        let handles: Vec<_> = workers.map(|worker| scope.spawn(worker)).collect();
        // A panic in a worker is a bug of this program, and it goes on as one.
        handles
            .into_iter()
            .map(|handle| handle.join().unwrap_or_else(|p| std::panic::resume_unwind(p)))
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects: heartbeats spread over all instances, instead of warming a few cache lines.
    #[test]
    fn the_stride_visits_every_instance() {
        for len in [1, 20, 1000, 10_000, 100_000] {
            let seen: std::collections::HashSet<usize> = (0..len).map(|turn| (turn * STRIDE) % len).collect();
            assert_eq!(seen.len(), len);
        }
    }

    /// Protects: a server that refuses everything quickly does not look cheap.
    #[test]
    fn a_refusal_ends_the_run() {
        assert!(expect_success(b"GET / HTTP/1.1\r\n", 204).is_ok());
        let error = expect_success(b"GET / HTTP/1.1\r\n", 404).unwrap_err();
        assert_eq!(error.to_string(), "GET / HTTP/1.1: expected success, got 404");
    }
}
