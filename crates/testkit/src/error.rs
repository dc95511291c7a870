//! The one error of the test kit. Tests unwrap it, so its text carries what a person needs: the process, the
//! address or the condition, and the end of the log where there is one.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Why a test's helper could not do its work.
#[derive(thiserror::Error)]
pub enum Error {
    /// A program or a prepared file is not there.
    #[error("{what} is missing: {get}")]
    Missing {
        /// What was looked for and where.
        what: String,
        /// How to get it.
        get: String,
    },
    /// A file or folder could not be used.
    #[error("cannot use {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A process could not be started, or it ended when it should not have.
    #[error("process {name}: {what}\n--- the end of its log ---\n{log}")]
    Process {
        /// The process's name in the test.
        name: String,
        /// What happened.
        what: String,
        /// The end of what it printed.
        log: String,
    },
    /// A condition did not come true in time.
    #[error("waited {within:?} for: {what}")]
    TimedOut {
        /// The condition.
        what: String,
        /// How long.
        within: Duration,
    },
    /// The connection failed.
    #[error("http to {address}: {source}")]
    Connection {
        /// The server's address.
        address: SocketAddr,
        /// What the operating system said.
        source: io::Error,
    },
    /// The server answered what is no HTTP/1.1.
    #[error("http from {address}: {what}")]
    Answer {
        /// The server's address.
        address: SocketAddr,
        /// What is wrong with it.
        what: String,
    },
}

impl fmt::Debug for Error {
    /// As for people: `unwrap` in a test prints this, and an escaped log cannot be read.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
