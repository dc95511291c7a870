//! Answers, in the forms that Eureka's clients know.
//!
//! They look at the status and rarely at the body of a refusal. A registration that is refused gets Eureka's own
//! one-line texts; everything else gets the object that Spring's server sends, with a message added that says what
//! was wrong.

use http::StatusCode;
use koinon_base::ErrorKind;
use koinon_io_net::{Answer, Payload};
use serde::Serialize;

use crate::wire::Format;

/// An answer without a body.
pub(super) fn empty(status: StatusCode) -> Answer {
    Answer::new(status.as_u16(), Payload::Empty)
}

/// A list, compressed or not.
pub(super) fn list(format: Format, gzip: bool, pieces: Payload) -> Answer {
    let answer = message(format, pieces).with("vary", "accept, accept-encoding, x-eureka-accept");
    match gzip {
        true => answer.with("content-encoding", "gzip"),
        false => answer,
    }
}

/// A message in one of the two formats.
pub(super) fn message(format: Format, body: Payload) -> Answer {
    typed(StatusCode::OK, format.content_type(), body)
}

/// A page for people.
pub(super) fn page(html: String) -> Answer {
    typed(StatusCode::OK, "text/html; charset=utf-8", html.into())
}

/// A refusal in Eureka's own words, which clients log as they are.
pub(super) fn refused(text: String) -> Answer {
    typed(StatusCode::BAD_REQUEST, "text/plain; charset=utf-8", text.into())
}

/// A refusal in the form of Spring's server.
pub(super) fn error(status: StatusCode, path: &str, message: &str) -> Answer {
    #[derive(Serialize)]
    struct Form<'a> {
        status: u16,
        error: &'a str,
        message: &'a str,
        path: &'a str,
    }
    let form = Form {
        status: status.as_u16(),
        error: status.canonical_reason().unwrap_or(""),
        message,
        path,
    };
    let body = serde_json::to_vec(&form).unwrap_or_default();
    typed(status, Format::Json.content_type(), body.into())
}

/// The wrong method for a path that exists.
pub(super) fn method_not_allowed(path: &str, allow: &'static str) -> Answer {
    let text = format!("this path takes {allow}");
    error(StatusCode::METHOD_NOT_ALLOWED, path, &text).with("allow", allow)
}

/// The status for an error's kind.
pub(super) fn status_of(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::Invalid => StatusCode::BAD_REQUEST,
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::AlreadyExists | ErrorKind::Conflict => StatusCode::CONFLICT,
        ErrorKind::Unauthenticated => StatusCode::UNAUTHORIZED,
        ErrorKind::PermissionDenied => StatusCode::FORBIDDEN,
        // Eureka's clients try their next server on any 5xx.
        ErrorKind::NotLeader | ErrorKind::Overloaded | ErrorKind::Unavailable => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        ErrorKind::OutcomeUnknown => StatusCode::GATEWAY_TIMEOUT,
        ErrorKind::Corrupt | ErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn typed(status: StatusCode, content_type: &'static str, body: Payload) -> Answer {
    Answer::new(status.as_u16(), body).with("content-type", content_type)
}
