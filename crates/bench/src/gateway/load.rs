//! Load through a proxy, closed and open.
//!
//! *Closed*: every connection sends its next request when the last was answered; for costs and throughput. *Open*:
//! requests are due at a fixed rate whatever becomes of them; each goes out on a connection that is free, and its
//! latency counts from when it was due, so that a proxy that stalls pays for everybody it kept waiting.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::engine::{Done, Engine, check_silence};
use super::message::request;
use crate::error::{Error, Result};
use crate::proc;
use crate::stats::percentile;

/// Where a request goes in every proxy.
pub(super) const PATH: &str = "/shop/orders/42?expand=lines";
/// Before a phase counts: connections are opened on both sides.
const RAMP: Duration = Duration::from_millis(200);
/// Latencies kept of a phase.
const SAMPLES_MAX: usize = 2_000_000;
/// Requests that are due and not sent: more than this, and the proxy cannot keep up with the rate.
const DUE_MAX: usize = 100_000;
const TURN_MAX: Duration = Duration::from_millis(100);

/// What a phase cost and how it felt.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Phase {
    pub(super) per_second: f64,
    pub(super) cpu_us: f64,
    pub(super) p50_us: u32,
    pub(super) p99_us: u32,
    /// How busy the thread of the load and the endpoints was.
    pub(super) load_busy: f64,
}

/// Sends as fast as answers come.
pub(super) fn closed(
    engine: &mut Engine,
    proxy: (SocketAddr, u32),
    connections: usize,
    time: Duration,
) -> Result<Phase> {
    let bytes = request(proxy.0, PATH);
    engine.connect(proxy.0, connections)?;
    let now = Instant::now();
    (0..connections).try_for_each(|client| engine.send(client, &bytes, now))?;
    let mut counting = Counting::new(proxy.1, time);
    let mut done: Vec<Done> = Vec::new();
    while !counting.is_over() {
        done.clear();
        done.extend_from_slice(engine.turn(TURN_MAX)?);
        for done in &done {
            expect_ok(done.status)?;
            counting.count(done)?;
            engine.send(done.client, &bytes, done.at)?;
        }
        counting.look(Instant::now())?;
    }
    engine.disconnect();
    counting.phase()
}

/// Sends at a rate.
pub(super) fn open(
    engine: &mut Engine,
    proxy: (SocketAddr, u32),
    connections: usize,
    per_second: f64,
    time: Duration,
) -> Result<Phase> {
    let bytes = request(proxy.0, PATH);
    engine.connect(proxy.0, connections)?;
    let mut free: VecDeque<usize> = (0..connections).collect();
    let mut due: VecDeque<Instant> = VecDeque::new();
    let started = Instant::now();
    let mut planned: u64 = 0;
    let mut counting = Counting::new(proxy.1, time);
    while !counting.is_over() {
        let now = Instant::now();
        let target = (now.duration_since(started).as_secs_f64() * per_second) as u64;
        while planned < target {
            due.push_back(started + Duration::from_secs_f64(planned as f64 / per_second));
            planned += 1;
        }
        if due.len() > DUE_MAX {
            let what = format!("the proxy does not keep up with {per_second:.0} requests each second");
            return Err(Error::io(what)(std::io::ErrorKind::TimedOut.into()));
        }
        while let Some(from) = due.front().filter(|_| !free.is_empty()).copied() {
            due.pop_front();
            // The queue is not empty, as was just asked.
            if let Some(client) = free.pop_front() {
                engine.send(client, &bytes, from)?;
            }
        }
        // Never sleeps: waking up late would be counted as the proxy's latency.
        for done in engine.turn(Duration::ZERO)? {
            expect_ok(done.status)?;
            counting.count(done)?;
            free.push_back(done.client);
        }
        counting.look(Instant::now())?;
    }
    engine.disconnect();
    counting.phase()
}

fn expect_ok(status: u16) -> Result<()> {
    if status == 200 {
        return Ok(());
    }
    Err(Error::Answer {
        request: format!("GET {PATH}"),
        expected: "200".into(),
        got: status.to_string(),
    })
}

/// Counts what is answered within the phase: after the ramp, until its time is over.
#[derive(Debug)]
struct Counting {
    process: u32,
    ramp_end: Instant,
    time: Duration,
    /// When counting began, with the CPU times of the proxy and of this thread then.
    begun: Option<(Instant, Duration, Duration)>,
    ended: Option<(Instant, Duration, Duration)>,
    last: Instant,
    ops: u64,
    latencies_us: Vec<u32>,
}

impl Counting {
    fn new(process: u32, time: Duration) -> Self {
        let now = Instant::now();
        Self {
            process,
            ramp_end: now + RAMP,
            time,
            begun: None,
            ended: None,
            last: now,
            ops: 0,
            latencies_us: Vec::with_capacity(1 << 18),
        }
    }

    fn is_over(&self) -> bool {
        self.ended.is_some()
    }

    fn count(&mut self, done: &Done) -> Result<()> {
        self.last = done.at;
        if self.begun.is_none() {
            return Ok(());
        }
        self.ops += 1;
        if self.latencies_us.len() < SAMPLES_MAX {
            let us = done.at.saturating_duration_since(done.from).as_micros();
            self.latencies_us.push(u32::try_from(us).unwrap_or(u32::MAX));
        }
        Ok(())
    }

    /// Begins and ends counting when it is time.
    fn look(&mut self, now: Instant) -> Result<()> {
        check_silence(self.last, now)?;
        match self.begun {
            None if now >= self.ramp_end => self.begun = Some(self.times(now)?),
            Some((begun, _, _)) if now >= begun + self.time => self.ended = Some(self.times(now)?),
            None | Some(_) => {}
        }
        Ok(())
    }

    fn times(&self, now: Instant) -> Result<(Instant, Duration, Duration)> {
        Ok((now, proc::cpu_time(self.process)?, proc::own_cpu_time()))
    }

    fn phase(&self) -> Result<Phase> {
        let (Some(begun), Some(ended)) = (self.begun, self.ended) else {
            return Ok(Phase::default());
        };
        let seconds = ended.0.duration_since(begun.0).as_secs_f64();
        let cpu = ended.1.saturating_sub(begun.1).as_secs_f64();
        Ok(Phase {
            per_second: self.ops as f64 / seconds,
            cpu_us: cpu * 1e6 / self.ops.max(1) as f64,
            p50_us: percentile(&self.latencies_us, 50),
            p99_us: percentile(&self.latencies_us, 99),
            load_busy: ended.2.saturating_sub(begun.2).as_secs_f64() / seconds,
        })
    }
}
