//! The operations of every day, each on both servers in turns: put, get, txn, lease grant + put, range.

use super::Effort;
use super::floor;
use super::load::{Clients, Patience, closed};
use super::pair::{Bars, figures, rounds, say_disturbed, start};
use super::wire::Read;
use super::work::{Kind, Work};
use crate::error::Result;
use crate::options::Options;
use crate::report::Report;

/// Keys that the operations visit.
const KEYS: usize = 100_000;

/// An operation by so many clients.
#[derive(Debug, Clone, Copy)]
struct Case {
    what: &'static str,
    kind: Kind,
    clients: usize,
    bars: Bars,
}

const fn case(what: &'static str, kind: Kind, clients: usize, cpu: f64) -> Case {
    let bars = Bars {
        cpu: Some(cpu),
        throughput: None,
        p50: None,
    };
    Case {
        what,
        kind,
        clients,
        bars,
    }
}

const PUT_CPU: f64 = 0.55;
const GET_CPU: f64 = 0.18;
const TXN_CPU: f64 = 0.3;
const LEASE_CPU: f64 = 0.3;
const PUT_THROUGHPUT: f64 = 1.4;
const PUT_P50: f64 = 0.9;

pub(super) fn put(options: &Options, effort: Effort, report: &mut Report) -> Result<()> {
    let mut one = case("put, 1 client", Kind::Put, 1, PUT_CPU);
    one.bars.p50 = Some(PUT_P50);
    let mut hundred = case("put, 100 clients", Kind::Put, 100, PUT_CPU);
    hundred.bars.throughput = Some(PUT_THROUGHPUT);
    let thousand = case("put, 1,000 clients", Kind::Put, 1_000, PUT_CPU);
    floor::run(options, report)?;
    part("put", &[one, hundred, thousand], options, effort, report)
}

pub(super) fn get(options: &Options, effort: Effort, report: &mut Report) -> Result<()> {
    let linearizable = Kind::Get(Read::Linearizable);
    let serializable = Kind::Get(Read::Serializable);
    let cases = [
        case("linearizable get, 100 clients", linearizable, 100, GET_CPU),
        case("linearizable get, 1,000 clients", linearizable, 1_000, GET_CPU),
        case("serializable get, 100 clients", serializable, 100, GET_CPU),
        case("serializable get, 1,000 clients", serializable, 1_000, GET_CPU),
    ];
    part("get", &cases, options, effort, report)
}

pub(super) fn txn(options: &Options, effort: Effort, report: &mut Report) -> Result<()> {
    let cases = [
        case("txn, 100 clients", Kind::Txn, 100, TXN_CPU),
        case("txn, 1,000 clients", Kind::Txn, 1_000, TXN_CPU),
    ];
    part("txn", &cases, options, effort, report)
}

pub(super) fn lease(options: &Options, effort: Effort, report: &mut Report) -> Result<()> {
    let case = case(
        "lease grant + put, 100 clients",
        Kind::LeaseAndPut,
        100,
        LEASE_CPU,
    );
    part("lease", &[case], options, effort, report)
}

pub(super) fn range(options: &Options, effort: Effort, report: &mut Report) -> Result<()> {
    let case = Case {
        what: "range of 1,000 keys, 10 clients",
        kind: Kind::Range,
        clients: 10,
        bars: Bars::default(),
    };
    part("range", &[case], options, effort, report)
}

fn part(name: &str, cases: &[Case], options: &Options, effort: Effort, report: &mut Report) -> Result<()> {
    let servers = start(options)?;
    for server in &servers {
        server.fill(KEYS)?;
    }
    let mut patience = Patience::new();
    for case in cases {
        let measured = rounds(case.what, &servers, effort, &mut patience, |server| {
            let mut work = Work::new(case.kind, KEYS);
            closed(server, Clients::new(case.clients), &mut work, effort.phase)
        })?;
        figures(case.what, &measured, case.bars, report);
    }
    say_disturbed(name, &patience, report);
    Ok(())
}
