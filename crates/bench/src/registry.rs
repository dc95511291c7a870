//! The registry beside a real Spring Cloud Eureka server.
//!
//! Four parts: *pair* (the same load on both, alternating), *watch* (how soon a watcher knows), *scale* (100,000
//! instances: memory, and the cost of a heartbeat as the registry grows) and *start* (start to ready, idle memory).

mod delta;
mod everyday;
mod operation;
mod pair;
mod scale;
mod start;
mod watch;

use std::time::Duration;

use crate::error::Result;
use crate::load::Limit;
use crate::options::Options;
use crate::report::{KOINON, Report, warn};

const EUREKA: &str = "eureka";
/// What a server that only sends prepared bytes costs.
const CANNED: &str = "canned";

/// How long and how often things are measured.
#[derive(Debug, Clone, Copy)]
struct Effort {
    /// Time for a JVM to compile what it runs often.
    warm_up: Duration,
    /// One measured phase as fast as it goes.
    phase: Duration,
    /// One measured phase at a steady pace; longer, because a server that does little needs time to use CPU time.
    paced_phase: Duration,
    rounds: usize,
    changes: usize,
    starts: usize,
    /// Instances of the large fleet.
    large: usize,
    /// Samples of the rival's time from a change to a reader; each takes up to its cache's 30 s.
    polls: usize,
    /// Whether to wait until the registrations have left the delta.
    settled_delta: bool,
}

const FULL: Effort = Effort {
    warm_up: Duration::from_secs(20),
    phase: Duration::from_secs(2),
    paced_phase: Duration::from_secs(5),
    rounds: 5,
    changes: 500,
    starts: 5,
    large: 100_000,
    polls: 3,
    settled_delta: true,
};

const QUICK: Effort = Effort {
    warm_up: Duration::from_secs(2),
    phase: Duration::from_millis(500),
    paced_phase: Duration::from_secs(1),
    rounds: 2,
    changes: 50,
    starts: 2,
    large: 10_000,
    polls: 1,
    settled_delta: false,
};

/// Operations after which a phase ends whatever its time.
const PHASE_OPS_MAX: usize = 2_000_000;
/// Enough to keep two cores busy, few enough that the generator's threads do not crowd the server out.
const CONNECTIONS: usize = 8;

impl Effort {
    fn limit(self) -> Limit {
        Limit {
            time: self.phase,
            ops: PHASE_OPS_MAX,
        }
    }
}

pub(crate) fn run(options: &Options) -> Result<Report> {
    let effort = if options.quick { QUICK } else { FULL };
    let mut report = Report::new("registry", options.quick, &[KOINON, EUREKA, CANNED]);
    type Part = fn(&Options, Effort, &mut Report) -> Result<()>;
    let parts: [(&str, Part); 4] = [
        ("start", start::run),
        ("pair", pair::run),
        ("watch", watch::run),
        ("scale", scale::run),
    ];
    for (name, part) in parts {
        if options.wants(name) {
            warn(&format!("… {name}"));
            part(options, effort, &mut report)?;
        } else {
            report.left_out.push(format!("{name} (not among --only)"));
        }
    }
    Ok(report)
}
