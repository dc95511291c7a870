//! The same load on Koinon and on the real Eureka server, taking turns, 1,000 instances of 20 services in each.
//!
//! Each round measures every operation on both, and who goes first changes with the round. The ratio of a round is taken
//! within the round, so that a machine that slows down slows both; the table shows the median of the rounds.

use std::time::Duration;

use super::operation::{Operation, Rounds};
use super::{CONNECTIONS, EUREKA, Effort, delta, everyday};
use crate::error::Result;
use crate::instance::{Encoding, Fleet};
use crate::load::each_once;
use crate::options::Options;
use crate::proc;
use crate::report::{Figure, Report, warn};
use crate::server::Server;

const FLEET: Fleet = Fleet {
    instances: 1000,
    services: 20,
};
const APPS: &str = "/eureka/apps/";
const DELTA: &str = "/eureka/apps/delta";

struct Pair {
    koinon: Server,
    rival: Option<Server>,
    canned: Server,
}

pub(super) fn run(options: &Options, effort: Effort, report: &mut Report) -> Result<()> {
    let pair = Pair::start(options, report)?;
    let registrations: Vec<Vec<u8>> = (0..FLEET.instances).map(|n| FLEET.register(n)).collect();
    for server in pair.servers() {
        each_once(server.eureka, &registrations, CONNECTIONS)?;
    }
    let first = [
        Operation::heartbeats(FLEET),
        Operation::fetch("full fetch, gzip", APPS, Encoding::Gzip),
        Operation::fetch("full fetch, identity", APPS, Encoding::Identity),
    ];
    pair.warm_up(&first, effort.warm_up, effort)?;
    pair.measure(&first, effort, report, |_| Ok(()))?;

    let deltas = [
        Operation::fetch("delta fetch, gzip", DELTA, Encoding::Gzip),
        Operation::fetch("delta fetch, identity", DELTA, Encoding::Identity),
    ];
    if effort.settled_delta {
        delta::settle(&pair.servers(), FLEET)?;
    }
    // Short: the same code is warm already.
    pair.warm_up(&deltas, effort.warm_up / 4, effort)?;
    pair.measure(&deltas, effort, report, |round| {
        delta::touch(&pair.servers(), FLEET, round + 1)
    })?;
    delta::check(&pair.servers(), effort)?;
    everyday::run(&pair.koinon, pair.rival.as_ref(), FLEET, effort, report)?;
    report.add(pair.memory()?.note(delta::note(effort)));
    Ok(())
}

impl Pair {
    fn start(options: &Options, report: &mut Report) -> Result<Self> {
        if options.eureka_jar.is_none() {
            report
                .left_out
                .push("the real Eureka server (no --eureka-jar)".into());
        }
        Ok(Self {
            koinon: Server::koinon(&options.koinon)?,
            rival: options.eureka_jar.as_deref().map(Server::eureka).transpose()?,
            canned: Server::canned()?,
        })
    }

    fn servers(&self) -> Vec<&Server> {
        std::iter::once(&self.koinon).chain(&self.rival).collect()
    }

    fn warm_up(&self, operations: &[Operation], time: Duration, effort: Effort) -> Result<()> {
        for server in self.servers() {
            for operation in operations {
                warn(&format!("… warming {} up: {}", server.name, operation.name));
                operation.warm_up(server, time, effort)?;
            }
        }
        Ok(())
    }

    fn measure(
        &self,
        operations: &[Operation],
        effort: Effort,
        report: &mut Report,
        before_round: impl Fn(usize) -> Result<()>,
    ) -> Result<()> {
        let mut all: Vec<Rounds> = operations.iter().map(|_| Rounds::default()).collect();
        for round in 0..effort.rounds {
            warn(&format!("… round {} of {}", round + 1, effort.rounds));
            before_round(round)?;
            for (operation, rounds) in operations.iter().zip(&mut all) {
                let servers = (&self.koinon, self.rival.as_ref());
                operation.round(servers, round % 2 == 1, effort, rounds)?;
            }
        }
        let mut both = operations.iter().zip(&all);
        both.try_for_each(|(operation, rounds)| operation.report(rounds, &self.canned, effort, report))
    }

    fn memory(&self) -> Result<Figure> {
        let figure = Figure::new("memory, 1,000 instances after all this", "MiB");
        let figure = figure.koinon(proc::rss_mib(self.koinon.pid())?);
        match &self.rival {
            Some(rival) => Ok(figure.of(EUREKA, proc::rss_mib(rival.pid())?)),
            None => Ok(figure),
        }
    }
}
