//! Load on a server, closed and paced, and what it cost.
//!
//! *Closed*: every client sends its next request when the last was answered; for costs and throughput. *Paced*: requests are
//! due at a fixed rate whatever becomes of them, and a latency counts from when its request was due, so that a server
//! that stalls pays for everybody it kept waiting.

use std::time::{Duration, Instant};

use super::engine::{Answer, Ask, Engine, Shape, check_silence};
use super::servers::Server;
use super::work::Work;
use crate::error::{Error, Result};
use crate::proc;
use crate::report::warn;
use crate::stats::per_mille;

/// Before a phase counts.
const RAMP: Duration = Duration::from_millis(300);
const TURN_MAX: Duration = Duration::from_millis(100);
/// Latencies kept of a phase.
const SAMPLES_MAX: usize = 2_000_000;
/// Paced requests without an answer: more than this, and the server cannot keep up.
const WAITING_MAX: usize = 20_000;
/// Calls that are no requests of the paced load have numbers from here on.
pub(super) const OTHER_CALLS: usize = 1 << 40;

/// What a phase cost and how it felt.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Phase {
    pub(super) per_second: f64,
    pub(super) cpu_us: f64,
    pub(super) p50_us: f64,
    pub(super) p99_us: f64,
    pub(super) p999_us: f64,
    /// How busy the thread of the load was, of one core.
    pub(super) load_busy: f64,
    /// How busy others were, of one core: what they did, server and load could not do.
    pub(super) others_busy: f64,
}

impl std::fmt::Display for Phase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{:.2} µs CPU, {:.0}/s, p50 {:.0} µs, p99 {:.0} µs, p99.9 {:.0} µs, load {:.0} % busy, others {:.0} %",
            self.cpu_us,
            self.per_second,
            self.p50_us,
            self.p99_us,
            self.p999_us,
            self.load_busy * 100.0,
            self.others_busy * 100.0
        )
    }
}

/// Others were busier than this, of one core: the phase says more about them than about the server. The kernel's own
/// threads, which write to the disk, are among them.
const OTHERS_MAX: f64 = 0.1;
const TRIES_MAX: usize = 3;
const LOOK: Duration = Duration::from_millis(500);

/// How long a whole part waits for the machine to be quiet and measures again; one that never is, is measured as it is.
#[derive(Debug)]
pub(super) struct Patience {
    left: Duration,
    /// Phases that count although others disturbed them, and all.
    pub(super) disturbed: usize,
    pub(super) phases: usize,
}

impl Patience {
    pub(super) fn new() -> Self {
        Self {
            left: Duration::from_secs(20),
            disturbed: 0,
            phases: 0,
        }
    }
}

/// Measures a phase again when others disturbed it; the last one counts whatever it was.
pub(super) fn undisturbed(
    what: &str,
    patience: &mut Patience,
    mut phase: impl FnMut() -> Result<Phase>,
) -> Result<Phase> {
    let mut tries = 1;
    loop {
        let phase = phase()?;
        warn(&format!("  {what}: {phase}"));
        let quiet = phase.others_busy <= OTHERS_MAX;
        if quiet || tries == TRIES_MAX || patience.left.is_zero() {
            patience.phases += 1;
            patience.disturbed += usize::from(!quiet);
            return Ok(phase);
        }
        tries += 1;
        wait_for_quiet(patience)?;
    }
}

/// While neither server nor load has anything to do, whoever works is somebody else.
fn wait_for_quiet(patience: &mut Patience) -> Result<()> {
    while !patience.left.is_zero() {
        let before = proc::machine_busy()?;
        std::thread::sleep(LOOK);
        patience.left = patience.left.saturating_sub(LOOK);
        let busy = proc::machine_busy()?.saturating_sub(before);
        if busy.as_secs_f64() <= OTHERS_MAX * LOOK.as_secs_f64() {
            break;
        }
    }
    Ok(())
}

/// Who asks, and over how many connections.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clients {
    pub(super) clients: usize,
    pub(super) connections: usize,
}

impl Clients {
    const CONNECTIONS_MAX: usize = 100;

    /// As many connections as clients, up to a hundred: etcd's own benchmark has its thousand clients share as many.
    pub(super) fn new(clients: usize) -> Self {
        let connections = clients.min(Self::CONNECTIONS_MAX);
        Self { clients, connections }
    }
}

/// Sends as fast as answers come.
pub(super) fn closed(server: &Server, clients: Clients, work: &mut Work, time: Duration) -> Result<Phase> {
    server.awake(|| {
        let mut counting = Counting::new(server.pid(), time);
        closed_until(server, clients, work, |from, at| {
            counting.requests.add(&counting.begun, from, at);
            counting.look(at)
        })?;
        Ok(counting.phase(&counting.requests))
    })
}

/// Runs a closed load; each answered operation is told, until `told` says that it is over.
fn closed_until(
    server: &Server,
    Clients { clients, connections }: Clients,
    work: &mut Work,
    mut told: impl FnMut(Instant, Instant) -> Result<bool>,
) -> Result<()> {
    let mut engine = Engine::connect(server.address(), connections)?;
    let mut steps = vec![0; clients];
    for client in 0..clients {
        let from = Instant::now();
        let (path, message) = work.begin(from);
        ask(&mut engine, client, (path, &message), from)?;
    }
    let mut answers: Vec<Answer> = Vec::new();
    let mut last = Instant::now();
    loop {
        std::mem::swap(engine.turn(TURN_MAX)?, &mut answers);
        for answer in answers.drain(..) {
            last = answer.at;
            let Answer { client, from, at, .. } = answer;
            let message = answer.message.unwrap_or_default();
            let next = work.go_on(steps[client], &message)?;
            if let Some((path, message)) = next {
                steps[client] += 1;
                ask(&mut engine, client, (path, &message), from)?;
                continue;
            }
            steps[client] = 0;
            if told(from, at)? {
                return Ok(());
            }
            let (path, message) = work.begin(at);
            ask(&mut engine, client, (path, &message), at)?;
        }
        check_silence(last)?;
    }
}

fn ask(
    engine: &mut Engine,
    client: usize,
    (path, message): (&'static str, &[u8]),
    from: Instant,
) -> Result<()> {
    let connection = client % engine.connections();
    engine.ask(&Ask {
        connection,
        client,
        path,
        message,
        shape: Shape::Unary,
        from,
    })
}

/// Does so many operations and counts nothing.
pub(super) fn just_do(server: &Server, clients: Clients, work: &mut Work, operations: usize) -> Result<()> {
    let mut done = 0;
    closed_until(server, clients, work, |_, _| {
        done += 1;
        Ok(done >= operations)
    })
}

/// Sends puts at a rate until `counting` is over. Answers of other calls, and what is to be done when nothing came, go to
/// `other`.
pub(super) fn paced(
    engine: &mut Engine,
    work: &mut Work,
    per_second: f64,
    counting: &mut Counting,
    mut other: impl FnMut(&mut Engine, &mut Counting, &Work, Answer) -> Result<()>,
) -> Result<()> {
    let started = Instant::now();
    let (mut sent, mut waiting) = (0_u64, 0_usize);
    let mut last = started;
    let mut answers: Vec<Answer> = Vec::new();
    loop {
        let now = Instant::now();
        let mut due = started + Duration::from_secs_f64(sent as f64 / per_second);
        while due <= now {
            let (path, message) = work.begin(due);
            // The engine's number of a call only says which connection it takes.
            ask(engine, usize::try_from(sent).unwrap_or(0), (path, &message), due)?;
            sent += 1;
            waiting += 1;
            due = started + Duration::from_secs_f64(sent as f64 / per_second);
        }
        if waiting > WAITING_MAX {
            let what = format!("the server does not keep up with {per_second:.0} puts each second");
            return Err(Error::io(what)(std::io::ErrorKind::TimedOut.into()));
        }
        let wait = due.saturating_duration_since(Instant::now()).min(TURN_MAX);
        std::mem::swap(engine.turn(wait)?, &mut answers);
        for answer in answers.drain(..) {
            last = answer.at;
            if answer.client >= OTHER_CALLS {
                other(engine, counting, work, answer)?;
                continue;
            }
            waiting -= 1;
            counting.requests.add(&counting.begun, answer.from, answer.at);
        }
        if counting.look(Instant::now())? {
            return Ok(());
        }
        check_silence(last)?;
    }
}

/// A moment, and the CPU times used until then.
#[derive(Debug, Clone, Copy)]
struct Times {
    at: Instant,
    server: Duration,
    load: Duration,
    machine: Duration,
}

/// Things counted, with their latencies.
#[derive(Debug, Default)]
pub(super) struct Tally {
    count: u64,
    latencies_us: Vec<u32>,
}

impl Tally {
    fn add(&mut self, begun: &Option<Times>, from: Instant, at: Instant) {
        if begun.is_none() {
            return;
        }
        self.count += 1;
        if self.latencies_us.len() < SAMPLES_MAX {
            let us = at.saturating_duration_since(from).as_micros();
            self.latencies_us.push(u32::try_from(us).unwrap_or(u32::MAX));
        }
    }

    fn at(&self, per_mille_: u32) -> f64 {
        f64::from(per_mille(&self.latencies_us, per_mille_))
    }
}

/// Counts what is answered within the phase: after the ramp, until its time is over.
#[derive(Debug)]
pub(super) struct Counting {
    process: u32,
    ramp_end: Instant,
    time: Duration,
    begun: Option<Times>,
    ended: Option<Times>,
    pub(super) requests: Tally,
    /// What watchers were told.
    pub(super) events: Tally,
}

impl Counting {
    pub(super) fn new(process: u32, time: Duration) -> Self {
        Self {
            process,
            ramp_end: Instant::now() + RAMP,
            time,
            begun: None,
            ended: None,
            requests: Tally::default(),
            events: Tally::default(),
        }
    }

    pub(super) fn event(&mut self, from: Instant, at: Instant) {
        self.events.add(&self.begun, from, at);
    }

    /// Begins and ends counting when it is time; whether it is over.
    fn look(&mut self, now: Instant) -> Result<bool> {
        match self.begun {
            None if now >= self.ramp_end => self.begun = Some(self.times(now)?),
            Some(begun) if now >= begun.at + self.time => self.ended = Some(self.times(now)?),
            None | Some(_) => {}
        }
        Ok(self.ended.is_some())
    }

    fn times(&self, at: Instant) -> Result<Times> {
        Ok(Times {
            at,
            server: proc::cpu_time(self.process)?,
            load: proc::own_cpu_time(),
            machine: proc::machine_busy()?,
        })
    }

    /// What one of the tallies says.
    pub(super) fn phase(&self, tally: &Tally) -> Phase {
        let (Some(begun), Some(ended)) = (self.begun, self.ended) else {
            return Phase::default();
        };
        let seconds = ended.at.duration_since(begun.at).as_secs_f64();
        let used = |of: fn(&Times) -> Duration| of(&ended).saturating_sub(of(&begun)).as_secs_f64();
        let (server, load) = (used(|t| t.server), used(|t| t.load));
        Phase {
            per_second: tally.count as f64 / seconds,
            cpu_us: server * 1e6 / tally.count.max(1) as f64,
            p50_us: tally.at(500),
            p99_us: tally.at(990),
            p999_us: tally.at(999),
            load_busy: load / seconds,
            others_busy: (used(|t| t.machine) - server - load) / seconds,
        }
    }
}
