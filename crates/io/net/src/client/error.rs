//! What can go wrong between a client and its server, told apart by what the caller may do next.

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use http::Method;
use koinon_base::ErrorKind;
use thiserror::Error;

/// Why there is no answer, or not all of it.
#[derive(Debug, Error)]
pub enum ClientError {
    /// The endpoint's text cannot be used.
    #[error("{text:?} is not an endpoint: {problem}")]
    BadEndpoint {
        /// What was given.
        text: String,
        /// What is wrong and what was expected.
        problem: &'static str,
    },
    /// The path or a header cannot be sent.
    #[error("{path:?} cannot be requested")]
    BadRequest {
        /// The path asked for.
        path: String,
        /// What is wrong with it.
        #[source]
        source: http::Error,
    },
    /// Nobody answers there.
    #[error("cannot connect to {endpoint}; is the server running there?")]
    Connect {
        /// Where.
        endpoint: String,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// The connection broke before the request was sent.
    #[error("the connection to {endpoint} broke before the request was sent")]
    Unsent {
        /// Where.
        endpoint: String,
        /// What happened.
        #[source]
        source: hyper::Error,
    },
    /// The connection broke after the request was sent.
    #[error("the connection to {endpoint} broke before the whole answer had come")]
    Lost {
        /// Where.
        endpoint: String,
        /// The request's method.
        method: Method,
        /// What happened.
        #[source]
        source: Box<dyn StdError + Send + Sync>,
    },
    /// The answer took too long.
    #[error("{endpoint} did not answer within {} ms", waited.as_millis())]
    TimedOut {
        /// Where.
        endpoint: String,
        /// The request's method.
        method: Method,
        /// How long was waited.
        waited: Duration,
    },
    /// The answer is larger than the client takes.
    #[error("{endpoint} sent more than {limit} bytes")]
    TooLarge {
        /// Where.
        endpoint: String,
        /// Bytes allowed.
        limit: usize,
    },
}

impl ClientError {
    /// What the caller must do. A request that only reads has changed nothing, however it ended; any other may
    /// have been processed once it was sent.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::BadEndpoint { .. } | Self::BadRequest { .. } => ErrorKind::Invalid,
            Self::Connect { .. } | Self::Unsent { .. } => ErrorKind::Unavailable,
            Self::Lost { method, .. } | Self::TimedOut { method, .. } if method.is_safe() => {
                ErrorKind::Unavailable
            }
            Self::Lost { .. } | Self::TimedOut { .. } => ErrorKind::OutcomeUnknown,
            Self::TooLarge { .. } => ErrorKind::Internal,
        }
    }
}
