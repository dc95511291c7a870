//! The same load on Koinon and on the real Eureka server, taking turns, 1,000 instances of 20 services in each.
//!
//! Each round measures every operation on both, and who goes first changes with the round. The ratio of a round is taken
//! within the round, so that a machine that slows down slows both; the table shows the median of the rounds.

use std::time::{Duration, Instant};

use super::{CONNECTIONS, Effort, everyday};
use crate::error::{Error, Result};
use crate::http::Connection;
use crate::instance::{Encoding, Fleet, fetch};
use crate::load::{Cost, Limit, each_once, measure};
use crate::options::Options;
use crate::proc;
use crate::report::{Bar, Figure, Report, warn};
use crate::server::Server;
use crate::stats::median;

const FLEET: Fleet = Fleet {
    instances: 1000,
    services: 20,
};
const HEARTBEAT_RATIO_MAX: f64 = 0.15;
const FETCH_RATIO_MAX: f64 = 0.1;
/// Instances that changed lately when the delta is measured.
const CHANGED: usize = 10;
/// Eureka keeps a change for 180 s, looks every 30 s, and its readers' cache lags by 30 s more.
const DELTA_SETTLES_MAX: Duration = Duration::from_secs(300);
const DELTA_POLL: Duration = Duration::from_secs(1);

/// An operation to measure, with its prepared requests.
struct Operation {
    name: &'static str,
    requests: Vec<Vec<u8>>,
    ratio_max: f64,
}

/// The costs of one operation, round by round.
#[derive(Default)]
struct Rounds {
    koinon: Vec<Cost>,
    rival: Vec<Cost>,
}

pub(super) fn run(options: &Options, effort: Effort, report: &mut Report) -> Result<()> {
    let koinon = Server::koinon(&options.koinon)?;
    let rival = rival(options, report)?;
    let servers: Vec<&Server> = std::iter::once(&koinon).chain(rival.as_ref()).collect();
    let registrations: Vec<Vec<u8>> = (0..FLEET.instances).map(|n| FLEET.register(n)).collect();
    for server in &servers {
        each_once(server.eureka, &registrations, CONNECTIONS)?;
    }
    let first = [
        heartbeats(),
        full_fetch(Encoding::Gzip),
        full_fetch(Encoding::Identity),
    ];
    warm_up(&servers, &first, effort.warm_up, effort)?;
    rounds(&koinon, rival.as_ref(), &first, effort, report)?;

    let note = settle_delta(&servers, effort)?;
    let deltas = [delta(Encoding::Gzip), delta(Encoding::Identity)];
    // Short: the same code is warm already, and the changes leave the delta again after 180 s.
    warm_up(&servers, &deltas, effort.warm_up / 4, effort)?;
    rounds(&koinon, rival.as_ref(), &deltas, effort, report)?;
    check_delta(&servers, effort)?;
    everyday::run(&koinon, rival.as_ref(), FLEET, effort, report)?;
    let memory =
        Figure::new("memory, 1,000 instances after all this", "MiB").koinon(proc::rss_mib(koinon.pid())?);
    report.add(match &rival {
        Some(rival) => memory.rival(proc::rss_mib(rival.pid())?).note(note),
        None => memory.note(note),
    });
    Ok(())
}

fn rival(options: &Options, report: &mut Report) -> Result<Option<Server>> {
    if let Some(jar) = &options.eureka_jar {
        return Server::eureka(jar).map(Some);
    }
    report
        .left_out
        .push("the real Eureka server (no --eureka-jar)".into());
    Ok(None)
}

fn heartbeats() -> Operation {
    let requests = (0..FLEET.instances).map(|n| FLEET.heartbeat(n)).collect();
    Operation {
        name: "heartbeat",
        requests,
        ratio_max: HEARTBEAT_RATIO_MAX,
    }
}

fn full_fetch(encoding: Encoding) -> Operation {
    let name = if encoding == Encoding::Gzip {
        "full fetch, gzip"
    } else {
        "full fetch, identity"
    };
    Operation {
        name,
        requests: vec![fetch("/eureka/apps/", encoding)],
        ratio_max: FETCH_RATIO_MAX,
    }
}

fn delta(encoding: Encoding) -> Operation {
    let name = if encoding == Encoding::Gzip {
        "delta fetch, gzip"
    } else {
        "delta fetch, identity"
    };
    Operation {
        name,
        requests: vec![fetch("/eureka/apps/delta", encoding)],
        ratio_max: FETCH_RATIO_MAX,
    }
}

fn warm_up(servers: &[&Server], operations: &[Operation], time: Duration, effort: Effort) -> Result<()> {
    let limit = Limit {
        time,
        ..effort.limit()
    };
    for server in servers {
        for operation in operations {
            warn(&format!("… warming {} up: {}", server.name, operation.name));
            measure(server, &operation.requests, CONNECTIONS, limit)?;
        }
    }
    Ok(())
}

fn rounds(
    koinon: &Server,
    rival: Option<&Server>,
    operations: &[Operation],
    effort: Effort,
    report: &mut Report,
) -> Result<()> {
    let mut all: Vec<Rounds> = operations.iter().map(|_| Rounds::default()).collect();
    for round in 0..effort.rounds {
        for (operation, costs) in operations.iter().zip(&mut all) {
            let rival_first = round % 2 == 1;
            let cost = |server| measure(server, &operation.requests, CONNECTIONS, effort.limit());
            if rival_first {
                costs.rival.extend(rival.map(cost).transpose()?);
            }
            costs.koinon.push(cost(koinon)?);
            if !rival_first {
                costs.rival.extend(rival.map(cost).transpose()?);
            }
        }
    }
    operations
        .iter()
        .zip(&all)
        .for_each(|(operation, costs)| figures(operation, costs, report));
    Ok(())
}

fn figures(operation: &Operation, costs: &Rounds, report: &mut Report) {
    let of = |costs: &[Cost], what: fn(&Cost) -> f64| median(&costs.iter().map(what).collect::<Vec<_>>());
    let both = |name: &str, unit, what: fn(&Cost) -> f64| {
        let figure = Figure::new(format!("{}: {name}", operation.name), unit).koinon(of(&costs.koinon, what));
        if costs.rival.is_empty() {
            figure
        } else {
            figure.rival(of(&costs.rival, what))
        }
    };
    let cpu = both("CPU each", "µs", |cost| cost.cpu_us).bar(Bar::Ratio(operation.ratio_max));
    let pairs = costs.koinon.iter().zip(&costs.rival);
    let ratios: Vec<f64> = pairs.map(|(ours, theirs)| ours.cpu_us / theirs.cpu_us).collect();
    let note = format!(
        "{} rounds, {} ops of ours",
        costs.koinon.len(),
        costs.koinon.iter().map(|c| c.ops).sum::<usize>()
    );
    report.add(if ratios.is_empty() {
        cpu.note(note)
    } else {
        cpu.ratio(median(&ratios)).note(note)
    });
    report.add(both("throughput", "1/s", |cost| cost.ops_per_s));
    report.add(both("latency p50", "µs", |cost| f64::from(cost.p50_us)));
    report.add(both("latency p99", "µs", |cost| f64::from(cost.p99_us)));
    if operation.requests.len() == 1 {
        report.add(both("body", "bytes", |cost| cost.body_len as f64));
    }
}

/// Brings both deltas to the same content: the registrations have aged out and ten instances changed since. Without
/// the patience for that, the deltas hold all instances.
fn settle_delta(servers: &[&Server], effort: Effort) -> Result<String> {
    if !effort.settled_delta {
        return Ok("deltas held every instance".into());
    }
    for server in servers {
        wait_for_delta(server, |count| count == 0)?;
    }
    for server in servers {
        let changes: Vec<Vec<u8>> = (0..CHANGED)
            .map(|n| FLEET.set_status(n, "OUT_OF_SERVICE"))
            .collect();
        each_once(server.eureka, &changes, 1)?;
    }
    for server in servers {
        wait_for_delta(server, |count| count == CHANGED)?;
    }
    Ok(format!("deltas held {CHANGED} instances"))
}

/// The deltas must have been the same to the end, or the figures compare different things.
fn check_delta(servers: &[&Server], effort: Effort) -> Result<()> {
    for server in servers {
        let count = delta_count(server)?;
        if effort.settled_delta && count != CHANGED {
            return Err(Error::Answer {
                request: format!("{}: GET /eureka/apps/delta after the measurement", server.name),
                expected: format!("{CHANGED} instances"),
                got: count.to_string(),
            });
        }
    }
    Ok(())
}

fn wait_for_delta(server: &Server, wanted: impl Fn(usize) -> bool) -> Result<()> {
    let deadline = Instant::now() + DELTA_SETTLES_MAX;
    warn(&format!("… waiting for {}'s delta to settle", server.name));
    let mut count = 0;
    while Instant::now() < deadline {
        count = delta_count(server)?;
        if wanted(count) {
            return Ok(());
        }
        std::thread::sleep(DELTA_POLL);
    }
    Err(Error::Answer {
        request: format!("{}: GET /eureka/apps/delta", server.name),
        expected: format!("a settled delta within {} s", DELTA_SETTLES_MAX.as_secs()),
        got: format!("{count} instances"),
    })
}

fn delta_count(server: &Server) -> Result<usize> {
    let request = fetch("/eureka/apps/delta", Encoding::Identity);
    let body = Connection::new(server.eureka).fetch(&request)?.body;
    Ok(String::from_utf8_lossy(&body).matches("\"instanceId\"").count())
}
