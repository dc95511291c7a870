//! Every error of this door, and the one table from kinds to HTTP statuses.

use http::StatusCode;
use koinon_base::ErrorKind;
use koinon_io_net::{HostRefused, ReadBodyError};
use koinon_service_registry::{PositionError, ServiceError};
use koinon_store::SnapshotError;

use crate::wire::{ErrorBody, Problem};

/// An error on its way to the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApiError {
    pub(crate) status: StatusCode,
    pub(crate) kind: ErrorKind,
    pub(crate) message: String,
    pub(crate) details: Vec<Problem>,
}

impl ApiError {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            status: status_of_kind(kind),
            kind,
            message: message.into(),
            details: Vec::new(),
        }
    }

    /// The same error under a status that HTTP has a more exact word for.
    pub(crate) fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// A request with problems; there must be one at least.
    pub(crate) fn invalid(details: Vec<Problem>) -> Self {
        let message = match &details[..] {
            [one] => format!("{} {}", one.field, one.problem),
            many => format!("the request has {} problems", many.len()),
        };
        Self {
            details,
            ..Self::new(ErrorKind::Invalid, message)
        }
    }

    pub(crate) fn body(&self) -> ErrorBody {
        ErrorBody {
            code: self.kind.as_str().to_owned(),
            message: self.message.clone(),
            details: self.details.clone(),
        }
    }
}

fn status_of_kind(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::Invalid => StatusCode::BAD_REQUEST,
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::AlreadyExists | ErrorKind::Conflict => StatusCode::CONFLICT,
        ErrorKind::Unauthenticated => StatusCode::UNAUTHORIZED,
        ErrorKind::PermissionDenied => StatusCode::FORBIDDEN,
        ErrorKind::Overloaded => StatusCode::TOO_MANY_REQUESTS,
        ErrorKind::NotLeader | ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        ErrorKind::OutcomeUnknown => StatusCode::GATEWAY_TIMEOUT,
        ErrorKind::Corrupt | ErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl From<ServiceError> for ApiError {
    fn from(error: ServiceError) -> Self {
        Self::new(error.kind(), error.to_string())
    }
}

impl From<SnapshotError> for ApiError {
    fn from(error: SnapshotError) -> Self {
        Self::new(error.kind(), error.to_string())
    }
}

impl From<PositionError> for ApiError {
    fn from(error: PositionError) -> Self {
        Self::invalid(vec![Problem::new("Last-Event-ID", error.to_string())])
    }
}

impl From<&HostRefused> for ApiError {
    fn from(refused: &HostRefused) -> Self {
        Self::new(refused.kind(), refused.to_string())
    }
}

impl From<ReadBodyError> for ApiError {
    fn from(error: ReadBodyError) -> Self {
        let status = match &error {
            ReadBodyError::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            ReadBodyError::TimedOut { .. } => StatusCode::REQUEST_TIMEOUT,
            ReadBodyError::Broken(_) => StatusCode::BAD_REQUEST,
        };
        Self::new(error.kind(), error.to_string()).with_status(status)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A single problem is told in the message itself; several are counted and listed.
    #[test]
    fn problems_are_told_in_full() {
        let one = ApiError::invalid(vec![Problem::new("port", "is missing")]);
        assert_eq!(
            (one.status, &one.message[..]),
            (StatusCode::BAD_REQUEST, "port is missing")
        );
        assert_eq!(one.body().code, "invalid");
        let two = ApiError::invalid(vec![Problem::new("a", "x"), Problem::new("b", "y")]);
        assert_eq!(two.message, "the request has 2 problems");
        assert_eq!(two.body().details.len(), 2);
    }

    /// HTTP's own words are used where there are any, the code still says what to do.
    #[test]
    fn a_body_too_large_is_413_and_invalid() {
        let error = ApiError::from(ReadBodyError::TooLarge { limit: 5 });
        assert_eq!((error.status.as_u16(), error.kind), (413, ErrorKind::Invalid));
    }
}
