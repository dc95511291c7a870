//! Where the things are that the suite needs and that no Cargo build makes: the two etcds with their tools, and the
//! clients in other languages.
//!
//! Invariant: what is missing is an error that names it and the command that prepares it, never a skipped test.

use std::env;
use std::path::{Path, PathBuf};

use koinon_testkit::{Error, Result};

/// Overrides the folder with the prepared things.
const FOLDER_VARIABLE: &str = "KOINON_COMPAT_ETCD";
const PREPARE: &str = "prepare it with `cargo xtask test compat`";

/// This crate's folder: transcripts, and the sources of the clients.
#[must_use]
pub fn sources() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn folder() -> PathBuf {
    env::var_os(FOLDER_VARIABLE).map_or_else(|| sources().join("../../target/compat/etcd"), PathBuf::from)
}

fn existing(path: PathBuf, what: &str) -> Result<PathBuf> {
    if path.exists() {
        return Ok(path);
    }
    Err(Error::Missing {
        what: format!("{what} ({})", path.display()),
        get: PREPARE.to_owned(),
    })
}

/// `etcd`, `etcdctl` or `etcdutl` of a current etcd, built from its Go modules.
///
/// # Errors
/// [`Error::Missing`].
pub fn current(program: &str) -> Result<PathBuf> {
    existing(
        folder().join("go").join(program),
        &format!("the current {program}"),
    )
}

/// `etcd` or `etcdctl` of Debian's etcd 3.4: unpacked by `cargo xtask`, or installed.
///
/// # Errors
/// [`Error::Missing`].
pub fn debian(program: &str) -> Result<PathBuf> {
    let unpacked = folder().join("debian/usr/bin").join(program);
    let installed = PathBuf::from("/usr/bin").join(program);
    let found = if unpacked.exists() || !installed.exists() {
        unpacked
    } else {
        installed
    };
    existing(found, &format!("Debian's {program}"))
}

/// The program with the stories of Go's `clientv3`.
///
/// # Errors
/// [`Error::Missing`].
pub fn go_stories() -> Result<PathBuf> {
    existing(folder().join("go/stories"), "the program with Go's clientv3")
}

/// The program that sends the same requests to two servers and compares their answers.
///
/// # Errors
/// [`Error::Missing`].
pub fn differ() -> Result<PathBuf> {
    existing(
        folder().join("go/differ"),
        "the program that compares two servers",
    )
}

/// The jar with the stories of Java's `jetcd`.
///
/// # Errors
/// [`Error::Missing`].
pub fn java_stories() -> Result<PathBuf> {
    existing(folder().join("java/stories.jar"), "the program with Java's jetcd")
}

/// The Python of the environment that has the etcd clients.
///
/// # Errors
/// [`Error::Missing`].
pub fn python() -> Result<PathBuf> {
    existing(
        folder().join("python/bin/python"),
        "the Python environment with the etcd clients",
    )
}

/// The program with the stories of the Python clients.
#[must_use]
pub fn python_stories() -> PathBuf {
    sources().join("python/stories.py")
}

/// The program with the stories of the crate `etcd-client`.
///
/// # Errors
/// [`Error::Missing`].
pub fn rust_stories() -> Result<PathBuf> {
    existing(
        folder().join("rust/debug/stories"),
        "the program with the crate etcd-client",
    )
}
