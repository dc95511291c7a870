//! What can stop a benchmark.

use std::error::Error as _;
use std::io;
use std::path::PathBuf;

pub(crate) type Result<T> = std::result::Result<T, Error>;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("{0}")]
    Usage(String),
    #[error("{what} is missing; get it with: {get}")]
    Missing { what: String, get: String },
    #[error("{what}")]
    Io { what: String, source: io::Error },
    #[error("{path}: {what}", path = path.display())]
    File { path: PathBuf, what: String },
    #[error("{name} did not {what} within {seconds} s; its output is in {log}", log = log.display())]
    Late {
        name: String,
        what: String,
        seconds: u64,
        log: PathBuf,
    },
    #[error("{name} ended while it was needed ({status}); its output is in {log}", log = log.display())]
    Ended {
        name: String,
        status: String,
        log: PathBuf,
    },
    #[error(transparent)]
    Testkit(#[from] koinon_testkit::Error),
    /// The server answered something else than the operation needs, so its cost would mean nothing.
    #[error("{request}: expected {expected}, got {got}")]
    Answer {
        request: String,
        expected: String,
        got: String,
    },
}

impl Error {
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }

    /// The message with its causes; `Display` alone never prints its source.
    pub(crate) fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }
}
