//! How long a request takes at a fixed rate: 70 % of what HAProxy does at most, for HAProxy and Koinon in turns.

use super::Effort;
use super::engine::Engine;
use super::load::{Patience, Phase, closed, open, undisturbed};
use super::proxies::{HAPROXY, Proxy};
use crate::error::Result;
use crate::report::{Bar, Figure, KOINON, Report, warn};
use crate::stats::median;

const CONNECTIONS: usize = 64;
const OF_THROUGHPUT: f64 = 0.7;
const P99_RATIO_MAX: f64 = 1.1;

pub(super) fn run(proxies: &[Proxy], engine: &mut Engine, effort: Effort, report: &mut Report) -> Result<()> {
    let Some(haproxy) = proxies.iter().find(|proxy| proxy.name == HAPROXY) else {
        report
            .left_out
            .push("pace: its rate is a part of HAProxy's".into());
        return Ok(());
    };
    let patience = &mut Patience::new();
    let most: Vec<f64> = (0..3)
        .map(|_| {
            let phase = undisturbed("haproxy at most", engine, patience, |engine| {
                closed(engine, haproxy, CONNECTIONS, effort.phase)
            })?;
            Ok(phase.per_second)
        })
        .collect::<Result<_>>()?;
    let rate = median(&most) * OF_THROUGHPUT;
    warn(&format!("… pace: {rate:.0} requests each second"));
    // Nobody expects a JVM to keep this pace.
    let measured: Vec<&Proxy> = proxies
        .iter()
        .filter(|proxy| proxy.name != super::proxies::SPRING)
        .collect();
    let mut all: Vec<(&Proxy, Vec<Phase>)> = measured.into_iter().map(|proxy| (proxy, Vec::new())).collect();
    for _ in 0..effort.rounds {
        for (proxy, phases) in &mut all {
            let phase = undisturbed(proxy.name, engine, patience, |engine| {
                open(engine, proxy, (CONNECTIONS, rate), effort.phase)
            })?;
            phases.push(phase);
        }
        all.rotate_left(1);
    }
    let figure = |what: &str, unit, value: fn(&Phase) -> f64| {
        let name = format!("at {rate:.0}/s: {what}");
        all.iter()
            .fold(Figure::new(name, unit), |figure, (proxy, phases)| {
                figure.of(proxy.name, median(&phases.iter().map(value).collect::<Vec<_>>()))
            })
    };
    report.add(figure("latency p50", "µs", |phase| f64::from(phase.p50_us)));
    report.add(figure("latency p99", "µs", |phase| f64::from(phase.p99_us)));
    let phases_of = |name| {
        all.iter()
            .find(|(proxy, _)| proxy.name == name)
            .map(|(_, phases)| phases)
    };
    if let (Some(ours), Some(theirs)) = (phases_of(KOINON), phases_of(HAPROXY)) {
        let pairs = ours.iter().zip(theirs);
        let ratios: Vec<f64> = pairs
            .map(|(ours, theirs)| f64::from(ours.p99_us) / f64::from(theirs.p99_us.max(1)))
            .collect();
        let figure = Figure::new("  of HAProxy's", "").ratio(median(&ratios));
        report.add(figure.bar(Bar::Ratio(P99_RATIO_MAX)));
    }
    report.add(figure("CPU each", "µs", |phase| phase.cpu_us));
    Ok(())
}
