//! A hundred watchers of a prefix under which much happens: what telling one of them one event costs, and how soon it
//! knows.
//!
//! Puts come at a rate, so that both servers have the same to tell. All of the server's CPU time is counted, that of the
//! puts too; a latency counts from when the put was due.

use std::time::{Duration, Instant};

use super::Effort;
use super::engine::{Answer, Ask, Engine, Shape, check_silence};
use super::load::{Counting, OTHER_CALLS, Patience, Phase, paced};
use super::pair::{Bars, figures, rounds, say_disturbed, start};
use super::servers::Server;
use super::wire;
use super::work::{Kind, Work, key, keys_end};
use crate::error::Result;
use crate::options::Options;
use crate::report::Report;

/// Each is a client of its own, with its own connection.
const WATCHERS: usize = 100;
const KEYS: usize = 1_000;
const WATCH_CPU: f64 = 0.5;
/// Puts each second, and whether the bar is for this rate.
const RATES: [(f64, &str, Option<f64>); 2] = [
    (200.0, "event to one of 100 watchers, 200 puts/s", Some(WATCH_CPU)),
    (
        1_000.0,
        "event to one of 100 watchers, 1,000 puts/s",
        Some(WATCH_CPU),
    ),
];

pub(super) fn run(options: &Options, effort: Effort, report: &mut Report) -> Result<()> {
    let servers = start(options)?;
    let mut patience = Patience::new();
    for (per_second, what, cpu) in RATES {
        let measured = rounds(what, &servers, effort, &mut patience, |server| {
            server.awake(|| measure(server, per_second, effort.phase))
        })?;
        let bars = Bars {
            cpu,
            ..Bars::default()
        };
        figures(what, &measured, bars, report);
    }
    say_disturbed("watch", &patience, report);
    Ok(())
}

fn measure(server: &Server, per_second: f64, time: Duration) -> Result<Phase> {
    let mut engine = Engine::connect(server.address(), WATCHERS)?;
    watch(&mut engine)?;
    let mut counting = Counting::new(server.pid(), time);
    let mut work = Work::new(Kind::Put, KEYS);
    paced(
        &mut engine,
        &mut work,
        per_second,
        &mut counting,
        |_, counting, work, answer| {
            for value in wire::event_values(&answer.message.unwrap_or_default()) {
                if let Some(due) = work.due_of(value) {
                    counting.event(due, answer.at);
                }
            }
            Ok(())
        },
    )?;
    Ok(counting.phase(&counting.events))
}

/// Makes the watchers, one on each connection.
fn watch(engine: &mut Engine) -> Result<()> {
    let message = wire::watch_create(&key(0), keys_end());
    let from = Instant::now();
    for connection in 0..WATCHERS {
        engine.ask(&Ask {
            connection,
            client: OTHER_CALLS + connection,
            path: wire::WATCH,
            message: &message,
            shape: Shape::Open,
            from,
        })?;
    }
    let mut made = 0;
    while made < WATCHERS {
        let answers = engine.turn(Duration::from_millis(100))?;
        let is_made = |answer: &Answer| answer.message.as_deref().is_some_and(wire::is_created);
        made += answers.iter().filter(|answer| is_made(answer)).count();
        check_silence(from)?;
    }
    Ok(())
}
