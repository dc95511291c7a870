//! Documents that the code writes: checked by `verify`, rewritten by `fix`.
//!
//! Each has a test beside the code it is generated from. The test compares; with a variable set it writes. So the
//! generator lives where its knowledge is, and this table only says which test belongs to which document.

use crate::check::Verdict;
use crate::error::{Error, Result};
use crate::shell::Cmd;
use crate::tally::Tally;
use crate::workspace::Workspace;

struct Document {
    path: &'static str,
    package: &'static str,
    test: &'static str,
    /// Set to 1, the test writes the document instead of comparing it.
    rewrite: &'static str,
}

const DOCUMENTS: [Document; 2] = [
    Document {
        path: "docs/reference/config.md",
        package: "koinon-node",
        test: "the_committed_reference_is_current",
        rewrite: "KOINON_REWRITE",
    },
    Document {
        path: "docs/reference/admin-openapi.json",
        package: "koinon-api-admin",
        test: "openapi_document_is_current",
        rewrite: "KOINON_REWRITE",
    },
];

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
        .try_for_each(|document| test(workspace, document).env(document.rewrite, "1").run())
}

fn check(workspace: &Workspace, document: &Document) -> Result<()> {
    let mut tally = Tally::default();
    let status = test(workspace, document).tee(|line| tally.read_line(line))?;
    if tally.ran_nothing() {
        let Document {
            path, package, test, ..
        } = document;
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
