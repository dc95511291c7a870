//! The same load on both servers, in turns, and the figures of it.
//!
//! Who goes first changes with the round. A ratio is taken within a round, so that a machine that slows down slows both
//! sides of it; the table shows the medians of the rounds, and each round's ratio beside the CPU time.

use super::Effort;
use super::load::{Patience, Phase, undisturbed};
use super::servers::{ETCD, NAMES, Server};
use crate::error::Result;
use crate::options::Options;
use crate::report::{Bar, Figure, KOINON, Report, warn};
use crate::stats::median;

/// Those that are measured, in the order of [`NAMES`].
pub(super) fn start(options: &Options) -> Result<Vec<Server>> {
    let wanted = NAMES.into_iter().filter(|name| options.wants_server(name));
    wanted.map(|name| Server::start(name, options)).collect()
}

/// What Koinon's figures must hold beside etcd's.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Bars {
    pub(super) cpu: Option<f64>,
    pub(super) throughput: Option<f64>,
    pub(super) p50: Option<f64>,
}

/// The phases of a server, one for each round.
#[derive(Debug)]
pub(super) struct Rounds {
    pub(super) name: &'static str,
    pub(super) phases: Vec<Phase>,
}

/// Measures every server in every round.
pub(super) fn rounds(
    what: &str,
    servers: &[Server],
    effort: Effort,
    patience: &mut Patience,
    mut measure: impl FnMut(&Server) -> Result<Phase>,
) -> Result<Vec<Rounds>> {
    let mut all: Vec<Rounds> = servers
        .iter()
        .map(|server| Rounds {
            name: server.name,
            phases: Vec::new(),
        })
        .collect();
    warn(&format!("… {what}"));
    for round in 0..effort.rounds {
        for turn in 0..servers.len() {
            let index = (round + turn) % servers.len();
            let server = &servers[index];
            let phase = undisturbed(server.name, patience, || measure(server))?;
            all[index].phases.push(phase);
        }
    }
    Ok(all)
}

/// Koinon's value divided by etcd's, round by round; none when one of them was not measured.
pub(super) fn quotients(rounds: &[Rounds], of: fn(&Phase) -> f64) -> Vec<f64> {
    let phases = |name: &str| rounds.iter().find(|rounds| rounds.name == name);
    let (Some(koinon), Some(etcd)) = (phases(KOINON), phases(ETCD)) else {
        return Vec::new();
    };
    let pairs = koinon.phases.iter().zip(&etcd.phases);
    pairs
        .filter(|(_, etcd)| of(etcd) > 0.0)
        .map(|(koinon, etcd)| of(koinon) / of(etcd))
        .collect()
}

/// A figure of all rounds.
pub(super) fn figure(what: &str, unit: &'static str, rounds: &[Rounds], of: fn(&Phase) -> f64) -> Figure {
    let mut figure = Figure::new(what, unit);
    for rounds in rounds {
        let values: Vec<f64> = rounds.phases.iter().map(of).collect();
        figure = figure.of(rounds.name, median(&values));
    }
    let quotients = quotients(rounds, of);
    if quotients.is_empty() {
        return figure;
    }
    let each: Vec<String> = quotients.iter().map(|ratio| format!("{ratio:.2}")).collect();
    figure.ratio(median(&quotients)).note(each.join(" "))
}

/// The figures of an operation.
pub(super) fn figures(what: &str, rounds: &[Rounds], bars: Bars, report: &mut Report) {
    let with =
        |figure: Figure, bar: Option<Bar>| bar.map_or_else(|| figure.clone(), |bar| figure.clone().bar(bar));
    let cpu = figure(&format!("{what}: CPU each"), "µs", rounds, |phase| phase.cpu_us);
    report.add(with(cpu, bars.cpu.map(Bar::Ratio)));
    let throughput = figure("  throughput", "1/s", rounds, |phase| phase.per_second);
    report.add(with(throughput, bars.throughput.map(Bar::RatioMin)));
    let p50 = figure("  p50", "µs", rounds, |phase| phase.p50_us);
    report.add(with(p50, bars.p50.map(Bar::Ratio)));
    report.add(figure("  p99", "µs", rounds, |phase| phase.p99_us));
    report.add(figure("  p99.9", "µs", rounds, |phase| phase.p999_us));
}

/// Says how many phases of a part were disturbed.
pub(super) fn say_disturbed(part: &str, patience: &Patience, report: &mut Report) {
    if patience.disturbed > 0 {
        report.left_out.push(format!(
            "quiet: others used more than a tenth of a core in {} of the {} phases of {part}",
            patience.disturbed, patience.phases
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phases(name: &'static str, cpu: &[f64]) -> Rounds {
        let phase = |cpu_us: &f64| Phase {
            cpu_us: *cpu_us,
            ..Phase::default()
        };
        Rounds {
            name,
            phases: cpu.iter().map(phase).collect(),
        }
    }

    /// Protects: a ratio is one of the same round, and is none when one side was not measured.
    #[test]
    fn ratios_are_taken_within_a_round() {
        let koinon = phases(KOINON, &[10.0, 40.0, 10.0]);
        let etcd = phases(ETCD, &[20.0, 80.0, 10.0]);
        let both = [koinon, etcd];
        assert_eq!(quotients(&both, |phase| phase.cpu_us), [0.5, 0.5, 1.0]);
        assert_eq!(figure("x", "µs", &both, |phase| phase.cpu_us).ratio, Some(0.5));
        assert_eq!(figure("x", "µs", &both[..1], |phase| phase.cpu_us).ratio, None);
    }
}
