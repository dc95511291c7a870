//! `cargo xtask`: everything the project automates, in one small program without dependencies.
//!
//! Why a program and not scripts: the checks have rules with reasons (the map's arrows, the tally of a test
//! run) that deserve types and tests of their own, and a newcomer has cargo but maybe no particular shell.
//! This file is the table of contents; each command lives in the module of its name.

mod arrows;
mod bench;
mod check;
mod compat;
mod duplicates;
mod error;
mod fix;
mod fuzz;
mod generated;
mod json;
mod proxies;
mod shell;
mod soak;
mod sources;
mod suites;
mod tally;
mod test;
mod tools;
mod verify;
mod workspace;

use std::process::ExitCode;

use error::{Error, Result};
use shell::{say, warn};

const USAGE: &str = "\
cargo xtask COMMAND

  verify [CHECK…]                  read-only checks: format, lints, docs, arrows, sources, licences
  fix                              format, apply lint suggestions, rewrite generated documents
  test [SUITE…] [--without NAME]   everything a push must pass, or the suites named
  soak [--minutes N]               long runs: fuzz growth, repeated compatibility stories
  bench NAME [ARGS…]               side by side with the rival, e.g. `bench gateway --quick`
";

/// sysexits(3): the command was used incorrectly.
const EX_USAGE: u8 = 64;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Error::Usage(problem)) => {
            warn(&format!("error: {problem}\n\n{USAGE}"));
            ExitCode::from(EX_USAGE)
        }
        Err(failure) => {
            warn(&format!("error: {failure}"));
            ExitCode::FAILURE
        }
    }
}

fn dispatch(args: &[String]) -> Result<()> {
    let (command, rest) = args
        .split_first()
        .map_or(("help", args), |(first, rest)| (first.as_str(), rest));
    match command {
        "verify" => verify::main(rest),
        "fix" => fix::main(rest),
        "test" => test::main(rest),
        "soak" => soak::main(rest),
        "bench" => bench::main(rest),
        "help" | "--help" | "-h" => {
            say(USAGE);
            Ok(())
        }
        other => Err(Error::Usage(format!("unknown command `{other}`"))),
    }
}
