//! Where logs go: one line each to standard error, in colour only where a person looks.
//!
//! Standard output stays for what a command was asked for, so that it can be piped.

use std::io::{self, IsTerminal};

use koinon_base::ErrorKind;
use thiserror::Error;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::{LevelFilter, ParseError};

/// The environment variable that chooses what is logged, in `tracing`'s filter form: `debug`, or
/// `info,koinon_io_net=trace`. Unset or empty: `info`.
pub const FILTER_VARIABLE: &str = "KOINON_LOG";

/// Why logs could not be set up.
#[derive(Debug, Error)]
pub enum LogError {
    /// The variable does not hold a filter.
    #[error("{FILTER_VARIABLE} is {text:?}, which is not a filter; try \"info\" or \"debug\"")]
    BadFilter {
        /// What it holds.
        text: String,
        /// What is wrong with it.
        source: ParseError,
    },
    /// Something in this process already receives logs.
    #[error("logs are already set up in this process")]
    AlreadySet,
}

impl LogError {
    /// What the caller must do.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::BadFilter { .. } => ErrorKind::Invalid,
            Self::AlreadySet => ErrorKind::Internal,
        }
    }
}

/// Sends this process's logs to standard error. To be called once, by `main`.
///
/// # Errors
/// When the variable's filter cannot be read, or logs were set up before.
pub fn init() -> Result<(), LogError> {
    let filter = filter(std::env::var(FILTER_VARIABLE).unwrap_or_default())?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .compact()
        .try_init()
        .map_err(|_| LogError::AlreadySet)
}

fn filter(text: String) -> Result<EnvFilter, LogError> {
    let builder = EnvFilter::builder().with_default_directive(LevelFilter::INFO.into());
    builder
        .parse(&text)
        .map_err(|source| LogError::BadFilter { text, source })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Nothing set means `info`; what is set is used; what cannot be read is shown back instead of ignored.
    #[test]
    fn the_filter_is_read() {
        assert_eq!(
            filter(String::new()).unwrap().max_level_hint(),
            Some(LevelFilter::INFO)
        );
        assert_eq!(
            filter("debug".into()).unwrap().max_level_hint(),
            Some(LevelFilter::DEBUG)
        );
        assert_eq!(
            filter("warn,koinon_io_net=trace".into())
                .unwrap()
                .max_level_hint(),
            Some(LevelFilter::TRACE)
        );
        let error = filter("a=b=c".into()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "KOINON_LOG is \"a=b=c\", which is not a filter; try \"info\" or \"debug\""
        );
    }
}
