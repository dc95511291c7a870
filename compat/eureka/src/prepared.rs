//! Where the things are that the suite needs and that no Cargo build makes: the Spring applications, the npm
//! package and the Python environment.
//!
//! Invariant: what is missing is an error that names it and the command that prepares it, never a skipped test.

use std::env;
use std::path::{Path, PathBuf};

use koinon_testkit::{Error, Result};

/// Overrides the folder with the prepared things.
const FOLDER_VARIABLE: &str = "KOINON_COMPAT_EUREKA";
const PREPARE: &str = "prepare it with `cargo xtask test compat`";

fn sources() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn folder() -> PathBuf {
    env::var_os(FOLDER_VARIABLE).map_or_else(|| sources().join("../../target/compat/eureka"), PathBuf::from)
}

fn existing(path: PathBuf, what: &str, get: &str) -> Result<PathBuf> {
    if path.exists() {
        return Ok(path);
    }
    Err(Error::Missing {
        what: format!("{what} ({})", path.display()),
        get: get.to_owned(),
    })
}

fn on_path(program: &str, what: &str, package: &str) -> Result<PathBuf> {
    let paths = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&paths)
        .map(|folder| folder.join(program))
        .find(|path| path.is_file());
    found.ok_or_else(|| Error::Missing {
        what: format!("{what} (`{program}` on the PATH)"),
        get: format!("on Debian: apt-get install {package}; then {PREPARE}"),
    })
}

/// The Java virtual machine.
///
/// # Errors
/// [`Error::Missing`].
pub fn java() -> Result<PathBuf> {
    on_path("java", "a Java 17 virtual machine", "default-jdk-headless")
}

/// One of the Spring applications: `server`, `provider` or `consumer`.
///
/// # Errors
/// [`Error::Missing`].
pub fn jar(application: &str) -> Result<PathBuf> {
    let path = folder()
        .join("spring")
        .join(application)
        .join(format!("{application}.jar"));
    existing(path, &format!("the Spring application {application}"), PREPARE)
}

/// Node.js.
///
/// # Errors
/// [`Error::Missing`].
pub fn node() -> Result<PathBuf> {
    on_path("node", "Node.js 18 or newer", "nodejs")
}

/// The folder in which Node.js finds `eureka-js-client`.
///
/// # Errors
/// [`Error::Missing`].
pub fn node_modules() -> Result<PathBuf> {
    let modules = folder().join("node").join("node_modules");
    existing(
        modules.join("eureka-js-client"),
        "the npm package eureka-js-client",
        PREPARE,
    )?;
    Ok(modules)
}

/// The program that drives `eureka-js-client` by commands.
pub fn node_driver() -> PathBuf {
    sources().join("node/drive.js")
}

/// The Python of the environment that has `py_eureka_client`.
///
/// # Errors
/// [`Error::Missing`].
pub fn python() -> Result<PathBuf> {
    let path = folder().join("python").join("bin").join("python");
    existing(path, "the Python environment with py_eureka_client", PREPARE)
}

/// The program that drives `py_eureka_client` by commands.
pub fn python_driver() -> PathBuf {
    sources().join("python/drive.py")
}
