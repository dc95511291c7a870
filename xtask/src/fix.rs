//! `cargo xtask fix`: what a machine can put right, it puts right: lint suggestions, generated documents, format.

use crate::error::{Error, Result};
use crate::generated;
use crate::shell::Cmd;
use crate::workspace::Workspace;

pub(crate) fn main(args: &[String]) -> Result<()> {
    if let Some(extra) = args.first() {
        return Err(Error::Usage(format!("`fix` takes no argument, got `{extra}`")));
    }
    let workspace = Workspace::load()?;
    let root = &workspace.root;
    Cmd::cargo(
        root,
        &[
            "clippy",
            "--workspace",
            "--all-targets",
            "--fix",
            "--allow-dirty",
            "--allow-staged",
        ],
    )
    .run()?;
    generated::rewrite(&workspace)?;
    // Last, because the steps before it write code.
    Cmd::cargo(root, &["fmt", "--all"]).run()?;
    let fuzz = root.join("fuzz");
    if fuzz.join("Cargo.toml").is_file() {
        Cmd::cargo(&fuzz, &["fmt"]).run()?;
        // Adds what our crates newly depend on, and nothing else.
        Cmd::cargo(&fuzz, &["update", "--workspace"]).run()
    } else {
        Ok(())
    }
}
