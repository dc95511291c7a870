//! Why a command failed, and with which exit code.

use std::fmt;
use std::io;

use koinon_api_admin::wire::{ErrorBody, Problem};
use koinon_base::ErrorKind;
use koinon_io_backend::BackendError;
use koinon_io_net::ClientError;
use koinon_node::{RestoreError, RoutesError};
use koinon_store::SnapshotError;
use thiserror::Error;

use crate::EXIT_USAGE;

/// The exit code when the server cannot help now (`EX_UNAVAILABLE` of sysexits.h).
const EXIT_UNAVAILABLE: u8 = 69;
/// The exit code of everything else.
const EXIT_FAILURE: u8 = 1;

#[derive(Debug, Error)]
pub(crate) enum CommandError {
    /// No answer.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The answer is an error.
    #[error("{}{}", .0.message, Listed(&.0.details))]
    Refused(ErrorBody),
    /// The answer is not one of this API.
    #[error(
        "{endpoint} gave an answer that is none of Koinon's (status {status}); is it the admin listener?"
    )]
    Foreign { endpoint: String, status: u16 },
    /// The answer is not the shape that was expected.
    #[error("the answer cannot be read; is the server of another version?")]
    Unreadable(#[source] serde_json::Error),
    /// The connection to a watch was lost and did not come back.
    #[error("the server has been away for {away_s} s")]
    Gone {
        away_s: u64,
        #[source]
        source: Box<CommandError>,
    },
    /// A file of routes is wrong.
    #[error(transparent)]
    Routes(RoutesError),
    /// A snapshot's file cannot be written, or is damaged.
    #[error(transparent)]
    File(#[from] BackendError),
    /// What is in a snapshot makes no sense.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// A data folder was not restored.
    #[error(transparent)]
    Restore(#[from] RestoreError),
    /// A request that was tried would be answered with 404.
    #[error("no route takes the request")]
    NoRoute,
    /// Nothing can be written.
    #[error("cannot write to standard output")]
    Output(#[source] io::Error),
    /// The system refused something else.
    #[error("cannot listen for signals")]
    Signals(#[source] io::Error),
}

impl CommandError {
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Client(error) => exit_code(error.kind()),
            Self::Refused(body) => match body.code.as_str() {
                "invalid" => EXIT_USAGE,
                "unavailable" | "overloaded" | "not_leader" => EXIT_UNAVAILABLE,
                _ => EXIT_FAILURE,
            },
            Self::Gone { .. } => EXIT_UNAVAILABLE,
            Self::Routes(error) => exit_code(error.kind()),
            Self::File(error) if is_wrong_path(error) => EXIT_USAGE,
            Self::File(error) => exit_code(error.kind()),
            Self::Snapshot(error) => exit_code(error.kind()),
            Self::Restore(error) => exit_code(error.kind()),
            Self::NoRoute
            | Self::Foreign { .. }
            | Self::Unreadable(_)
            | Self::Output(_)
            | Self::Signals(_) => EXIT_FAILURE,
        }
    }

    /// Whether the same request may succeed a little later, as it may when a server restarts.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            Self::Client(error) => matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::OutcomeUnknown),
            Self::Refused(_) => self.exit_code() == EXIT_UNAVAILABLE,
            Self::Foreign { .. }
            | Self::Unreadable(_)
            | Self::Gone { .. }
            | Self::Routes(_)
            | Self::File(_)
            | Self::Snapshot(_)
            | Self::Restore(_)
            | Self::NoRoute
            | Self::Output(_)
            | Self::Signals(_) => false,
        }
    }

    /// Whether the server says that there is no such thing.
    pub(crate) fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused(body) if body.code == ErrorKind::NotFound.as_str())
    }
}

fn exit_code(kind: ErrorKind) -> u8 {
    match kind {
        ErrorKind::Invalid => EXIT_USAGE,
        ErrorKind::Unavailable | ErrorKind::Overloaded | ErrorKind::NotLeader => EXIT_UNAVAILABLE,
        ErrorKind::NotFound
        | ErrorKind::AlreadyExists
        | ErrorKind::Conflict
        | ErrorKind::Unauthenticated
        | ErrorKind::PermissionDenied
        | ErrorKind::OutcomeUnknown
        | ErrorKind::Corrupt
        | ErrorKind::Internal => EXIT_FAILURE,
    }
}

/// Whether the file's name is the mistake: there is no such folder, or none that may be written to.
fn is_wrong_path(error: &BackendError) -> bool {
    let cause = std::error::Error::source(error).and_then(|cause| cause.downcast_ref::<io::Error>());
    cause.is_some_and(|cause| {
        matches!(
            cause.kind(),
            io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied | io::ErrorKind::NotADirectory
        )
    })
}

/// Several problems, a line each; a single one is in the message already.
struct Listed<'a>(&'a [Problem]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.len() < 2 {
            return Ok(());
        }
        self.0
            .iter()
            .try_for_each(|Problem { field, problem }| write!(f, "\n  {field} {problem}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A person who made two mistakes reads both; the exit code says whose fault it is.
    #[test]
    fn refusals_are_told_in_full() {
        let problem = |field: &str| Problem {
            field: field.into(),
            problem: "is missing".into(),
        };
        let refused = |code: &str, details: Vec<Problem>| {
            CommandError::Refused(ErrorBody {
                code: code.into(),
                message: "no".into(),
                details,
            })
        };
        let two = refused("invalid", vec![problem("a"), problem("b")]);
        assert_eq!(two.to_string(), "no\n  a is missing\n  b is missing");
        assert_eq!(refused("invalid", vec![problem("a")]).to_string(), "no");
        assert_eq!((two.exit_code(), two.is_passing()), (64, false));
        assert_eq!(refused("overloaded", vec![]).exit_code(), 69);
        assert!(refused("unavailable", vec![]).is_passing());
        assert_eq!(refused("not_found", vec![]).exit_code(), 1);
        assert_eq!(refused("a later code", vec![]).exit_code(), 1);
    }
}
