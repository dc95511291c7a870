//! Documents that the code writes: checked by `verify`, rewritten by `fix`.
//!
//! Each has a test beside the code it is generated from. The test compares; with `KOINON_REWRITE=1` it writes. So
//! the generator lives where its knowledge is, and this table only says which test belongs to which document.

use crate::check::Verdict;
use crate::error::{Error, Result};
use crate::shell::Cmd;
use crate::tally::Tally;
use crate::workspace::Workspace;

/// Set, the tests below write their document instead of comparing it.
const REWRITE: &str = "KOINON_REWRITE";

struct Document {
    path: &'static str,
    package: &'static str,
    test: &'static str,
}

const DOCUMENTS: [Document; 0] = [];

pub(crate) fn current(workspace: &Workspace) -> Verdict {
    let problems = DOCUMENTS
        .iter()
        .filter_map(|document| check(workspace, document).err());
    Verdict::of(
        problems.map(|problem| problem.to_string()).collect(),
        format!("{} documents", DOCUMENTS.len()),
    )
}

pub(crate) fn rewrite(workspace: &Workspace) -> Result<()> {
    DOCUMENTS
        .iter()
        .try_for_each(|document| test(workspace, document).env(REWRITE, "1").run())
}

fn check(workspace: &Workspace, document: &Document) -> Result<()> {
    let mut tally = Tally::default();
    let status = test(workspace, document).tee(|line| tally.read_line(line))?;
    if tally.ran_nothing() {
        let Document { path, package, test } = document;
        return Err(Error::failed(format!(
            "{path}: {package} has no test `{test}` that would check it"
        )));
    }
    if status.success() {
        return Ok(());
    }
    Err(Error::failed(format!(
        "{} is not what the code says; `cargo xtask fix` rewrites it",
        document.path
    )))
}

fn test(workspace: &Workspace, document: &Document) -> Cmd {
    Cmd::cargo(
        &workspace.root,
        &[
            "test",
            "--locked",
            "--quiet",
            "-p",
            document.package,
            document.test,
        ],
    )
}
