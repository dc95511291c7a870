//! An operation that both servers perform, how it is measured and what of it ends up in the report.

use std::time::Duration;

use super::{CANNED, CONNECTIONS, EUREKA, Effort};
use crate::error::Result;
use crate::instance::{Encoding, Fleet, fetch};
use crate::load::{Cost, Limit, measure, measure_paced};
use crate::report::{Bar, Figure, Report};
use crate::server::Server;
use crate::stats::median;

const HEARTBEAT_RATIO_MAX: f64 = 0.15;
const FETCH_RATIO_MAX: f64 = 0.1;
/// What 100,000 instances send at Eureka's 30 s interval.
const HEARTBEATS_PER_S: f64 = 100_000.0 / 30.0;
/// 30,000 clients, each once in 30 s; slow enough for the rival to keep up with a megabyte each.
const FETCHES_PER_S: f64 = 1000.0;

#[derive(Debug)]
pub(super) struct Operation {
    pub(super) name: &'static str,
    requests: Vec<Vec<u8>>,
    ratio_max: f64,
    per_second: f64,
}

/// What one round of an operation cost a server.
#[derive(Debug, Clone, Copy)]
struct Round {
    /// As fast as it goes.
    closed: Cost,
    /// CPU time each at a steady pace: the server sleeps between requests, as a registry's does.
    paced_cpu_us: f64,
}

/// The costs of an operation, round by round.
#[derive(Debug, Default)]
pub(super) struct Rounds {
    koinon: Vec<Round>,
    rival: Vec<Round>,
}

impl Operation {
    pub(super) fn heartbeats(fleet: Fleet) -> Self {
        Self {
            name: "heartbeat",
            requests: (0..fleet.instances).map(|n| fleet.heartbeat(n)).collect(),
            ratio_max: HEARTBEAT_RATIO_MAX,
            per_second: HEARTBEATS_PER_S,
        }
    }

    pub(super) fn fetch(name: &'static str, path: &str, encoding: Encoding) -> Self {
        let requests = vec![fetch(path, encoding)];
        Self {
            name,
            requests,
            ratio_max: FETCH_RATIO_MAX,
            per_second: FETCHES_PER_S,
        }
    }

    pub(super) fn warm_up(&self, server: &Server, time: Duration, effort: Effort) -> Result<()> {
        measure(
            server,
            &self.requests,
            CONNECTIONS,
            Limit {
                time,
                ..effort.limit()
            },
        )
        .map(|_| ())
    }

    /// One round on both servers; who goes first is the caller's to alternate.
    pub(super) fn round(
        &self,
        (koinon, rival): (&Server, Option<&Server>),
        rival_first: bool,
        effort: Effort,
        rounds: &mut Rounds,
    ) -> Result<()> {
        let cost = |server| self.cost(server, &self.requests, effort);
        if rival_first {
            rounds.rival.extend(rival.map(cost).transpose()?);
        }
        rounds.koinon.push(cost(koinon)?);
        if !rival_first {
            rounds.rival.extend(rival.map(cost).transpose()?);
        }
        Ok(())
    }

    /// Reports the rounds, beside what a canned answer of the same size costs.
    pub(super) fn report(
        &self,
        rounds: &Rounds,
        canned: &Server,
        effort: Effort,
        report: &mut Report,
    ) -> Result<()> {
        let body_len = rounds.koinon.last().map_or(0, |round| round.closed.body_len);
        let canned_requests = [fetch(&format!("/bytes/{body_len}"), Encoding::Identity)];
        let floor = self.cost(canned, &canned_requests, effort)?;
        let busy = self.figure(rounds, "CPU each, as fast as it goes", "µs", |round| {
            round.closed.cpu_us
        });
        report.add(
            self.against_rival(busy, rounds, |round| round.closed.cpu_us)
                .of(CANNED, floor.closed.cpu_us),
        );
        let name = format!("CPU each at {:.0}/s", self.per_second);
        let paced = self.figure(rounds, &name, "µs", |round| round.paced_cpu_us);
        report.add(
            self.against_rival(paced, rounds, |round| round.paced_cpu_us)
                .of(CANNED, floor.paced_cpu_us),
        );
        let throughput = self.figure(rounds, "throughput", "1/s", |round| round.closed.ops_per_s);
        report.add(throughput.of(CANNED, floor.closed.ops_per_s));
        report.add(self.figure(rounds, "latency p50", "µs", |round| {
            f64::from(round.closed.p50_us)
        }));
        report.add(self.figure(rounds, "latency p99", "µs", |round| {
            f64::from(round.closed.p99_us)
        }));
        if body_len > 0 {
            report.add(self.figure(rounds, "body", "bytes", |round| round.closed.body_len as f64));
        }
        Ok(())
    }

    fn cost(&self, server: &Server, requests: &[Vec<u8>], effort: Effort) -> Result<Round> {
        let closed = measure(server, requests, CONNECTIONS, effort.limit())?;
        let paced_cpu_us = measure_paced(server, requests, CONNECTIONS, self.per_second, effort.paced_phase)?;
        Ok(Round { closed, paced_cpu_us })
    }

    fn figure(&self, rounds: &Rounds, what: &str, unit: &'static str, of: fn(&Round) -> f64) -> Figure {
        let median_of = |rounds: &[Round]| median(&rounds.iter().map(of).collect::<Vec<_>>());
        let figure = Figure::new(format!("{}: {what}", self.name), unit).koinon(median_of(&rounds.koinon));
        if rounds.rival.is_empty() {
            figure
        } else {
            figure.of(EUREKA, median_of(&rounds.rival))
        }
    }

    /// Adds the bar and the median of the rounds' own ratios.
    fn against_rival(&self, figure: Figure, rounds: &Rounds, of: fn(&Round) -> f64) -> Figure {
        let pairs = rounds.koinon.iter().zip(&rounds.rival);
        let ratios: Vec<f64> = pairs.map(|(ours, theirs)| of(ours) / of(theirs)).collect();
        let figure = figure
            .bar(Bar::Ratio(self.ratio_max))
            .note(format!("{} rounds", rounds.koinon.len()));
        if ratios.is_empty() {
            figure
        } else {
            figure.ratio(median(&ratios))
        }
    }
}
