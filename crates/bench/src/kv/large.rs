//! A store of a million keys: memory, restart, snapshot, and what a snapshot does to those who write meanwhile.

use std::time::{Duration, Instant};

use super::Effort;
use super::engine::{Answer, Ask, Engine, Shape, check_silence};
use super::load::{Counting, OTHER_CALLS, Patience, Phase, paced, undisturbed};
use super::pair::{Rounds, figure, say_disturbed, start};
use super::servers::{End, Server};
use super::wire;
use super::work::{Kind, VALUE_LEN, Work};
use crate::error::{Error, Result};
use crate::options::Options;
use crate::proc;
use crate::report::{Bar, Figure, Report, warn};
use crate::stats::median;

/// Puts each second while snapshots are taken, and while none is.
const PUTS_PER_SECOND: f64 = 2_000.0;
const CONNECTIONS: usize = 20;
/// Long enough that a thousandth of the puts is some.
const PHASE_MIN: Duration = Duration::from_secs(4);
const RSS_MIB: f64 = 400.0;
const RESTART_S: f64 = 4.0;
/// Put p99.9 during snapshots by that without.
const DURING: f64 = 2.0;

pub(super) fn run(options: &Options, effort: Effort, report: &mut Report) -> Result<()> {
    let mut servers = start(options)?;
    let keys = effort.large;
    let million = format!("{keys} keys of {VALUE_LEN} B");
    warn(&format!("… {million}"));
    for server in &servers {
        server.fill(keys)?;
    }
    let rss = |servers: &[Server], what: &str, report: &mut Report| -> Result<()> {
        let mut figure = Figure::new(what, "MiB").bar(Bar::Value(RSS_MIB));
        for server in servers {
            figure = figure.of(server.name, proc::rss_mib(server.pid())?);
        }
        report.add(figure);
        Ok(())
    };
    rss(&servers, &format!("{million}: memory after loading"), report)?;
    for (what, end) in [
        ("  restart after SIGTERM", End::Asked),
        ("  restart after kill -9", End::Killed),
    ] {
        let mut figure = Figure::new(what, "s").bar(Bar::Value(RESTART_S));
        for server in &mut servers {
            let name = server.name;
            let restarts = (0..effort.restarts).map(|_| server.restart(end));
            let took: Vec<f64> = restarts
                .map(|took| took.map(|took| took.as_secs_f64()))
                .collect::<Result<_>>()?;
            figure = figure.of(name, median(&took));
        }
        report.add(figure);
    }
    rss(&servers, "  memory after a restart", report)?;
    snapshots(&servers, keys, effort, report)?;
    rss(&servers, "  memory after snapshots under load", report)
}

/// What the rounds of one server gave.
#[derive(Debug)]
struct Measured {
    calm: Rounds,
    during: Rounds,
    seconds: Vec<f64>,
    mib: f64,
}

fn snapshots(servers: &[Server], keys: usize, effort: Effort, report: &mut Report) -> Result<()> {
    let mut patience = Patience::new();
    let time = effort.phase.max(PHASE_MIN);
    let none = |name| Rounds {
        name,
        phases: Vec::new(),
    };
    let mut all: Vec<Measured> = servers
        .iter()
        .map(|server| Measured {
            calm: none(server.name),
            during: none(server.name),
            seconds: Vec::new(),
            mib: 0.0,
        })
        .collect();
    for round in 0..effort.rounds {
        for turn in 0..servers.len() {
            let index = (round + turn) % servers.len();
            let (server, measured) = (&servers[index], &mut all[index]);
            let (took, len) = server.awake(|| snapshot(server, keys))?;
            measured.seconds.push(took.as_secs_f64());
            measured.mib = len as f64 / 1024.0 / 1024.0;
            let what = |state: &str| format!("{} {state}", server.name);
            let calm = undisturbed(&what("without"), &mut patience, || {
                puts(server, keys, time, false)
            })?;
            let during = undisturbed(&what("during"), &mut patience, || puts(server, keys, time, true))?;
            measured.calm.phases.push(calm);
            measured.during.phases.push(during);
        }
    }
    let mut took = Figure::new("  snapshot", "s");
    let mut size = Figure::new("  its size", "MiB");
    let mut effect = Figure::new("  put p99.9 during it / without", "×").bar(Bar::Value(DURING));
    for measured in &all {
        let pairs = measured.calm.phases.iter().zip(&measured.during.phases);
        let quotients: Vec<f64> = pairs
            .map(|(calm, during)| during.p999_us / calm.p999_us.max(1.0))
            .collect();
        let name = measured.calm.name;
        took = took.of(name, median(&measured.seconds));
        size = size.of(name, measured.mib);
        effect = effect.of(name, median(&quotients));
    }
    let (calm, during): (Vec<Rounds>, Vec<Rounds>) =
        all.into_iter().map(|all| (all.calm, all.during)).unzip();
    let p999: fn(&Phase) -> f64 = |phase| phase.p999_us;
    report.add(took);
    report.add(size);
    report.add(figure(
        "  put p99.9 at 2,000/s without a snapshot",
        "µs",
        &calm,
        p999,
    ));
    report.add(figure(
        "  put p99.9 at 2,000/s during snapshots",
        "µs",
        &during,
        p999,
    ));
    report.add(effect);
    say_disturbed("large", &patience, report);
    Ok(())
}

/// Takes a snapshot while nothing else happens: how long, and how many bytes.
fn snapshot(server: &Server, keys: usize) -> Result<(Duration, usize)> {
    let mut engine = Engine::connect(server.address(), 1)?;
    let started = Instant::now();
    ask_snapshot(&mut engine)?;
    let mut taken = Taken::default();
    let mut last = started;
    loop {
        for answer in engine.turn(Duration::from_millis(100))?.drain(..) {
            last = answer.at;
            if let Some(len) = taken.took(&answer) {
                expect_whole(len, keys)?;
                return Ok((started.elapsed(), len));
            }
        }
        check_silence(last)?;
    }
}

/// Puts at a rate; `during` snapshots that follow each other, or without.
fn puts(server: &Server, keys: usize, time: Duration, during: bool) -> Result<Phase> {
    server.awake(|| {
        let mut engine = Engine::connect(server.address(), CONNECTIONS)?;
        if during {
            ask_snapshot(&mut engine)?;
        }
        let mut counting = Counting::new(server.pid(), time);
        let mut work = Work::new(Kind::Put, keys);
        let mut taken = Taken::default();
        paced(
            &mut engine,
            &mut work,
            PUTS_PER_SECOND,
            &mut counting,
            |engine, _, _, answer| match taken.took(&answer) {
                Some(len) => expect_whole(len, keys).and_then(|()| ask_snapshot(engine)),
                None => Ok(()),
            },
        )?;
        Ok(counting.phase(&counting.requests))
    })
}

fn ask_snapshot(engine: &mut Engine) -> Result<()> {
    engine.ask(&Ask {
        connection: 0,
        client: OTHER_CALLS,
        path: wire::SNAPSHOT,
        message: &[],
        shape: Shape::Answers,
        from: Instant::now(),
    })
}

/// A snapshot that is being received.
#[derive(Debug, Default)]
struct Taken(usize);

impl Taken {
    /// The length of the snapshot, when this was its end.
    fn took(&mut self, answer: &Answer) -> Option<usize> {
        match &answer.message {
            Some(message) => {
                self.0 += wire::piece_len(message);
                None
            }
            None => Some(std::mem::take(&mut self.0)),
        }
    }
}

fn expect_whole(len: usize, keys: usize) -> Result<()> {
    if len >= keys * VALUE_LEN {
        return Ok(());
    }
    Err(Error::Answer {
        request: "Snapshot".into(),
        expected: format!("{} bytes of values", keys * VALUE_LEN),
        got: format!("{len} bytes"),
    })
}
