//! The gateway beside HAProxy, nginx and Spring Cloud Gateway, each with one worker on a core of its own.
//!
//! Four parts: *cost* (CPU for each request, throughput and latency under closed load, in turns), *pace* (latency at a
//! fixed rate), *idle* (memory of silent connections) and *registration* (from registering to the first routed
//! request). Koinon balances, strips a path prefix, adds a header and counts metrics; HAProxy and nginx do plain round
//! robin; Spring Cloud Gateway has Koinon's route file.

mod cost;
mod engine;
mod idle;
mod load;
mod message;
mod pace;
mod place;
mod proxies;
mod registering;
mod routes;

use std::time::Duration;

use crate::error::Result;
use crate::options::Options;
use crate::report::{KOINON, Report};
use engine::Engine;
use place::Place;
use proxies::{HAPROXY, NAMES, NGINX, Proxy, SPRING};
use routes::RouteFile;

/// How long and how often things are measured.
#[derive(Debug, Clone, Copy)]
struct Effort {
    /// Time for a JVM to compile what it runs often, at most.
    warm_up: Duration,
    /// One measured phase; the kernel counts CPU time in steps of 10 ms.
    phase: Duration,
    rounds: usize,
    /// Silent connections.
    silent: usize,
    /// Services that register while somebody waits for them.
    fresh: usize,
}

const FULL: Effort = Effort {
    warm_up: Duration::from_secs(120),
    phase: Duration::from_secs(2),
    rounds: 5,
    silent: 5000,
    fresh: 200,
};

const QUICK: Effort = Effort {
    warm_up: Duration::from_secs(5),
    phase: Duration::from_millis(500),
    rounds: 2,
    silent: 500,
    fresh: 20,
};

pub(crate) fn run(options: &Options) -> Result<Report> {
    let effort = if options.quick { QUICK } else { FULL };
    let mut report = Report::new("gateway", options.quick, &[KOINON, HAPROXY, NGINX, SPRING]);
    place::raise_file_limit()?;
    let place = Place::choose()?;
    let mut engine = Engine::new()?;
    let routes = RouteFile::write(&engine.upstreams()?, effort.fresh)?;
    let mut proxies = Vec::new();
    for name in NAMES {
        if !options.wants_proxy(name) {
            report.left_out.push(format!("{name} (not among --proxy)"));
        } else if name == SPRING && !options.wants("cost") {
            report.left_out.push(format!("{name} (only in the part cost)"));
        } else {
            proxies.push(Proxy::start(name, options, place, &mut engine, &routes)?);
        }
    }
    type Part = fn(&[Proxy], &mut Engine, Effort, &mut Report) -> Result<()>;
    let parts: [(&str, Part); 4] = [
        ("idle", idle::run),
        ("registration", registration),
        ("cost", cost::run),
        ("pace", pace::run),
    ];
    for (name, part) in parts {
        if options.wants(name) {
            part(&proxies, &mut engine, effort, &mut report)?;
        } else {
            report.left_out.push(format!("{name} (not among --only)"));
        }
    }
    Ok(report)
}

fn registration(proxies: &[Proxy], engine: &mut Engine, effort: Effort, report: &mut Report) -> Result<()> {
    match proxies.iter().find(|proxy| proxy.name == KOINON) {
        Some(koinon) => registering::run(koinon, engine, effort.fresh, report),
        None => Ok(()),
    }
}
