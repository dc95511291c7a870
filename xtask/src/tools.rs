//! The programs that preparing needs: found, new enough, and installed where that may be done.
//!
//! Invariant: a tool that is missing or too old is an error that names it, the version and the Debian packages; as
//! root on Debian the packages are installed first.

use std::path::Path;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::shell::Cmd;

/// Packages come over the network.
const INSTALL_LIMIT: Duration = Duration::from_secs(15 * 60);

/// A program that says its version.
pub(crate) struct Tool {
    pub(crate) what: &'static str,
    pub(crate) program: &'static str,
    pub(crate) arguments: &'static [&'static str],
    pub(crate) version_min: (u32, u32),
    pub(crate) packages: &'static [&'static str],
}

pub(crate) const JDK: Tool = Tool {
    what: "a JDK",
    program: "javac",
    arguments: &["--version"],
    version_min: (17, 0),
    packages: &["default-jdk-headless"],
};
pub(crate) const MAVEN: Tool = Tool {
    what: "Maven",
    program: "mvn",
    arguments: &["--batch-mode", "--version"],
    version_min: (3, 6),
    packages: &["maven"],
};
pub(crate) const NODE: Tool = Tool {
    what: "Node.js",
    program: "node",
    arguments: &["--version"],
    version_min: (18, 0),
    packages: &["nodejs"],
};
pub(crate) const NPM: Tool = Tool {
    what: "npm",
    program: "npm",
    arguments: &["--version"],
    version_min: (8, 0),
    packages: &["npm"],
};
/// Any Go since 1.21 fetches the one that a module asks for by itself.
pub(crate) const GO: Tool = Tool {
    what: "Go",
    program: "go",
    arguments: &["version"],
    version_min: (1, 21),
    packages: &["golang-go"],
};
pub(crate) const PYTHON: Tool = Tool {
    what: "Python with its venv module",
    program: "python3",
    arguments: &[
        "-c",
        "import ensurepip, platform, venv; print(platform.python_version())",
    ],
    version_min: (3, 10),
    packages: &["python3", "python3-venv"],
};

/// Makes sure that all of them are there.
pub(crate) fn require(root: &Path, tools: &[&Tool]) -> Result<()> {
    let missing: Vec<&Tool> = tools
        .iter()
        .copied()
        .filter(|tool| check(root, tool).is_err())
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    if may_install(root) {
        let packages = missing.iter().flat_map(|tool| tool.packages.iter().copied());
        let install = ["install", "--yes", "--no-install-recommends"];
        let install: Vec<&str> = install.into_iter().chain(packages).collect();
        apt(root, &["update", "--quiet"])?;
        apt(root, &install)?;
    }
    tools.iter().try_for_each(|tool| check(root, tool))
}

fn may_install(root: &Path) -> bool {
    let is_root = Cmd::new(root, "sh", &["-c", "test \"$(id -u)\" = 0"]).answers();
    is_root && Cmd::new(root, "apt-get", &["--version"]).answers()
}

fn apt(root: &Path, arguments: &[&str]) -> Result<()> {
    Cmd::new(root, "apt-get", arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .limit(INSTALL_LIMIT)
        .run()
}

/// Whether the tool is there and new enough.
fn check(root: &Path, tool: &Tool) -> Result<()> {
    let (major, minor) = tool.version_min;
    let missing = |found: &str| Error::Missing {
        what: format!(
            "{} {major}.{minor} or newer (`{}`{found})",
            tool.what, tool.program
        ),
        get: format!("apt-get install {}", tool.packages.join(" ")),
    };
    let command = Cmd::new(root, tool.program, tool.arguments);
    // Asked twice, because only this way a missing tool prints nothing of its own.
    if !command.answers() {
        return Err(missing(""));
    }
    let said = command.read()?;
    match version_in(&said) {
        Some(found) if found >= tool.version_min => Ok(()),
        Some((major, minor)) => Err(missing(&format!(" is {major}.{minor}"))),
        None => Err(missing(" does not say its version")),
    }
}

/// The first number with a dot in a text like `javac 17.0.15` or `v20.20.2`.
fn version_in(said: &str) -> Option<(u32, u32)> {
    said.split(|c: char| !(c.is_ascii_digit() || c == '.'))
        .find_map(|word| {
            let mut parts = word.split('.');
            let major = parts.next()?.parse().ok()?;
            Some((major, parts.next()?.parse().ok()?))
        })
        .or_else(|| {
            // A new JDK calls itself `javac 21`.
            let mut words = said.split_whitespace();
            words.find_map(|word| Some((word.parse().ok()?, 0)))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects: versions are understood as the tools print them.
    #[test]
    fn versions_are_read_as_tools_print_them() {
        for (said, expected) in [
            ("javac 17.0.15\n", Some((17, 0))),
            ("javac 21\n", Some((21, 0))),
            ("go version go1.26.8 linux/amd64\n", Some((1, 26))),
            ("Apache Maven 3.8.7\nMaven home: /usr/share/maven\n", Some((3, 8))),
            ("v20.20.2\n", Some((20, 20))),
            ("3.11.7\n", Some((3, 11))),
            ("unknown\n", None),
        ] {
            assert_eq!(version_in(said), expected, "{said}");
        }
    }

    /// Protects: a missing tool fails with its name, the version and how to get it.
    #[test]
    fn a_missing_tool_is_named() {
        let tool = Tool {
            what: "a thing",
            program: "no-such-program-anywhere",
            arguments: &[],
            version_min: (3, 1),
            packages: &["thing", "thing-more"],
        };
        let error = check(Path::new("."), &tool).unwrap_err().to_string();
        assert!(error.contains("a thing 3.1 or newer"), "{error}");
        assert!(error.contains("apt-get install thing thing-more"), "{error}");
    }
}
