//! `cargo xtask verify`: every check that reads and never writes, quick ones first.
//!
//! To add a check: write a function from the workspace to a `Verdict` and give it a line in `CHECKS`. A check that
//! encodes a decision says the reason in its message.

use std::path::PathBuf;

use crate::arrows;
use crate::check::{Check, Verdict, run_all};
use crate::duplicates;
use crate::error::{Error, Result};
use crate::generated;
use crate::shell::{Cmd, say};
use crate::sources;
use crate::tally::Tally;
use crate::workspace::Workspace;

const CHECKS: [Check; 11] = [
    Check {
        name: "arrows",
        run: arrows_hold,
    },
    Check {
        name: "openings",
        run: sources::openings,
    },
    Check {
        name: "purity",
        run: sources::purity,
    },
    Check {
        name: "machines",
        run: sources::machines,
    },
    Check {
        name: "duplicates",
        run: duplicates::check,
    },
    Check {
        name: "locks",
        run: locks,
    },
    Check {
        name: "format",
        run: format,
    },
    Check {
        name: "licences",
        run: licences,
    },
    Check {
        name: "clippy",
        run: clippy,
    },
    Check {
        name: "docs",
        run: docs,
    },
    Check {
        name: "generated",
        run: generated::current,
    },
];

pub(crate) fn main(args: &[String]) -> Result<()> {
    if let Some(unknown) = args
        .iter()
        .find(|name| !CHECKS.iter().any(|check| check.name == name.as_str()))
    {
        let known: Vec<&str> = CHECKS.iter().map(|check| check.name).collect();
        return Err(Error::Usage(format!(
            "unknown check `{unknown}`; there are {}",
            known.join(", ")
        )));
    }
    let workspace = Workspace::load()?;
    let chosen = CHECKS
        .iter()
        .filter(|check| args.is_empty() || args.iter().any(|name| name == check.name));
    let tally = run_all(chosen, &workspace);
    say(&tally.to_string());
    if tally.failed > 0 {
        Err(Error::failed("verify found what is listed above"))
    } else {
        Ok(())
    }
}

/// All checks, for the test run.
pub(crate) fn run(workspace: &Workspace) -> Tally {
    run_all(CHECKS.iter(), workspace)
}

fn arrows_hold(workspace: &Workspace) -> Verdict {
    let problems = arrows::violations(&workspace.packages)
        .iter()
        .map(ToString::to_string)
        .collect();
    Verdict::of(problems, format!("{} crates", workspace.packages.len()))
}

/// The fuzz targets are a workspace of their own: a new dependency of ours is missing in their lock until it is refreshed.
fn locks(workspace: &Workspace) -> Verdict {
    let args = ["tree", "--locked", "--quiet", "--depth", "0", "--target", "all"];
    let commands = roots(workspace).map(|root| Cmd::cargo(&root, &args));
    verdict(
        commands.collect(),
        "run `cargo xtask fix` to refresh a Cargo.lock",
    )
}

fn format(workspace: &Workspace) -> Verdict {
    let args = ["fmt", "--all", "--", "--check", "-l"];
    let commands = roots(workspace).map(|root| Cmd::cargo(&root, &args));
    verdict(commands.collect(), "run `cargo xtask fix` to format")
}

fn clippy(workspace: &Workspace) -> Verdict {
    let args = [
        "clippy",
        "--workspace",
        "--all-targets",
        "--locked",
        "--quiet",
        "--",
        "-D",
        "warnings",
    ];
    verdict(
        vec![Cmd::cargo(&workspace.root, &args)],
        "the lints are in the root Cargo.toml",
    )
}

fn docs(workspace: &Workspace) -> Verdict {
    let args = ["doc", "--workspace", "--no-deps", "--locked", "--quiet"];
    let doc = Cmd::cargo(&workspace.root, &args).env("RUSTDOCFLAGS", "-D warnings");
    verdict(vec![doc], "`cargo doc` shows the places")
}

fn licences(workspace: &Workspace) -> Verdict {
    if !Cmd::cargo(&workspace.root, &["deny", "--version"]).answers() {
        return Verdict::NotRun("cargo-deny is not installed (cargo install --locked cargo-deny)".into());
    }
    let deny = Cmd::cargo(&workspace.root, &["deny", "check", "bans", "licenses", "sources"]);
    verdict(vec![deny], "the rules and their reasons are in deny.toml")
}

/// Where there is a workspace: the project's, and the fuzz targets'.
fn roots(workspace: &Workspace) -> impl Iterator<Item = PathBuf> {
    let fuzz = workspace.root.join("fuzz");
    let fuzz = fuzz.join("Cargo.toml").is_file().then_some(fuzz);
    std::iter::once(workspace.root.clone()).chain(fuzz)
}

fn verdict(commands: Vec<Cmd>, hint: &str) -> Verdict {
    let failures = commands.iter().filter_map(|command| command.run().err());
    Verdict::of(failures.map(|failure| format!("{failure}; {hint}")).collect(), "")
}
