//! `koinon dev` on an empty data directory: how soon it is ready and what it holds while idle.

use std::thread;
use std::time::Duration;

use super::Effort;
use crate::error::Result;
use crate::options::Options;
use crate::proc;
use crate::report::{Bar, Figure, Report};
use crate::server::Server;
use crate::stats::median;

const IDLE_RSS_MIB_MAX: f64 = 60.0;
const READY_MS_MAX: f64 = 300.0;
/// What a start leaves to do is done by then; the figure is of rest, so this sleep is the measurement itself.
const SETTLE: Duration = Duration::from_secs(2);

pub(super) fn run(options: &Options, effort: Effort, report: &mut Report) -> Result<()> {
    let mut ready_ms = Vec::new();
    let mut idle_mib = Vec::new();
    for _ in 0..effort.starts {
        let server = Server::koinon(&options.koinon)?;
        ready_ms.push(server.start.as_secs_f64() * 1000.0);
        thread::sleep(SETTLE);
        idle_mib.push(proc::rss_mib(server.pid())?);
    }
    let note = format!("median of {}", effort.starts);
    let ready = Figure::new("dev: start to /readyz 200", "ms").koinon(median(&ready_ms));
    report.add(ready.bar(Bar::Value(READY_MS_MAX)).note(&note));
    let idle = Figure::new("dev: memory while idle", "MiB").koinon(median(&idle_mib));
    report.add(idle.bar(Bar::Value(IDLE_RSS_MIB_MAX)).note(&note));
    Ok(())
}
