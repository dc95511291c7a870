//! What operators and their tools ask: alive, ready, figures, and the API's own description.

use axum::extract;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use koinon_base::ErrorKind;
use koinon_io_telemetry::metrics::CONTENT_TYPE as METRICS_TYPE;
use serde::Serialize;
use utoipa::ToSchema;

use super::{State, json};
use crate::translate::ApiError;
use crate::wire::ErrorBody;

/// What a probe answers when all is well.
#[derive(Debug, Serialize, ToSchema)]
struct Probe {
    /// `ok` or `ready`.
    status: &'static str,
}

/// Is the process alive?
#[utoipa::path(get, path = "/healthz", operation_id = "get_health", tag = "operations", responses((status = 200, body = Probe)))]
pub(super) async fn healthz() -> Response {
    json(StatusCode::OK, &Probe { status: "ok" })
}

/// Does every listener serve?
#[utoipa::path(
    get, path = "/readyz", operation_id = "get_readiness", tag = "operations",
    responses((status = 200, body = Probe), (status = 503, body = ErrorBody, description = "Not yet, or no more")),
)]
pub(super) async fn readyz(extract::State(state): extract::State<State>) -> Result<Response, ApiError> {
    let unavailable = |message: String| Err(ApiError::new(ErrorKind::Unavailable, message));
    if state.drain.is_draining() {
        return unavailable("the process is draining".into());
    }
    let missing = state.door.readiness.missing();
    if !missing.is_empty() {
        return unavailable(format!("not serving yet: {}", missing.join(", ")));
    }
    Ok(json(StatusCode::OK, &Probe { status: "ready" }))
}

/// Figures as OpenMetrics text
#[utoipa::path(
    get, path = "/metrics", operation_id = "get_metrics", tag = "operations",
    responses((status = 200, body = String, content_type = "application/openmetrics-text")),
)]
pub(super) async fn metrics(extract::State(state): extract::State<State>) -> Response {
    ([(CONTENT_TYPE, METRICS_TYPE)], state.door.metrics.encode()).into_response()
}

/// This document
#[utoipa::path(
    get, path = "/v1/openapi.json", operation_id = "get_document", tag = "operations",
    responses((status = 200, description = "An OpenAPI document", content_type = "application/json")),
)]
pub(super) async fn document(extract::State(state): extract::State<State>) -> Response {
    ([(CONTENT_TYPE, "application/json")], state.document.to_string()).into_response()
}
