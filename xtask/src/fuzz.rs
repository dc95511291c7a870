//! The fuzz targets, twice: as a bounded smoke test with plain cargo, and growing for long under cargo-fuzz.
//!
//! The smoke test needs no tool: the coverage instrumentation is a stable compiler flag and libFuzzer is a crate, so
//! a newcomer's `cargo xtask test` already mutates inputs, starting from the committed corpus.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::{Error, Result};
use crate::shell::{Cmd, say};
use crate::tally::Tally;
use crate::workspace::Workspace;

/// What `cargo fuzz -s none` passes as well: edge counters that libFuzzer reads.
const COVERAGE_FLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Ccodegen-units=1 -Cdebug-assertions";
/// One input may take this long before it counts as a hang.
const INPUT_SECONDS_MAX: u64 = 10;
const SMOKE_LIMIT: Duration = Duration::from_secs(10 * 60);

/// Builds every target and runs each on its corpus and on `runs` inputs in all; each target counts as one test.
pub(crate) fn smoke(workspace: &Workspace, runs: u64, tally: &mut Tally) -> Result<()> {
    let folder = workspace.root.join("fuzz");
    let targets = targets(&folder)?;
    need_cpp(&folder)?;
    let host = host(&folder)?;
    let built = workspace.target.join("fuzz");
    Cmd::cargo(
        &folder,
        &["build", "--locked", "--release", "--bins", "--target", &host],
    )
    .env("RUSTFLAGS", COVERAGE_FLAGS)
    .env("CARGO_TARGET_DIR", built.to_string_lossy())
    .run()?;
    for target in &targets {
        let binary = built.join(&host).join("release").join(target);
        let outcome = run(
            workspace,
            &binary.to_string_lossy(),
            target,
            &format!("-runs={runs}"),
        );
        if let Err(error) = &outcome {
            say(&format!("fuzz target {target}: {error}"));
        }
        tally.count(outcome.is_ok());
    }
    Ok(())
}

/// Lets every target grow its corpus for `minutes` under cargo-fuzz, which is installed below `target/` if missing.
pub(crate) fn grow(workspace: &Workspace, minutes: u64) -> Result<()> {
    let folder = workspace.root.join("fuzz");
    need_cpp(&folder)?;
    let cargo_fuzz = cargo_fuzz(workspace)?;
    for target in targets(&folder)? {
        let (found, committed) = corpora(workspace, &target)?;
        let time = format!("-max_total_time={}", minutes * 60);
        let timeout = format!("-timeout={INPUT_SECONDS_MAX}");
        // `-s none`: a sanitizer needs a nightly compiler, the laws do not.
        Cmd::new(
            &workspace.root,
            &cargo_fuzz.to_string_lossy(),
            &["fuzz", "run", "-s", "none", &target],
        )
        .arg(found.to_string_lossy())
        .arg(committed.to_string_lossy())
        .arg("--")
        .arg(time)
        .arg(timeout)
        .limit(Duration::from_secs(minutes * 60) + SMOKE_LIMIT)
        .run()?;
    }
    Ok(())
}

fn run(workspace: &Workspace, binary: &str, target: &str, bound: &str) -> Result<()> {
    let (found, committed) = corpora(workspace, target)?;
    let seeds = fs::read_dir(&committed).map_or(0, Iterator::count);
    if seeds == 0 {
        return Err(Error::failed(format!(
            "{} holds no inputs to start from",
            committed.display()
        )));
    }
    // A crash is written beside the corpus that grows, where it can be replayed and nothing is committed by chance.
    let artifacts = format!("-artifact_prefix={}/crash-", found.display());
    let timeout = format!("-timeout={INPUT_SECONDS_MAX}");
    // The same seed every time: a push must not fail by chance. Chance has its place in `soak`.
    Cmd::new(
        &workspace.root,
        binary,
        &[
            bound,
            "-seed=1",
            "-verbosity=0",
            "-print_final_stats=0",
            &timeout,
            &artifacts,
        ],
    )
    .arg(found.to_string_lossy())
    .arg(committed.to_string_lossy())
    .limit(SMOKE_LIMIT)
    .run()
}

/// Where new inputs go, and the committed ones.
fn corpora(workspace: &Workspace, target: &str) -> Result<(PathBuf, PathBuf)> {
    let found = workspace.target.join("fuzz").join("corpus").join(target);
    fs::create_dir_all(&found).map_err(|e| Error::failed(format!("{}: {e}", found.display())))?;
    Ok((found, workspace.root.join("fuzz").join("corpus").join(target)))
}

fn targets(folder: &Path) -> Result<Vec<String>> {
    if !folder.join("Cargo.toml").is_file() {
        return Err(Error::failed("there is no fuzz/Cargo.toml"));
    }
    let workspace = Workspace::load_at(folder)?;
    let sources = workspace.packages.iter().flat_map(|package| &package.sources);
    let names = sources.filter_map(|source| source.strip_prefix("fuzz_targets/")?.strip_suffix(".rs"));
    let names: Vec<String> = names.map(str::to_owned).collect();
    if names.is_empty() {
        Err(Error::failed("fuzz/Cargo.toml has no targets"))
    } else {
        Ok(names)
    }
}

fn need_cpp(folder: &Path) -> Result<()> {
    if Cmd::new(folder, "c++", &["--version"]).answers() {
        return Ok(());
    }
    Err(Error::Missing {
        what: "a C++ compiler (libFuzzer is C++)".into(),
        get: "apt-get install g++".into(),
    })
}

/// The triple we run on. Named to cargo so that build scripts and macros are built without instrumentation.
fn host(folder: &Path) -> Result<String> {
    let version = Cmd::new(folder, "rustc", &["-vV"]).read()?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned)
        .ok_or_else(|| Error::failed("`rustc -vV` names no host"))
}

fn cargo_fuzz(workspace: &Workspace) -> Result<PathBuf> {
    let tools = workspace.target.join("tools");
    let binary = tools.join("bin").join("cargo-fuzz");
    if !binary.is_file() {
        Cmd::cargo(&workspace.root, &["install", "--locked", "cargo-fuzz", "--root"])
            .arg(tools.to_string_lossy())
            .run()?;
    }
    Ok(binary)
}
