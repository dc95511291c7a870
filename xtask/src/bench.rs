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

/// The rivals' programs, where the compatibility suite builds them.
const PROGRAMS: [(&str, &str); 3] = [
    ("KOINON_ETCD", "target/compat/etcd/go/etcd"),
    (
        "KOINON_EUREKA_JAR",
        "target/compat/eureka/spring/server/server.jar",
    ),
    (
        "KOINON_SPRING_GATEWAY_JAR",
        "target/compat/spring-gateway/gateway.jar",
    ),
];

pub(crate) fn main(args: &[String]) -> Result<()> {
    let (name, rest) = args
        .split_first()
        .ok_or_else(|| Error::Usage("bench needs a name, e.g. `registry`".into()))?;
    let workspace = Workspace::load()?;
    let packages = ["-p", "koinon-cli", "-p", "koinon-bench"];
    let build = [&["build", "--locked", "--release"], &packages[..]].concat();
    Cmd::cargo(&workspace.root, &build).run()?;
    compat::prepare_only(&workspace.root, rivals(name))?;
    let bench = workspace
        .target
        .join("release")
        .join(format!("koinon-bench{}", std::env::consts::EXE_SUFFIX));
    let command = Cmd::new(&workspace.root, &bench.to_string_lossy(), &[name.as_str()])
        .env("KOINON_BIN", workspace.release_binary().to_string_lossy())
        .limit(LIMIT);
    let command = PROGRAMS.iter().fold(command, |command, (variable, program)| {
        command.env(variable, workspace.root.join(program).to_string_lossy())
    });
    rest.iter().fold(command, |command, arg| command.arg(arg)).run()
}

/// What stands beside Koinon in a scenario. An unknown one is refused by the program that knows them.
fn rivals(scenario: &str) -> &'static [&'static str] {
    match scenario {
        "registry" => &["java"],
        "kv" => &["etcd"],
        "gateway" => &["proxies", "spring-gateway"],
        _ => &[],
    }
}
