//! Load through a proxy, closed and open.
//!
//! *Closed*: every connection sends its next request when the last was answered; for costs and throughput. *Open*:
//! requests are due at a fixed rate whatever becomes of them; each goes out on a connection that is free, and its
//! latency counts from when it was due, so that a proxy that stalls pays for everybody it kept waiting.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::engine::{Done, Engine, check_silence};
use super::message::request;
use super::proxies::Proxy;
use crate::error::{Error, Result};
use crate::proc;
use crate::report::warn;
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
    pub(super) ops: u64,
    pub(super) per_second: f64,
    pub(super) cpu_us: f64,
    pub(super) p50_us: u32,
    pub(super) p99_us: u32,
    /// How busy the thread of the load and the endpoints was, of one core.
    pub(super) load_busy: f64,
    /// How busy others were, of one core: what they did, the proxy and the load could not do.
    pub(super) others_busy: f64,
}

/// Others were busier than this, of one core: the phase says more about them than about the proxy.
const OTHERS_MAX: f64 = 0.03;
const TRIES_MAX: usize = 4;
const LOOK: Duration = Duration::from_millis(500);

/// How long a whole part waits for the machine to be quiet and measures again; one that never is, is measured as it is.
#[derive(Debug)]
pub(super) struct Patience(Duration);

impl Patience {
    pub(super) fn new() -> Self {
        Self(Duration::from_secs(60))
    }
}

/// Measures a phase again when others disturbed it; the last one counts whatever it was.
pub(super) fn undisturbed(
    what: &str,
    engine: &mut Engine,
    patience: &mut Patience,
    mut phase: impl FnMut(&mut Engine) -> Result<Phase>,
) -> Result<Phase> {
    let mut tries = 1;
    loop {
        let started = Instant::now();
        let phase = phase(engine)?;
        warn(&format!("  {what}: {phase}"));
        if tries > 1 {
            patience.0 = patience.0.saturating_sub(started.elapsed());
        }
        if phase.others_busy <= OTHERS_MAX || tries == TRIES_MAX || patience.0.is_zero() {
            return Ok(phase);
        }
        tries += 1;
        wait_for_quiet(engine, patience)?;
    }
}

/// While neither proxy nor load has anything to do, whoever works is somebody else.
fn wait_for_quiet(engine: &mut Engine, patience: &mut Patience) -> Result<()> {
    while !patience.0.is_zero() {
        let before = proc::machine_busy()?;
        engine.idle(LOOK)?;
        patience.0 = patience.0.saturating_sub(LOOK);
        let busy = proc::machine_busy()?.saturating_sub(before);
        if busy.as_secs_f64() <= OTHERS_MAX * LOOK.as_secs_f64() {
            break;
        }
    }
    Ok(())
}

impl std::fmt::Display for Phase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{:.2} µs CPU, {:.0}/s, p50 {} µs, p99 {} µs, load {:.0} % busy, others {:.1} %",
            self.cpu_us,
            self.per_second,
            self.p50_us,
            self.p99_us,
            self.load_busy * 100.0,
            self.others_busy * 100.0
        )
    }
}

/// Sends as fast as answers come.
pub(super) fn closed(
    engine: &mut Engine,
    proxy: &Proxy,
    connections: usize,
    time: Duration,
) -> Result<Phase> {
    proxy.awake(engine, |engine| closed_awake(engine, proxy, connections, time))
}

fn closed_awake(engine: &mut Engine, proxy: &Proxy, connections: usize, time: Duration) -> Result<Phase> {
    let bytes = request(proxy.address, PATH);
    engine.connect(proxy.address, connections)?;
    let now = Instant::now();
    (0..connections).try_for_each(|client| engine.send(client, &bytes, now))?;
    let mut counting = Counting::new(proxy.pid, time);
    let mut done: Vec<Done> = Vec::new();
    while !counting.is_over() {
        done.clear();
        done.extend_from_slice(engine.turn(TURN_MAX)?);
        for done in &done {
            expect_ok(done.status)?;
            counting.count(done);
            engine.send(done.client, &bytes, done.at)?;
        }
        counting.look(Instant::now())?;
    }
    Ok(counting.phase())
}

/// Sends at a rate.
pub(super) fn open(
    engine: &mut Engine,
    proxy: &Proxy,
    (connections, per_second): (usize, f64),
    time: Duration,
) -> Result<Phase> {
    proxy.awake(engine, |engine| {
        open_awake(engine, proxy, (connections, per_second), time)
    })
}

fn open_awake(
    engine: &mut Engine,
    proxy: &Proxy,
    (connections, per_second): (usize, f64),
    time: Duration,
) -> Result<Phase> {
    let bytes = request(proxy.address, PATH);
    engine.connect(proxy.address, connections)?;
    let mut free: VecDeque<usize> = (0..connections).collect();
    let mut due: VecDeque<Instant> = VecDeque::new();
    let started = Instant::now();
    let mut planned: u64 = 0;
    let mut counting = Counting::new(proxy.pid, time);
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
            counting.count(done);
            free.push_back(done.client);
        }
        counting.look(Instant::now())?;
    }
    Ok(counting.phase())
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

/// A moment, and the CPU times used until then.
#[derive(Debug, Clone, Copy)]
struct Times {
    at: Instant,
    proxy: Duration,
    load: Duration,
    machine: Duration,
}

/// Counts what is answered within the phase: after the ramp, until its time is over.
#[derive(Debug)]
struct Counting {
    process: u32,
    ramp_end: Instant,
    time: Duration,
    begun: Option<Times>,
    ended: Option<Times>,
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

    fn count(&mut self, done: &Done) {
        self.last = done.at;
        if self.begun.is_none() {
            return;
        }
        self.ops += 1;
        if self.latencies_us.len() < SAMPLES_MAX {
            let us = done.at.saturating_duration_since(done.from).as_micros();
            self.latencies_us.push(u32::try_from(us).unwrap_or(u32::MAX));
        }
    }

    /// Begins and ends counting when it is time.
    fn look(&mut self, now: Instant) -> Result<()> {
        check_silence(self.last, now)?;
        match self.begun {
            None if now >= self.ramp_end => self.begun = Some(self.times(now)?),
            Some(begun) if now >= begun.at + self.time => self.ended = Some(self.times(now)?),
            None | Some(_) => {}
        }
        Ok(())
    }

    fn times(&self, at: Instant) -> Result<Times> {
        Ok(Times {
            at,
            proxy: proc::cpu_time(self.process)?,
            load: proc::own_cpu_time(),
            machine: proc::machine_busy()?,
        })
    }

    fn phase(&self) -> Phase {
        let (Some(begun), Some(ended)) = (self.begun, self.ended) else {
            return Phase::default();
        };
        let seconds = ended.at.duration_since(begun.at).as_secs_f64();
        let used = |of: fn(&Times) -> Duration| of(&ended).saturating_sub(of(&begun)).as_secs_f64();
        let (proxy, load) = (used(|t| t.proxy), used(|t| t.load));
        Phase {
            ops: self.ops,
            per_second: self.ops as f64 / seconds,
            cpu_us: proxy * 1e6 / self.ops.max(1) as f64,
            p50_us: percentile(&self.latencies_us, 50),
            p99_us: percentile(&self.latencies_us, 99),
            load_busy: load / seconds,
            others_busy: (used(|t| t.machine) - proxy - load) / seconds,
        }
    }
}
