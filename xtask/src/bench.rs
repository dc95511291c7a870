//! `cargo xtask bench NAME`: builds what is measured as it ships, then hands over to `crates/bench`.
//!
//! The scenarios live there; this only makes sure that nobody measures a debug build or yesterday's binary.

use std::time::Duration;

use crate::compat;
use crate::error::{Error, Result};
use crate::shell::Cmd;
use crate::workspace::Workspace;

/// The longest scenario takes minutes; an hour means that something hangs.
const LIMIT: Duration = Duration::from_secs(60 * 60);

/// The rival's server, where the compatibility suite builds it.
const EUREKA_JAR: &str = "target/compat/eureka/spring/server/server.jar";

pub(crate) fn main(args: &[String]) -> Result<()> {
    let (name, rest) = args
        .split_first()
        .ok_or_else(|| Error::Usage("bench needs a name, e.g. `registry`".into()))?;
    let workspace = Workspace::load()?;
    Cmd::cargo(
        &workspace.root,
        &[
            "build",
            "--locked",
            "--release",
            "-p",
            "koinon-cli",
            "-p",
            "koinon-bench",
        ],
    )
    .run()?;
    let bench = workspace
        .target
        .join("release")
        .join(format!("koinon-bench{}", std::env::consts::EXE_SUFFIX));
    // The rival is the server of the compatibility suite; the clients of that suite are not needed.
    let clients: Vec<String> = compat::peer_names()
        .filter(|peer| *peer != "java")
        .map(str::to_owned)
        .collect();
    compat::prepare(&workspace.root, &clients)?;
    let command = Cmd::new(&workspace.root, &bench.to_string_lossy(), &[name.as_str()])
        .env("KOINON_BIN", workspace.release_binary().to_string_lossy())
        .env(
            "KOINON_EUREKA_JAR",
            workspace.root.join(EUREKA_JAR).to_string_lossy(),
        )
        .limit(LIMIT);
    rest.iter().fold(command, |command, arg| command.arg(arg)).run()
}
