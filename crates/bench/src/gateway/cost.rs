//! What a request costs each proxy, taking turns under the same closed load.
//!
//! Each round measures every proxy, and who goes first changes with the round. A ratio is taken within a round, so that
//! a machine that slows down slows both sides of it; the table shows the medians of the rounds.

use std::time::Instant;

use super::Effort;
use super::engine::Engine;
use super::load::{Patience, Phase, closed, undisturbed};
use super::proxies::{HAPROXY, NGINX, Proxy, SPRING};
use crate::error::Result;
use crate::proc;
use crate::report::{Bar, Figure, KOINON, Report, warn};
use crate::stats::median;

const CONNECTIONS: [usize; 2] = [64, 256];
/// What Koinon's CPU time for each request may be of another's.
const BARS: [(&str, &str, f64); 3] = [
    (HAPROXY, "  of HAProxy's", 1.05),
    (NGINX, "  of nginx's", 1.0),
    (SPRING, "  of Spring Cloud Gateway's", 0.25),
];
/// A warm-up is looked at in so many slices at most.
const SLICES_MAX: u32 = 24;
/// Slices on both sides of a comparison: a JVM is warm when the later ones are no cheaper than those before them.
const COMPARED: usize = 3;
/// Cheaper by less than this is noise.
const CHEAPER: f64 = 0.97;
/// Both endpoints must have had their share, or what was measured was no balancing.
const SHARE_MIN: f64 = 0.45;

/// The rounds of one proxy at one number of connections.
struct Series {
    name: &'static str,
    connections: usize,
    phases: Vec<Phase>,
}

pub(super) fn run(proxies: &[Proxy], engine: &mut Engine, effort: Effort, report: &mut Report) -> Result<()> {
    for proxy in proxies {
        warm_up(proxy, engine, effort, report)?;
    }
    let mut all: Vec<Series> = CONNECTIONS
        .into_iter()
        .flat_map(|connections| proxies.iter().map(move |proxy| (proxy.name, connections)))
        .map(|(name, connections)| Series {
            name,
            connections,
            phases: Vec::new(),
        })
        .collect();
    let patience = &mut Patience::new();
    for round in 0..effort.rounds {
        warn(&format!("… round {} of {}", round + 1, effort.rounds));
        for series in &mut all {
            // Whose turn it is at this place of the round; every proxy comes to stand at every place.
            let at = proxies.iter().position(|proxy| proxy.name == series.name);
            let proxy = &proxies[at.unwrap_or(0)];
            series
                .phases
                .push(one(proxy, engine, series.connections, (effort, patience))?);
        }
        all.rotate_left(1);
    }
    for connections in CONNECTIONS {
        let of: Vec<&Series> = all.iter().filter(|s| s.connections == connections).collect();
        figures(&of, connections, report);
    }
    report.add(memory(proxies)?);
    Ok(())
}

/// Until a JVM has compiled what it runs often, which shows in what a request costs; the others are ready at once.
fn warm_up(proxy: &Proxy, engine: &mut Engine, effort: Effort, report: &mut Report) -> Result<()> {
    warn(&format!("… warming {} up", proxy.name));
    if proxy.name != SPRING {
        return closed(engine, proxy, CONNECTIONS[0], effort.phase).map(drop);
    }
    let started = Instant::now();
    let (mut costs, mut ops) = (Vec::new(), 0);
    while costs.len() < SLICES_MAX as usize && !has_settled(&costs) {
        let slice = closed(engine, proxy, CONNECTIONS[0], effort.warm_up / SLICES_MAX)?;
        warn(&format!("  {}: {slice}", proxy.name));
        costs.push(slice.cpu_us);
        ops += slice.ops;
    }
    let settled = if has_settled(&costs) {
        "settled"
    } else {
        "NOT settled"
    };
    let note = format!("{settled}, {ops} requests in {} slices", costs.len());
    let figure = Figure::new("warm-up", "s").of(proxy.name, started.elapsed().as_secs_f64());
    report.add(figure.note(note));
    Ok(())
}

/// Whether requests have stopped becoming cheaper.
fn has_settled(costs: &[f64]) -> bool {
    let Some(last) = costs.len().checked_sub(2 * COMPARED).map(|at| &costs[at..]) else {
        return false;
    };
    let (before, after) = last.split_at(COMPARED);
    median(after) >= median(before) * CHEAPER
}

fn one(
    proxy: &Proxy,
    engine: &mut Engine,
    connections: usize,
    (effort, patience): (Effort, &mut Patience),
) -> Result<Phase> {
    let before = engine.requests();
    let what = format!("{} at {connections}", proxy.name);
    let phase = undisturbed(&what, engine, patience, |engine| {
        closed(engine, proxy, connections, effort.phase)
    })?;
    let counts: Vec<u64> = engine
        .requests()
        .iter()
        .zip(before)
        .map(|(after, before)| after - before)
        .collect();
    let total: u64 = counts.iter().sum();
    let least = counts.iter().min().copied().unwrap_or(0);
    if (least as f64) < total as f64 / counts.len() as f64 * 2.0 * SHARE_MIN {
        warn(&format!(
            "warning: {} did not balance evenly: {counts:?}",
            proxy.name
        ));
    }
    Ok(phase)
}

fn figures(of: &[&Series], connections: usize, report: &mut Report) {
    let figure = |what: &str, unit, value: fn(&Phase) -> f64| {
        let name = format!("{connections} connections: {what}");
        of.iter().fold(Figure::new(name, unit), |figure, series| {
            let values: Vec<f64> = series.phases.iter().map(value).collect();
            figure.of(series.name, median(&values))
        })
    };
    let rounds = of.first().map_or(0, |series| series.phases.len());
    report.add(figure("CPU each", "µs", |phase| phase.cpu_us).note(format!("{rounds} rounds")));
    let named = |name| of.iter().find(|series| series.name == name);
    for (rival, what, most) in BARS {
        let (Some(ours), Some(theirs)) = (named(KOINON), named(rival)) else {
            continue;
        };
        let pairs = ours.phases.iter().zip(&theirs.phases);
        let ratios: Vec<f64> = pairs.map(|(ours, theirs)| ours.cpu_us / theirs.cpu_us).collect();
        let figure = Figure::new(what, "").ratio(median(&ratios)).bar(Bar::Ratio(most));
        report.add(figure.note(spread(&ratios)));
    }
    report.add(figure("throughput", "1/s", |phase| phase.per_second));
    report.add(figure("latency p50", "µs", |phase| f64::from(phase.p50_us)));
    report.add(figure("latency p99", "µs", |phase| f64::from(phase.p99_us)));
    let busy = figure("how busy the load was", "%", |phase| phase.load_busy * 100.0);
    report.add(busy.note("at 100 the proxy waits for it"));
}

fn spread(ratios: &[f64]) -> String {
    let least = ratios.iter().copied().fold(f64::INFINITY, f64::min);
    let most = ratios.iter().copied().fold(0.0, f64::max);
    format!("rounds from {least:.3} to {most:.3}")
}

fn memory(proxies: &[Proxy]) -> Result<Figure> {
    let figure = Figure::new("memory after this load", "MiB");
    proxies.iter().try_fold(figure, |figure, proxy| {
        Ok(figure.of(proxy.name, proc::rss_mib(proxy.pid)?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects: a JVM that still compiles is not measured, and noise does not keep a warm one waiting for ever.
    #[test]
    fn warm_is_who_becomes_no_cheaper() {
        assert!(!has_settled(&[300.0; 5]));
        assert!(!has_settled(&[2000.0, 900.0, 400.0, 350.0, 330.0, 310.0]));
        assert!(has_settled(&[2000.0, 310.0, 305.0, 301.0, 299.0, 307.0, 302.0]));
        assert!(has_settled(&[300.0, 300.0, 300.0, 299.0, 900.0, 298.0]));
    }
}
