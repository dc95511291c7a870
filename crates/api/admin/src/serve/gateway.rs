//! The data plane's routes and upstreams, and what would become of a request.

use std::sync::Arc;

use axum::body::Body;
use axum::extract;
use axum::response::Response;
use http::StatusCode;

use super::extract::{not_found, read_body};
use super::{State, json};
use crate::data_plane::DataPlane;
use crate::translate::{self, ApiError};
use crate::wire::{ErrorBody, Problem, RouteList, Tried, TryRequest, UpstreamList};

/// There may be 100,000 routes, each with patterns to be asked or texts to be written.
const MANY: usize = usize::MAX;

fn data_plane(state: &State) -> Result<Arc<dyn DataPlane>, ApiError> {
    let plane = state.door.data_plane.clone();
    plane.ok_or_else(|| not_found("this node has no gateway; listen.gateway is off".into()))
}

/// The gateway's routes
///
/// In the order in which they are matched, with what each has answered.
#[utoipa::path(
    get, path = "/v1/routes", operation_id = "list_routes", tag = "gateway",
    responses(
        (status = 200, body = RouteList),
        (status = 404, body = ErrorBody, description = "The node has no gateway"),
        (status = "default", body = ErrorBody, description = "An error"),
    ),
)]
pub(super) async fn routes(extract::State(state): extract::State<State>) -> Result<Response, ApiError> {
    let plane = data_plane(&state)?;
    let write = move || {
        json(
            StatusCode::OK,
            &RouteList {
                routes: plane.routes(),
            },
        )
    };
    Ok(state.door.background.run(MANY, write).await)
}

/// The gateway's upstreams
///
/// With the endpoints of each and whether they get requests.
#[utoipa::path(
    get, path = "/v1/upstreams", operation_id = "list_upstreams", tag = "gateway",
    responses(
        (status = 200, body = UpstreamList),
        (status = 404, body = ErrorBody, description = "The node has no gateway"),
        (status = "default", body = ErrorBody, description = "An error"),
    ),
)]
pub(super) async fn upstreams(extract::State(state): extract::State<State>) -> Result<Response, ApiError> {
    let plane = data_plane(&state)?;
    let write = move || {
        json(
            StatusCode::OK,
            &UpstreamList {
                upstreams: plane.upstreams(),
            },
        )
    };
    Ok(state.door.background.run(MANY, write).await)
}

/// Which route would take a request, and why
///
/// Nothing is sent anywhere.
#[utoipa::path(
    post, path = "/v1/routes/try", operation_id = "try_request", tag = "gateway", request_body = TryRequest,
    responses(
        (status = 200, body = Tried),
        (status = 404, body = ErrorBody, description = "The node has no gateway"),
        (status = "default", body = ErrorBody, description = "An error"),
    ),
)]
pub(super) async fn try_request(
    extract::State(state): extract::State<State>,
    body: Body,
) -> Result<Response, ApiError> {
    let plane = data_plane(&state)?;
    let body = read_body(body).await?;
    let asked: TryRequest = serde_json::from_slice(&body)
        .map_err(|error| ApiError::invalid(vec![Problem::new("body", error.to_string())]))?;
    let request = translate::owned_request(&asked).map_err(ApiError::invalid)?;
    let explain = move || json(StatusCode::OK, &translate::tried(plane.explain(&request)));
    Ok(state.door.background.run(MANY, explain).await)
}
