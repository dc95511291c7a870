//! `cargo xtask soak`: long runs that a push does not wait for: every fuzz target grows its corpus, the gateway is loaded
//! while its instances fail, the store is crashed and killed, then the compatibility stories repeat. Chance is welcome here: what it finds becomes a committed input or a test.

use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::fuzz;
use crate::shell::{Cmd, say};
use crate::suites::{SUITES, Suite};
use crate::tally::Tally;
use crate::workspace::Workspace;

/// For each fuzz target, and again for the stories.
const MINUTES_DEFAULT: u64 = 30;
const MINUTES_MAX: u64 = 24 * 60;
/// Even if the stories became instant, a soak ends.
const ROUNDS_MAX: usize = 1000;
/// Faults of 30 s each, some gigabytes of bodies, and building both.
const GATEWAY_LIMIT: Duration = Duration::from_secs(30 * 60);

/// Stores on the simulated disk, each with four lives.
const STORE_SEEDS: &str = "3000";
/// Processes that are killed while they write.
const STORE_KILLS: &str = "500";
/// Both take some ten minutes, and building them five.
const STORE_LIMIT: Duration = Duration::from_secs(60 * 60);

pub(crate) fn main(args: &[String]) -> Result<()> {
    let minutes = parse(args)?;
    let workspace = Workspace::load()?;
    fuzz::grow(&workspace, minutes)?;
    load_gateway(&workspace)?;
    crash_store(&workspace)?;
    repeat_stories(&workspace, Duration::from_secs(minutes * 60))
}

fn parse(args: &[String]) -> Result<u64> {
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words.as_slice() {
        [] => Ok(MINUTES_DEFAULT),
        ["--minutes", number] => match number.parse() {
            Ok(minutes) if (1..=MINUTES_MAX).contains(&minutes) => Ok(minutes),
            _ => Err(Error::Usage(format!(
                "--minutes {number}: expected 1 to {MINUTES_MAX}"
            ))),
        },
        _ => Err(Error::Usage("soak takes `--minutes N` only".into())),
    }
}

/// The gateway's long tests; each prints its counts.
fn load_gateway(workspace: &Workspace) -> Result<()> {
    let args = [
        "test",
        "--locked",
        "--release",
        "--package",
        "koinon-gateway",
        "--test",
        "load",
    ];
    Cmd::cargo(&workspace.root, &args)
        .arg("--")
        .arg("--ignored")
        .arg("--nocapture")
        .arg("soak")
        .limit(GATEWAY_LIMIT)
        .run()
}

/// The store's proof with thousands of lives on the simulated disk, and hundreds of kills on the real one.
fn crash_store(workspace: &Workspace) -> Result<()> {
    let args = [
        "test",
        "--locked",
        "--release",
        "--package",
        "koinon-store",
        "--test",
        "durability",
    ];
    Cmd::cargo(&workspace.root, &args)
        .env("KOINON_SEEDS", STORE_SEEDS)
        .env("KOINON_KILLS", STORE_KILLS)
        .limit(STORE_LIMIT)
        .run()
}

/// Builds once, then runs the compatibility suites until the time is over or one fails; at least one round.
fn repeat_stories(workspace: &Workspace, time: Duration) -> Result<()> {
    let started = Instant::now();
    let mut tally = Tally::default();
    run("build", workspace, &mut tally)?;
    for round in 1..=ROUNDS_MAX {
        run("compat", workspace, &mut tally)?;
        say(&format!("round {round}: {tally}"));
        if tally.failed > 0 {
            return Err(Error::failed(format!("round {round} failed")));
        }
        if started.elapsed() >= time {
            break;
        }
    }
    Ok(())
}

fn run(name: &str, workspace: &Workspace, tally: &mut Tally) -> Result<()> {
    let suite: &Suite = SUITES
        .iter()
        .find(|suite| suite.name == name)
        .ok_or_else(|| Error::failed(format!("there is no suite {name}")))?;
    (suite.run)(workspace, &[], tally)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects: a soak never starts without an end.
    #[test]
    fn minutes_are_bounded() {
        let parse = |words: &[&str]| super::parse(&words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>());
        assert_eq!(parse(&[]).unwrap(), MINUTES_DEFAULT);
        assert_eq!(parse(&["--minutes", "5"]).unwrap(), 5);
        for wrong in [
            &["--minutes"][..],
            &["--minutes", "0"],
            &["--minutes", "x"],
            &["--minutes", "9999"],
            &["5"],
        ] {
            assert!(matches!(parse(wrong), Err(Error::Usage(_))), "{wrong:?}");
        }
    }
}
