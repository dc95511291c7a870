//! Prepares what the compatibility suites and benchmarks drive beside the binary: the Spring applications (with the
//! original Eureka server), the npm client, the Python client, HAProxy and nginx, the cases of a desync detector, Spring
//! Cloud Gateway, two generations of etcd and its clients. Everything is made under `target/compat`.
//!
//! Why not in the tests: preparing takes minutes and the network, tests run often. A stamp of the inputs says
//! whether there is anything to do.
//!
//! Invariant: nothing is left out but what `--without` names; a missing tool is an error (`tools.rs`).

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::{Error, Result};
use crate::proxies;
use crate::shell::{Cmd, say};
use crate::tools::{GO, JDK, MAVEN, NODE, NPM, PYTHON, Tool, require};

/// The first run downloads a few hundred files.
const DOWNLOAD_LIMIT: Duration = Duration::from_secs(15 * 60);
/// Where everything is made, from the root of the repository.
const PREPARED: &str = "target/compat";
/// Sources are small; more files than this means that something was built beside them.
const INPUT_FILES_MAX: usize = 200;

/// The protobuf compiler for the crate `etcd-client`.
const PROTOX: &str = "0.10.0";

/// What is built from the Go module in `compat/etcd/go`; the server last, because it says that all of them are there.
const ETCD_PROGRAMS: [(&str, &str); 5] = [
    ("stories", "./stories"),
    ("differ", "./differ"),
    ("etcdctl", "go.etcd.io/etcd/etcdctl/v3"),
    ("etcdutl", "go.etcd.io/etcd/etcdutl/v3"),
    ("etcd", "go.etcd.io/etcd/server/v3"),
];

/// A foreign peer, by the name that `--without` takes.
struct Peer {
    name: &'static str,
    tools: &'static [Tool],
    /// The folder of sources whose change makes it stale. Without one, `prepare` sees by itself what is to do.
    inputs: Option<&'static str>,
    /// What exists below `target/compat` when it is prepared.
    output: &'static str,
    prepare: fn(root: &Path) -> Result<()>,
    /// Tests with this in their name need the peer; `None` is a peer of benchmarks only.
    tests: Option<&'static str>,
}

const PEERS: [Peer; 10] = [
    Peer {
        name: "java",
        tools: &[JDK, MAVEN],
        inputs: Some("compat/eureka/spring"),
        output: "eureka/spring/consumer/consumer.jar",
        prepare: build_spring,
        tests: Some("needs_java"),
    },
    Peer {
        name: "node",
        tools: &[NODE, NPM],
        inputs: Some("compat/eureka/node"),
        output: "eureka/node/node_modules/eureka-js-client/package.json",
        prepare: install_npm,
        tests: Some("_node::"),
    },
    Peer {
        name: "python",
        tools: &[PYTHON],
        inputs: Some("compat/eureka/python"),
        output: "eureka/python/bin/python",
        prepare: install_python,
        tests: Some("_python::"),
    },
    Peer {
        name: "proxies",
        tools: &[],
        inputs: None,
        output: "",
        prepare: proxies::prepare,
        tests: Some("needs_proxies"),
    },
    Peer {
        name: "desync",
        tools: &[],
        inputs: Some("compat/gateway/desync"),
        output: "gateway/desync/http_desync_guardian/tests/severe.yaml",
        prepare: fetch_desync_cases,
        tests: Some("needs_desync"),
    },
    Peer {
        name: "etcd",
        tools: &[GO],
        inputs: Some("compat/etcd/go"),
        output: "etcd/go/etcd",
        prepare: build_etcd,
        tests: Some("needs_etcd"),
    },
    Peer {
        name: "etcd-java",
        tools: &[JDK, MAVEN],
        inputs: Some("compat/etcd/java"),
        output: "etcd/java/stories.jar",
        prepare: build_etcd_java,
        tests: Some("needs_etcd::clients_java"),
    },
    Peer {
        name: "etcd-python",
        tools: &[PYTHON],
        inputs: Some("compat/etcd/python"),
        output: "etcd/python/bin/python",
        prepare: install_etcd_python,
        tests: Some("needs_etcd::clients_python"),
    },
    Peer {
        name: "etcd-rust",
        tools: &[],
        inputs: Some("compat/etcd/rust"),
        output: "etcd/rust/debug/stories",
        prepare: build_etcd_rust,
        tests: Some("needs_etcd::clients_rust"),
    },
    Peer {
        name: "spring-gateway",
        tools: &[JDK, MAVEN],
        inputs: Some("compat/spring-gateway"),
        output: "spring-gateway/gateway.jar",
        prepare: build_spring_gateway,
        tests: None,
    },
];

/// What `--without` may name beside the suites.
pub(crate) fn peer_names() -> impl Iterator<Item = &'static str> {
    tested_peers().map(|peer| peer.name)
}

/// Makes everything that the compatibility tests need, but for the peers in `without`.
pub(crate) fn prepare(root: &Path, without: &[String]) -> Result<()> {
    prepare_all(root, tested_peers().filter(|peer| !is_left_out(peer, without)))
}

/// Makes what a benchmark needs.
pub(crate) fn prepare_only(root: &Path, names: &[&str]) -> Result<()> {
    prepare_all(root, PEERS.iter().filter(|peer| names.contains(&peer.name)))
}

fn tested_peers() -> impl Iterator<Item = &'static Peer> {
    PEERS.iter().filter(|peer| peer.tests.is_some())
}

fn prepare_all(root: &Path, peers: impl Iterator<Item = &'static Peer>) -> Result<()> {
    let peers: Vec<&Peer> = peers.collect();
    let tools: Vec<&Tool> = peers.iter().flat_map(|peer| peer.tools).collect();
    require(root, &tools)?;
    peers.into_iter().try_for_each(|peer| prepare_one(root, peer))
}

fn prepare_one(root: &Path, peer: &Peer) -> Result<()> {
    let Some(inputs) = peer.inputs else {
        return (peer.prepare)(root);
    };
    let stamp = stamp_of(root, inputs)?;
    let file = root.join(PREPARED).join(format!("{}.stamp", peer.name));
    let output = root.join(PREPARED).join(peer.output);
    if output.exists() && fs::read_to_string(&file).is_ok_and(|old| old == stamp) {
        return Ok(());
    }
    // Without its stamp, a half-prepared peer is prepared again.
    let _ = fs::remove_file(&file);
    (peer.prepare)(root)?;
    write(&file, &stamp)
}

/// Arguments for the test binaries that leave out the tests of the peers in `without`.
pub(crate) fn skips(without: &[String]) -> Vec<&'static str> {
    PEERS
        .iter()
        .filter(|peer| is_left_out(peer, without))
        .filter_map(|peer| peer.tests)
        .flat_map(|tests| ["--skip", tests])
        .collect()
}

fn is_left_out(peer: &Peer, without: &[String]) -> bool {
    without.iter().any(|name| name == peer.name)
}

fn build_spring(root: &Path) -> Result<()> {
    say("compat: building the Spring applications and the original Eureka server");
    package(root, "compat/eureka/spring/pom.xml")
}

fn build_spring_gateway(root: &Path) -> Result<()> {
    say("compat: building Spring Cloud Gateway");
    package(root, "compat/spring-gateway/pom.xml")
}

fn package(root: &Path, pom: &str) -> Result<()> {
    let arguments = ["--batch-mode", "--quiet", "--file", pom, "package"];
    Cmd::new(root, "mvn", &arguments).limit(DOWNLOAD_LIMIT).run()
}

fn install_npm(root: &Path) -> Result<()> {
    say("compat: installing the npm client");
    let folder = root.join(PREPARED).join("eureka/node");
    make(&folder)?;
    for file in ["package.json", "package-lock.json"] {
        let from = root.join("compat/eureka/node").join(file);
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
    install_environment(root, "eureka/python", "compat/eureka/python/requirements.txt")
}

fn install_etcd_python(root: &Path) -> Result<()> {
    say("compat: installing etcd's Python clients");
    install_environment(root, "etcd/python", "compat/etcd/python/requirements.txt")
}

fn install_environment(root: &Path, to: &str, requirements: &str) -> Result<()> {
    let folder = root.join(PREPARED).join(to);
    make(&folder)?;
    let environment = folder.to_string_lossy().into_owned();
    Cmd::new(root, "python3", &["-m", "venv", "--clear", &environment]).run()?;
    let python = folder.join("bin/python").to_string_lossy().into_owned();
    let arguments = ["-m", "pip", "install", "--quiet", "--requirement", requirements];
    Cmd::new(root, &python, &arguments).limit(DOWNLOAD_LIMIT).run()
}

/// Debian's etcd with v2; a current one with its tools, and the clients in Go, built from Go modules with the checksums of
/// `go.sum`.
fn build_etcd(root: &Path) -> Result<()> {
    proxies::prepare_etcd(root)?;
    say("compat: building a current etcd and its clients in Go");
    let module = root.join("compat/etcd/go");
    for (program, package) in ETCD_PROGRAMS {
        let to = root.join(PREPARED).join("etcd/go").join(program);
        let arguments = [
            "build",
            "-mod=readonly",
            "-trimpath",
            "-o",
            &to.to_string_lossy(),
            package,
        ];
        Cmd::new(&module, "go", &arguments).limit(DOWNLOAD_LIMIT).run()?;
    }
    Ok(())
}

fn build_etcd_java(root: &Path) -> Result<()> {
    say("compat: building the stories of jetcd");
    package(root, "compat/etcd/java/pom.xml")
}

/// The crate's build wants a protobuf compiler; `protox` is one that cargo can install, and takes the same arguments.
fn build_etcd_rust(root: &Path) -> Result<()> {
    say("compat: building the stories of the crate etcd-client");
    let target = root
        .join(PREPARED)
        .join("etcd/rust")
        .to_string_lossy()
        .into_owned();
    let compiler = root.join(PREPARED).join("etcd/protox");
    let to = compiler.to_string_lossy().into_owned();
    let install = [
        "install",
        "--quiet",
        "--locked",
        "--version",
        PROTOX,
        "--features",
        "bin",
    ];
    let places = ["--debug", "--root", &to, "--target-dir", &target, "protox"];
    Cmd::cargo(root, &[&install[..], &places].concat())
        .limit(DOWNLOAD_LIMIT)
        .run()?;
    let manifest = "compat/etcd/rust/Cargo.toml";
    let arguments = [
        "build",
        "--quiet",
        "--locked",
        "--manifest-path",
        manifest,
        "--target-dir",
        &target,
    ];
    Cmd::cargo(root, &arguments)
        .env("PROTOC", compiler.join("bin/protox").to_string_lossy())
        .limit(DOWNLOAD_LIMIT)
        .run()
}

/// The sources of one crate and what it depends on, at the versions and with the checksums of its lock. Nothing is built.
fn fetch_desync_cases(root: &Path) -> Result<()> {
    say("compat: fetching the cases of http_desync_guardian");
    let to = format!("{PREPARED}/gateway/desync");
    let manifest = "compat/gateway/desync/Cargo.toml";
    let arguments = ["vendor", "--locked", "--quiet", "--manifest-path", manifest, &to];
    // What it prints is advice for a workspace that would build from there.
    Cmd::cargo(root, &arguments)
        .limit(DOWNLOAD_LIMIT)
        .read()
        .map(|_| ())
}

/// A text that changes when any input changes: each file's path, length and FNV-1a hash.
fn stamp_of(root: &Path, inputs: &str) -> Result<String> {
    let mut files = Vec::new();
    collect(&root.join(inputs), &mut files)?;
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
        let file = root.join("sources/requirements.txt");
        write(&file, "one").unwrap();
        let first = stamp_of(&root, "sources").unwrap();
        assert_eq!(first, stamp_of(&root, "sources").unwrap());
        write(&file, "two").unwrap();
        assert_ne!(first, stamp_of(&root, "sources").unwrap());
        fs::remove_dir_all(&root).unwrap();
    }
}
