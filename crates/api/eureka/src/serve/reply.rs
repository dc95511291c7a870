//! Answers, in the forms that Eureka's clients know.
//!
//! They look at the status and rarely at the body of a refusal. A registration that is refused gets Eureka's own
//! one-line texts; everything else gets the object that Spring's server sends, with a message added that says what
//! was wrong.

use http::header::{ALLOW, CONTENT_ENCODING, CONTENT_TYPE, VARY};
use http::{HeaderValue, Response, StatusCode};
use koinon_base::ErrorKind;
use serde::Serialize;

use super::body::{Body, Pieces};
use crate::wire::Format;

/// An answer without a body.
pub(super) fn empty(status: StatusCode) -> Response<Body> {
    with(status, Body::empty())
}

/// A list, compressed or not.
pub(super) fn list(format: Format, gzip: bool, pieces: Pieces) -> Response<Body> {
    let mut response = message(format, pieces.into());
    response.headers_mut().insert(
        VARY,
        HeaderValue::from_static("accept, accept-encoding, x-eureka-accept"),
    );
    if gzip {
        response
            .headers_mut()
            .insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

/// A message in one of the two formats.
pub(super) fn message(format: Format, body: Body) -> Response<Body> {
    typed(StatusCode::OK, format.content_type(), body)
}

/// A page for people.
pub(super) fn page(html: String) -> Response<Body> {
    typed(StatusCode::OK, "text/html; charset=utf-8", html.into())
}

/// A refusal in Eureka's own words, which clients log as they are.
pub(super) fn refused(text: String) -> Response<Body> {
    typed(StatusCode::BAD_REQUEST, "text/plain; charset=utf-8", text.into())
}

/// A refusal in the form of Spring's server.
pub(super) fn error(status: StatusCode, path: &str, message: &str) -> Response<Body> {
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
pub(super) fn method_not_allowed(path: &str, allow: &'static str) -> Response<Body> {
    let text = format!("this path takes {allow}");
    let mut response = error(StatusCode::METHOD_NOT_ALLOWED, path, &text);
    response
        .headers_mut()
        .insert(ALLOW, HeaderValue::from_static(allow));
    response
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

fn typed(status: StatusCode, content_type: &'static str, body: Body) -> Response<Body> {
    let mut response = with(status, body);
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

fn with(status: StatusCode, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
}
