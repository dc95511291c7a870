//! Koinon's store behind its etcd door beside etcd, both on the whole machine and the same disk.
//!
//! Parts: *put*, *get*, *txn*, *lease*, *range* (the operations of every day, closed load), *watch* (a hundred watchers of a
//! busy prefix), *large* (a million keys). Each part starts both servers on empty folders; they are measured in turns,
//! and the one that is not is stopped. docs/performance/kv.md says why neither is bound to a core.

mod engine;
mod everyday;
mod floor;
mod h2;
mod large;
mod load;
mod pair;
mod servers;
mod watch;
mod wire;
mod work;

use std::time::Duration;

use crate::error::{Error, Result};
use crate::options::Options;
use crate::report::{KOINON, Report};
use servers::{ETCD, NAMES};

/// What the disk alone takes.
const FLOOR: &str = "floor";

/// How long and how often things are measured.
#[derive(Debug, Clone, Copy)]
struct Effort {
    /// One measured phase; the kernel counts CPU time in steps of 10 ms.
    phase: Duration,
    rounds: usize,
    /// Keys of the large store.
    large: usize,
    restarts: usize,
}

const FULL: Effort = Effort {
    phase: Duration::from_secs(3),
    rounds: 5,
    large: 1_000_000,
    restarts: 3,
};

const QUICK: Effort = Effort {
    phase: Duration::from_millis(500),
    rounds: 2,
    large: 20_000,
    restarts: 1,
};

type Part = fn(&Options, Effort, &mut Report) -> Result<()>;

const PARTS: [(&str, Part); 7] = [
    ("put", everyday::put),
    ("get", everyday::get),
    ("txn", everyday::txn),
    ("lease", everyday::lease),
    ("range", everyday::range),
    ("watch", watch::run),
    ("large", large::run),
];

pub(crate) fn run(options: &Options) -> Result<Report> {
    check(options)?;
    let mut effort = if options.quick { QUICK } else { FULL };
    effort.rounds = options.rounds.unwrap_or(effort.rounds);
    let mut report = Report::new("kv", options.quick, &[KOINON, ETCD, FLOOR]);
    for name in NAMES {
        if !options.wants_server(name) {
            report.left_out.push(format!("{name} (not among --server)"));
        }
    }
    for (name, part) in PARTS {
        if options.wants(name) {
            part(options, effort, &mut report)?;
        } else {
            report.left_out.push(format!("{name} (not among --only)"));
        }
    }
    Ok(report)
}

/// A misspelt name would leave everything out and call that a success.
fn check(options: &Options) -> Result<()> {
    let part = |name: &String| PARTS.iter().any(|(part, _)| part == name);
    let server = |name: &String| NAMES.contains(&name.as_str());
    let unknown = options.only.iter().find(|name| !part(name));
    match unknown.or_else(|| options.servers.iter().find(|name| !server(name))) {
        None => Ok(()),
        Some(name) => Err(Error::Usage(format!(
            "there is no `{name}` in kv; parts are {}, servers {}",
            PARTS.map(|(part, _)| part).join(", "),
            NAMES.join(", ")
        ))),
    }
}
