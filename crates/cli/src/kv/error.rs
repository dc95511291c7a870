//! Why a `koinon kv` command failed, and with which exit code.

use std::io;

use koinon_base::ErrorKind;
use koinon_io_net::ClientError;
use serde::Deserialize;
use thiserror::Error;

use crate::EXIT_USAGE;

/// The exit code when the server cannot help now (`EX_UNAVAILABLE` of sysexits.h).
const EXIT_UNAVAILABLE: u8 = 69;
/// The exit code of everything else.
const EXIT_FAILURE: u8 = 1;

/// gRPC's numbers of the codes that decide an exit code.
const INVALID_ARGUMENT: u8 = 3;
const NOT_FOUND: u8 = 5;
const RESOURCE_EXHAUSTED: u8 = 8;
const UNAVAILABLE: u8 = 14;

/// An error as the listener writes it.
#[derive(Debug, Deserialize)]
pub(super) struct Refusal {
    code: u8,
    message: String,
}

#[derive(Debug, Error)]
pub(super) enum KvError {
    /// No answer.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The answer is an error.
    #[error("{}", .0.message)]
    Refused(Refusal),
    /// The answer is not one of this API.
    #[error(
        "{endpoint} gave an answer that is none of etcd's API (status {status}); is it the etcd listener?"
    )]
    Foreign { endpoint: String, status: u16 },
    /// The answer is not the shape that was expected.
    #[error("the answer cannot be read; is the server of another version?")]
    Unreadable(#[source] serde_json::Error),
    /// A line of an answer is longer than any should be.
    #[error("the server sent a line of more than {limit} bytes")]
    TooLong { limit: usize },
    /// What was asked for makes no sense.
    #[error("{0}")]
    Invalid(String),
    /// The server ended a watch.
    #[error("the watch was cancelled: {0}")]
    Cancelled(String),
    /// The connection was lost and did not come back.
    #[error("the server has been away for {away_s} s")]
    Gone {
        away_s: u64,
        #[source]
        source: Box<KvError>,
    },
    /// The server has no such lease, or has none any more.
    #[error("lease {0:016x} expired or was revoked")]
    LeaseLost(i64),
    /// An answer ended before it said anything.
    #[error("the server ended the answer too early")]
    CutShort,
    #[error("cannot read standard input")]
    Input(#[source] io::Error),
    #[error("cannot write to standard output")]
    Output(#[source] io::Error),
    #[error("cannot run {command}")]
    Command {
        command: String,
        #[source]
        source: io::Error,
    },
    #[error("cannot listen for signals")]
    Signals(#[source] io::Error),
}

impl KvError {
    pub(super) fn invalid(what: impl Into<String>) -> Self {
        Self::Invalid(what.into())
    }

    pub(super) fn exit_code(&self) -> u8 {
        match self {
            Self::Invalid(_) => EXIT_USAGE,
            Self::Client(error) if error.kind() == ErrorKind::Invalid => EXIT_USAGE,
            Self::Client(error) if error.kind() == ErrorKind::Unavailable => EXIT_UNAVAILABLE,
            Self::Refused(refusal) => match refusal.code {
                INVALID_ARGUMENT => EXIT_USAGE,
                RESOURCE_EXHAUSTED | UNAVAILABLE => EXIT_UNAVAILABLE,
                _ => EXIT_FAILURE,
            },
            Self::Gone { .. } => EXIT_UNAVAILABLE,
            Self::Client(_)
            | Self::Foreign { .. }
            | Self::Unreadable(_)
            | Self::TooLong { .. }
            | Self::Cancelled(_)
            | Self::LeaseLost(_)
            | Self::CutShort
            | Self::Input(_)
            | Self::Output(_)
            | Self::Command { .. }
            | Self::Signals(_) => EXIT_FAILURE,
        }
    }

    /// Whether the same request may succeed a little later, as it may when a server restarts.
    pub(super) fn is_passing(&self) -> bool {
        match self {
            Self::Client(error) => matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::OutcomeUnknown),
            Self::Refused(refusal) => refusal.code == UNAVAILABLE,
            Self::CutShort => true,
            Self::Foreign { .. }
            | Self::Unreadable(_)
            | Self::TooLong { .. }
            | Self::Invalid(_)
            | Self::Cancelled(_)
            | Self::Gone { .. }
            | Self::LeaseLost(_)
            | Self::Input(_)
            | Self::Output(_)
            | Self::Command { .. }
            | Self::Signals(_) => false,
        }
    }

    /// Whether the server says that there is no such thing.
    pub(super) fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.code == NOT_FOUND)
    }

    /// Whether the reader of our output went away (`| head`): it has what it wanted.
    pub(super) fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A script learns from the exit code whether to change its request, to try again later, or neither.
    #[test]
    fn exit_codes_say_whose_turn_it_is() {
        let refused = |code| {
            KvError::Refused(Refusal {
                code,
                message: "no".into(),
            })
        };
        let codes = [INVALID_ARGUMENT, UNAVAILABLE, RESOURCE_EXHAUSTED, NOT_FOUND, 11];
        assert_eq!(codes.map(|code| refused(code).exit_code()), [64, 69, 69, 1, 1]);
        assert_eq!(
            codes.map(|code| refused(code).is_passing()),
            [false, true, false, false, false]
        );
        assert_eq!(KvError::invalid("x").exit_code(), 64);
        assert_eq!(
            KvError::LeaseLost(0x77).to_string(),
            "lease 0000000000000077 expired or was revoked"
        );
    }
}
