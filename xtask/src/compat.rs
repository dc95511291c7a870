//! Prepares what the compatibility suites drive beside the binary: the Spring applications (with the original Eureka
//! server), the npm client and the Python client. Everything is made under `target/compat/eureka`.
//!
//! Why not in the tests: preparing takes minutes and the network, tests run often. A stamp of the inputs says
//! whether there is anything to do.
//!
//! Invariant: a tool that is missing or too old is an error that names it, the version and the Debian packages; as
//! root on Debian the packages are installed first. Nothing is left out but what `--without` names.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::{Error, Result};
use crate::shell::{Cmd, say};

/// The first run downloads a few hundred files.
const DOWNLOAD_LIMIT: Duration = Duration::from_secs(15 * 60);
const SOURCES: &str = "compat/eureka";
const PREPARED: &str = "target/compat/eureka";
/// Sources are small; more files than this means that something was built beside them.
const INPUT_FILES_MAX: usize = 200;

/// A foreign peer, by the name that `--without` takes.
struct Peer {
    name: &'static str,
    tools: &'static [Tool],
    /// The sources whose change makes it stale.
    inputs: &'static str,
    /// What exists when it is prepared.
    output: &'static str,
    prepare: fn(root: &Path) -> Result<()>,
    /// Tests with this in their name need the peer.
    tests: &'static str,
}

/// A program that says its version.
struct Tool {
    what: &'static str,
    program: &'static str,
    arguments: &'static [&'static str],
    version_min: (u32, u32),
    packages: &'static [&'static str],
}

const JDK: Tool = Tool {
    what: "a JDK",
    program: "javac",
    arguments: &["--version"],
    version_min: (17, 0),
    packages: &["default-jdk-headless"],
};
const MAVEN: Tool = Tool {
    what: "Maven",
    program: "mvn",
    arguments: &["--batch-mode", "--version"],
    version_min: (3, 6),
    packages: &["maven"],
};
const NODE: Tool = Tool {
    what: "Node.js",
    program: "node",
    arguments: &["--version"],
    version_min: (18, 0),
    packages: &["nodejs"],
};
const NPM: Tool = Tool {
    what: "npm",
    program: "npm",
    arguments: &["--version"],
    version_min: (8, 0),
    packages: &["npm"],
};
const PYTHON: Tool = Tool {
    what: "Python with its venv module",
    program: "python3",
    arguments: &[
        "-c",
        "import ensurepip, platform, venv; print(platform.python_version())",
    ],
    version_min: (3, 10),
    packages: &["python3", "python3-venv"],
};

const PEERS: [Peer; 3] = [
    Peer {
        name: "java",
        tools: &[JDK, MAVEN],
        inputs: "spring",
        output: "spring/consumer/consumer.jar",
        prepare: build_spring,
        tests: "needs_java",
    },
    Peer {
        name: "node",
        tools: &[NODE, NPM],
        inputs: "node",
        output: "node/node_modules/eureka-js-client/package.json",
        prepare: install_npm,
        tests: "_node::",
    },
    Peer {
        name: "python",
        tools: &[PYTHON],
        inputs: "python",
        output: "python/bin/python",
        prepare: install_python,
        tests: "_python::",
    },
];

/// What `--without` may name beside the suites.
pub(crate) fn peer_names() -> impl Iterator<Item = &'static str> {
    PEERS.iter().map(|peer| peer.name)
}

/// Makes everything that the compatibility tests need, but for the peers in `without`.
pub(crate) fn prepare(root: &Path, without: &[String]) -> Result<()> {
    let peers: Vec<&Peer> = PEERS.iter().filter(|peer| !is_left_out(peer, without)).collect();
    let tools: Vec<&Tool> = peers.iter().flat_map(|peer| peer.tools).collect();
    install_missing(root, &tools)?;
    for peer in peers {
        let stamp = stamp_of(root, peer)?;
        let file = root.join(PREPARED).join(format!("{}.stamp", peer.name));
        let output = root.join(PREPARED).join(peer.output);
        if output.exists() && fs::read_to_string(&file).is_ok_and(|old| old == stamp) {
            continue;
        }
        // Without its stamp, a half-prepared peer is prepared again.
        let _ = fs::remove_file(&file);
        (peer.prepare)(root)?;
        write(&file, &stamp)?;
    }
    Ok(())
}

/// Arguments for the test binaries that leave out the tests of the peers in `without`.
pub(crate) fn skips(without: &[String]) -> Vec<&'static str> {
    PEERS
        .iter()
        .filter(|peer| is_left_out(peer, without))
        .flat_map(|peer| ["--skip", peer.tests])
        .collect()
}

fn is_left_out(peer: &Peer, without: &[String]) -> bool {
    without.iter().any(|name| name == peer.name)
}

fn install_missing(root: &Path, tools: &[&Tool]) -> Result<()> {
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
        .limit(DOWNLOAD_LIMIT)
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

fn build_spring(root: &Path) -> Result<()> {
    say("compat: building the Spring applications and the original Eureka server");
    let pom = format!("{SOURCES}/spring/pom.xml");
    let arguments = ["--batch-mode", "--quiet", "--file", &pom, "package"];
    Cmd::new(root, "mvn", &arguments).limit(DOWNLOAD_LIMIT).run()
}

fn install_npm(root: &Path) -> Result<()> {
    say("compat: installing the npm client");
    let folder = root.join(PREPARED).join("node");
    make(&folder)?;
    for file in ["package.json", "package-lock.json"] {
        let from = root.join(SOURCES).join("node").join(file);
        fs::copy(&from, folder.join(file)).map_err(|e| io(&from, &e))?;
    }
    let arguments = [
        "ci",
        "--no-audit",
        "--no-fund",
        "--ignore-scripts",
        "--loglevel=error",
    ];
    Cmd::new(&folder, "npm", &arguments).limit(DOWNLOAD_LIMIT).run()
}

fn install_python(root: &Path) -> Result<()> {
    say("compat: installing the Python client");
    let folder = root.join(PREPARED).join("python");
    make(&folder)?;
    let environment = folder.to_string_lossy().into_owned();
    Cmd::new(root, "python3", &["-m", "venv", "--clear", &environment]).run()?;
    let python = folder.join("bin/python").to_string_lossy().into_owned();
    let requirements = format!("{SOURCES}/python/requirements.txt");
    let arguments = ["-m", "pip", "install", "--quiet", "--requirement", &requirements];
    Cmd::new(root, &python, &arguments).limit(DOWNLOAD_LIMIT).run()
}

/// A text that changes when any input changes: each file's path, length and FNV-1a hash.
fn stamp_of(root: &Path, peer: &Peer) -> Result<String> {
    let mut files = Vec::new();
    collect(&root.join(SOURCES).join(peer.inputs), &mut files)?;
    files.sort();
    let mut stamp = String::new();
    for file in files {
        let bytes = fs::read(&file).map_err(|e| io(&file, &e))?;
        let name = file.strip_prefix(root).unwrap_or(&file).display();
        stamp.push_str(&format!("{name} {} {:016x}\n", bytes.len(), fnv1a(&bytes)));
    }
    Ok(stamp)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder).map_err(|e| io(folder, &e))? {
        let path = entry.map_err(|e| io(folder, &e))?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push(path);
        }
        if files.len() > INPUT_FILES_MAX {
            return Err(Error::failed(format!(
                "more than {INPUT_FILES_MAX} files below {}: remove what was built there",
                folder.display()
            )));
        }
    }
    Ok(())
}

fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

fn make(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).map_err(|e| io(folder, &e))
}

fn write(file: &Path, text: &str) -> Result<()> {
    if let Some(folder) = file.parent() {
        make(folder)?;
    }
    fs::write(file, text).map_err(|e| io(file, &e))
}

fn io(path: &Path, error: &std::io::Error) -> Error {
    Error::failed(format!("{}: {error}", path.display()))
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

    /// Protects: what is left out by name leaves out its tests and nothing else.
    #[test]
    fn left_out_peers_leave_out_their_tests() {
        assert!(skips(&[]).is_empty());
        let without = ["node".to_owned(), "fuzz".to_owned()];
        assert_eq!(skips(&without), ["--skip", "_node::"]);
    }

    /// Protects: a changed source makes its peer be prepared again.
    #[test]
    fn the_stamp_changes_with_the_inputs() {
        let root = std::env::temp_dir().join(format!("koinon-xtask-stamp-{}", std::process::id()));
        let file = root.join(SOURCES).join("python/requirements.txt");
        write(&file, "one").unwrap();
        let first = stamp_of(&root, &PEERS[2]).unwrap();
        assert_eq!(first, stamp_of(&root, &PEERS[2]).unwrap());
        write(&file, "two").unwrap();
        assert_ne!(first, stamp_of(&root, &PEERS[2]).unwrap());
        fs::remove_dir_all(&root).unwrap();
    }
}
