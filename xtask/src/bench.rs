//! `cargo xtask bench NAME`: builds what is measured as it ships, then hands over to `crates/bench`.
//!
//! The scenarios live there; this only makes sure that nobody measures a debug build or yesterday's binary.

use std::time::Duration;

use crate::error::{Error, Result};
use crate::shell::Cmd;
use crate::workspace::Workspace;

/// The longest scenario takes minutes; an hour means that something hangs.
const LIMIT: Duration = Duration::from_secs(60 * 60);

/// The rival's server, once the compatibility suite has built it.
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
    let mut command = Cmd::new(&workspace.root, &bench.to_string_lossy(), &[name.as_str()])
        .env("KOINON_BIN", workspace.release_binary().to_string_lossy())
        .limit(LIMIT);
    let jar = workspace.root.join(EUREKA_JAR);
    if jar.is_file() {
        command = command.env("KOINON_EUREKA_JAR", jar.to_string_lossy());
    }
    rest.iter().fold(command, |command, arg| command.arg(arg)).run()
}
