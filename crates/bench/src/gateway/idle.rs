//! What a silent connection costs: memory of the proxy for each of thousands that have had their answer and stay.

use std::time::Duration;

use super::Effort;
use super::engine::Engine;
use super::load::{PATH, closed};
use super::message::request;
use super::proxies::{Proxy, SPRING};
use crate::error::Result;
use crate::proc;
use crate::report::{Bar, Figure, Report, warn};

const KIB_MAX: f64 = 8.0;
const WARM_CONNECTIONS: usize = 64;
/// Time to notice that a connection is silent and to give its buffers back.
const SETTLE: Duration = Duration::from_secs(3);

pub(super) fn run(proxies: &[Proxy], engine: &mut Engine, effort: Effort, report: &mut Report) -> Result<()> {
    warn(&format!("… memory of {} silent connections", effort.silent));
    let mut figure = Figure::new("memory for each silent connection", "KiB");
    for proxy in proxies.iter().filter(|proxy| proxy.name != SPRING) {
        closed(engine, proxy, WARM_CONNECTIONS, effort.phase)?;
        let grown = proxy.awake(engine, |engine| grown_mib(proxy, engine, effort.silent))?;
        figure = figure.of(proxy.name, grown * 1024.0 / effort.silent as f64);
    }
    report.add(
        figure
            .bar(Bar::Value(KIB_MAX))
            .note(format!("{} connections, each answered once", effort.silent)),
    );
    Ok(())
}

fn grown_mib(proxy: &Proxy, engine: &mut Engine, connections: usize) -> Result<f64> {
    engine.idle(SETTLE)?;
    let before = proc::rss_mib(proxy.pid)?;
    let bytes = request(proxy.address, PATH);
    for client in 0..connections {
        engine.connect(proxy.address, 1)?;
        engine.ask(client, &bytes)?;
    }
    engine.idle(SETTLE)?;
    Ok(proc::rss_mib(proxy.pid)? - before)
}
