//! A large registry: what 100,000 instances of 200 services cost in memory, and whether a heartbeat costs the same
//! however many instances there are.
//!
//! Memory is read after each kind of work, because a server may look small until somebody asks for everything.

use super::{CONNECTIONS, Effort, PHASE_OPS_MAX};
use crate::error::Result;
use crate::instance::{Encoding, Fleet, fetch};
use crate::load::{Limit, each_once, measure};
use crate::options::Options;
use crate::proc;
use crate::report::{Bar, Figure, Report, warn};
use crate::server::Server;
use crate::stats::median;

const SERVICES: usize = 200;
const RSS_MIB_MAX: f64 = 250.0;
/// "Flat": cache misses grow with the registry, the work must not.
const GROWTH_MAX: f64 = 1.25;
/// Full fetches before memory is read, two at a time: one may be lucky.
const FETCHES: usize = 10;

pub(super) fn run(options: &Options, effort: Effort, report: &mut Report) -> Result<()> {
    let server = Server::koinon(&options.koinon)?;
    let fleet = Fleet {
        instances: effort.large,
        services: SERVICES,
    };
    let mut registered = 0;
    let mut costs = Vec::new();
    for size in [effort.large / 100, effort.large / 10, effort.large] {
        warn(&format!("… {size} instances"));
        register(&server, fleet, registered..size)?;
        registered = size;
        if size == effort.large {
            report.add(memory(&server, "registering", size)?);
        }
        costs.push(heartbeat_cost(&server, fleet, size, effort)?);
        let figure = Figure::new(format!("heartbeat at {size} instances: CPU each"), "µs");
        report.add(figure.koinon(costs[costs.len() - 1]));
    }
    let growth = costs[costs.len() - 1] / costs[0];
    let flat = Figure::new("heartbeat: largest against smallest registry", "×").koinon(growth);
    report.add(flat.bar(Bar::Value(GROWTH_MAX)));
    report.add(memory(&server, "heartbeats", registered)?);
    for (encoding, name) in [
        (Encoding::Gzip, "full fetches, gzip"),
        (Encoding::Identity, "full fetches, identity"),
    ] {
        fetches(&server, encoding, name, effort, report)?;
        report.add(memory(&server, name, registered)?);
    }
    Ok(())
}

fn register(server: &Server, fleet: Fleet, numbers: std::ops::Range<usize>) -> Result<()> {
    let requests: Vec<Vec<u8>> = numbers.map(|n| fleet.register(n)).collect();
    each_once(server.eureka, &requests, CONNECTIONS)
}

/// The median of several phases over all instances registered so far; the first one warms up and does not count.
fn heartbeat_cost(server: &Server, fleet: Fleet, size: usize, effort: Effort) -> Result<f64> {
    let requests: Vec<Vec<u8>> = (0..size).map(|n| fleet.heartbeat(n)).collect();
    let mut costs = Vec::new();
    for round in 0..=effort.rounds {
        let cost = measure(server, &requests, CONNECTIONS, effort.limit())?;
        if round > 0 {
            costs.push(cost.cpu_us);
        }
    }
    Ok(median(&costs))
}

fn fetches(
    server: &Server,
    encoding: Encoding,
    name: &str,
    effort: Effort,
    report: &mut Report,
) -> Result<()> {
    let request = [fetch("/eureka/apps/", encoding)];
    let limit = Limit {
        time: effort.phase * 20,
        ops: FETCHES.min(PHASE_OPS_MAX),
    };
    let cost = measure(server, &request, 2, limit)?;
    let note = format!("{} fetches of {:.1} MB", cost.ops, cost.body_len as f64 / 1e6);
    report.add(
        Figure::new(format!("{name}, large: CPU each"), "µs")
            .koinon(cost.cpu_us)
            .note(note),
    );
    Ok(())
}

fn memory(server: &Server, after: &str, size: usize) -> Result<Figure> {
    let figure = Figure::new(format!("memory, {size} instances after {after}"), "MiB");
    Ok(figure
        .koinon(proc::rss_mib(server.pid())?)
        .bar(Bar::Value(RSS_MIB_MAX)))
}
