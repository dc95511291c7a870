//! What a server spends on everyday traffic: heartbeats and delta fetches at the pace of 10,000 clients, while ten instances
//! change each second.
//!
//! A closed load asks so often that nearly every answer comes from a cache. Here an answer serves few readers before it
//! is out of date, which is the case that caches are bad at; Eureka avoids it by serving answers up to 30 s old.

use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::Duration;

use super::{EUREKA, Effort};
use crate::error::Result;
use crate::instance::{Encoding, Fleet, fetch};
use crate::load::{Pace, paced};
use crate::proc;
use crate::report::{Figure, Report, warn};
use crate::server::Server;
use crate::stats::median;

/// 10,000 clients, each once in 30 s.
const CLIENTS_PER_S: f64 = 10_000.0 / 30.0;
const CHANGES_PER_S: f64 = 10.0;

pub(super) fn run(
    koinon: &Server,
    rival: Option<&Server>,
    fleet: Fleet,
    effort: Effort,
    report: &mut Report,
) -> Result<()> {
    warn("… everyday traffic");
    let traffic = Traffic::new(fleet);
    let mut ours = Vec::new();
    let mut theirs = Vec::new();
    for round in 0..effort.rounds {
        ours.push(traffic.cpu_ms_per_s(koinon, round, effort.paced_phase * 2)?);
        if let Some(rival) = rival {
            theirs.push(traffic.cpu_ms_per_s(rival, round, effort.paced_phase * 2)?);
        }
    }
    let figure = Figure::new("10,000 clients, 10 changes/s: CPU", "ms/s").koinon(median(&ours));
    let ratios: Vec<f64> = ours
        .iter()
        .zip(&theirs)
        .map(|(ours, theirs)| ours / theirs)
        .collect();
    let figure = figure.note("heartbeats and gzip deltas, 333/s each");
    report.add(if ratios.is_empty() {
        figure
    } else {
        figure.of(EUREKA, median(&theirs)).ratio(median(&ratios))
    });
    Ok(())
}

struct Traffic {
    heartbeats: Vec<Vec<u8>>,
    deltas: Vec<Vec<u8>>,
    /// Rounds take turns, because setting the status an instance has already is no change.
    changes: [Vec<Vec<u8>>; 2],
}

impl Traffic {
    fn new(fleet: Fleet) -> Self {
        Self {
            heartbeats: (0..fleet.instances).map(|n| fleet.heartbeat(n)).collect(),
            deltas: vec![fetch("/eureka/apps/delta", Encoding::Gzip)],
            changes: ["OUT_OF_SERVICE", "UP"].map(|status| {
                (0..fleet.instances)
                    .map(|n| fleet.set_status(n, status))
                    .collect()
            }),
        }
    }

    fn cpu_ms_per_s(&self, server: &Server, round: usize, time: Duration) -> Result<f64> {
        let never = AtomicBool::new(false);
        let never = &never;
        let before = proc::cpu_time(server.pid())?;
        let loads = [
            (&self.heartbeats, CLIENTS_PER_S),
            (&self.deltas, CLIENTS_PER_S),
            (&self.changes[round % 2], CHANGES_PER_S),
        ];
        thread::scope(|scope| {
            let run = |(requests, pace): (&'_ Vec<Vec<u8>>, f64)| {
                paced(
                    server.eureka,
                    requests,
                    Pace {
                        per_second: pace,
                        first: 0,
                    },
                    never,
                    time,
                )
            };
            let handles = loads.map(|load| scope.spawn(move || run(load)));
            handles.into_iter().try_for_each(|handle| {
                // A panic in a load is a bug of this program, and it goes on as one.
                handle
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
                    .map(|_| ())
            })
        })?;
        let cpu = proc::cpu_time(server.pid())?.saturating_sub(before);
        Ok(cpu.as_secs_f64() * 1000.0 / time.as_secs_f64())
    }
}
