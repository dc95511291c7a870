//! Taking a request apart, with every failure in the door's own form.

use std::time::Duration;

use axum::body::Body;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{FromRequestParts, Path, Query};
use bytes::Bytes;
use http::request::Parts;
use koinon_base::ErrorKind;
use koinon_io_net::read_body_limited;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use utoipa::IntoParams;

use super::State;
use crate::translate::ApiError;
use crate::wire::{Problem, Status};

/// The most bytes of a request's body. 2 MiB: the most metadata there may be, every byte of it escaped, is less.
const BODY_SIZE_MAX: usize = 2 * 1024 * 1024;
/// The longest a body may take. 10 s for 2 MiB is far below any line that could carry heartbeats.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// Reads a request's body.
pub(super) async fn read_body(body: Body) -> Result<Bytes, ApiError> {
    Ok(read_body_limited(body, BODY_SIZE_MAX, BODY_TIMEOUT).await?)
}

/// The decoded segments of the path.
#[derive(Debug)]
pub(super) struct Segments<T>(pub(super) T);

impl<T: DeserializeOwned + Send> FromRequestParts<State> for Segments<T> {
    type Rejection = ApiError;

    async fn from_request_parts(head: &mut Parts, state: &State) -> Result<Self, ApiError> {
        let read: Result<Path<T>, PathRejection> = Path::from_request_parts(head, state).await;
        let bad = |e: PathRejection| ApiError::invalid(vec![Problem::new("path", e.body_text())]);
        read.map(|Path(segments)| Self(segments)).map_err(bad)
    }
}

/// The parameters of the query. One that is not known is refused: a misspelt namespace must not mean `default`.
#[derive(Debug)]
pub(super) struct Asked<T>(pub(super) T);

impl<T: DeserializeOwned + Send> FromRequestParts<State> for Asked<T> {
    type Rejection = ApiError;

    async fn from_request_parts(head: &mut Parts, state: &State) -> Result<Self, ApiError> {
        let read: Result<Query<T>, QueryRejection> = Query::from_request_parts(head, state).await;
        let bad = |e: QueryRejection| ApiError::invalid(vec![Problem::new("query", e.body_text())]);
        read.map(|Query(asked)| Self(asked)).map_err(bad)
    }
}

/// Where to look.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct InNamespace {
    /// The namespace; `default` when absent.
    pub(super) namespace: Option<String>,
}

/// Where to look, and what to leave behind.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct LeavingStatus {
    /// The namespace; `default` when absent.
    pub(super) namespace: Option<String>,
    /// The status that the instance is left in until it says another; `unknown` when absent, which makes its next
    /// heartbeat ask it to register again, and leaves a persistent one what it was registered as.
    pub(super) status: Option<Status>,
}

/// An error for something that is not there.
pub(super) fn not_found(message: String) -> ApiError {
    ApiError::new(ErrorKind::NotFound, message)
}
