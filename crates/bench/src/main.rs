//! Benchmarks that drive Koinon and the system it stands in for in one run, alternating, on the same machine.
//!
//! Why in one run: a figure from another day or box says nothing about the ratio. What counts is the CPU time the
//! server spends for each operation, read from the kernel, because throughput on a shared box mostly measures the
//! load generator. `cargo xtask bench NAME` builds everything as it ships and starts this.

mod canned;
mod error;
mod gateway;
mod http;
mod instance;
mod kv;
mod load;
mod options;
mod proc;
mod registry;
mod report;
mod server;
mod stats;

use std::process::ExitCode;

use error::{Error, Result};
use options::{Options, Output};

/// sysexits(3): the command was used incorrectly.
const EX_USAGE: u8 = 64;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match run(&args) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            report::warn(&format!("error: {}", error.chain()));
            ExitCode::from(if matches!(error, Error::Usage(_)) {
                EX_USAGE
            } else {
                1
            })
        }
    }
}

/// Whether every bar was met.
fn run(args: &[String]) -> Result<bool> {
    // A part of this program, not of its command line: the server that `registry` starts for comparison.
    if args == ["canned"] {
        return canned::serve().map(|()| true);
    }
    let options = Options::parse(args)?;
    let report = match options.scenario.as_str() {
        "gateway" => gateway::run(&options)?,
        "kv" => kv::run(&options)?,
        "registry" => registry::run(&options)?,
        other => {
            return Err(Error::Usage(format!(
                "unknown scenario `{other}`; there are gateway, kv and registry"
            )));
        }
    };
    match options.output {
        Output::Table => report.table().iter().for_each(|line| report::say(line)),
        Output::Json => report::say(&report.json()),
    }
    Ok(report.all_met())
}
