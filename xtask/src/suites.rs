//! The suites of a test run, in the order they run: what each one does and which earlier ones it needs.
//!
//! Building is a suite of its own, so that its minutes are visible and the other suites' minutes are their own.

use std::time::Duration;

use crate::compat;
use crate::error::{Error, Result};
use crate::fuzz;
use crate::shell::Cmd;
use crate::tally::Tally;
use crate::verify;
use crate::workspace::Workspace;

/// Runs a suite: counts into the tally; an error says why the rest of it could not run.
pub(crate) type Run = fn(&Workspace, without: &[String], &mut Tally) -> Result<()>;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Suite {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    /// Suites without which this one has nothing to run.
    pub(crate) needs: &'static [&'static str],
    pub(crate) run: Run,
}

pub(crate) const SUITES: [Suite; 5] = [
    Suite {
        name: "build",
        about: "the released binary and every test",
        needs: &[],
        run: build,
    },
    Suite {
        name: "verify",
        about: "format, lints, docs, arrows, sources",
        needs: &[],
        run: verify_all,
    },
    Suite {
        name: "unit",
        about: "unit, integration and documentation tests",
        needs: &["build"],
        run: unit,
    },
    Suite {
        name: "fuzz",
        about: "the decoders' laws on the corpus and beyond",
        needs: &[],
        run: fuzz_smoke,
    },
    Suite {
        name: "compat",
        about: "real foreign clients against the binary",
        needs: &["build"],
        run: compat_stories,
    },
];

/// Fuzzing in a test run is a smoke test; `cargo xtask soak` is the long one.
const FUZZ_RUNS: u64 = 20_000;
/// Foreign clients wait for real leases and refresh intervals.
const COMPAT_LIMIT: Duration = Duration::from_secs(20 * 60);

/// Everything `--without` may name: suites and the foreign peers of the compatibility suites.
pub(crate) fn left_out_names() -> Vec<String> {
    let suites = SUITES.iter().map(|suite| suite.name);
    suites.chain(compat::peer_names()).map(str::to_owned).collect()
}

fn build(workspace: &Workspace, _without: &[String], tally: &mut Tally) -> Result<()> {
    for args in [
        ["build", "--locked", "--release", "--package", "koinon-cli"].as_slice(),
        &["test", "--locked", "--workspace", "--no-run", "--quiet"],
    ] {
        let built = Cmd::cargo(&workspace.root, args).run();
        tally.count(built.is_ok());
        built?;
    }
    Ok(())
}

fn verify_all(workspace: &Workspace, _without: &[String], tally: &mut Tally) -> Result<()> {
    tally.add(&verify::run(workspace));
    Ok(())
}

fn unit(workspace: &Workspace, _without: &[String], tally: &mut Tally) -> Result<()> {
    // Two runs, because a failure in the first must not hide the second.
    let tests = cargo_test(
        without_compat(workspace, &["--lib", "--bins", "--tests", "--examples"]),
        tally,
    );
    let examples = cargo_test(without_compat(workspace, &["--doc"]), tally);
    tests.and(examples)
}

fn fuzz_smoke(workspace: &Workspace, _without: &[String], tally: &mut Tally) -> Result<()> {
    fuzz::smoke(workspace, FUZZ_RUNS, tally)
}

fn compat_stories(workspace: &Workspace, without: &[String], tally: &mut Tally) -> Result<()> {
    compat::prepare(&workspace.root, without)?;
    let binary = workspace.release_binary().to_string_lossy().into_owned();
    for package in workspace.compat_packages() {
        let args = ["test", "--locked", "--no-fail-fast", "--package", package, "--"];
        let test = Cmd::cargo(&workspace.root, &args)
            .env("KOINON_BIN", &binary)
            .limit(COMPAT_LIMIT);
        cargo_test(compat::skips(without).into_iter().fold(test, Cmd::arg), tally)?;
    }
    let left_out = compat::peer_names().filter(|peer| without.iter().any(|name| name == peer));
    tally
        .skipped_names
        .extend(left_out.map(|peer| format!("peer {peer}: left out with --without")));
    Ok(())
}

/// The workspace's own tests. The compatibility crates drive the released binary and have their own suite.
fn without_compat(workspace: &Workspace, kinds: &[&str]) -> Cmd {
    let args = [&["test", "--locked", "--no-fail-fast", "--workspace"], kinds].concat();
    let test = Cmd::cargo(&workspace.root, &args);
    workspace
        .compat_packages()
        .fold(test, |test, package| test.arg("--exclude").arg(package))
}

/// Runs `cargo test` and counts; a run that fails without a failed test did not compile or was killed.
fn cargo_test(command: Cmd, tally: &mut Tally) -> Result<()> {
    let mut own = Tally::default();
    let status = command.tee(|line| own.read_line(line));
    tally.add(&own);
    match status {
        Ok(status) if status.success() || own.failed > 0 => Ok(()),
        Ok(status) => Err(Error::failed(format!("`{}`: {status}", command.line()))),
        Err(error) => Err(error),
    }
}
