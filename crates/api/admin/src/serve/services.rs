//! `GET /v1/services` and `GET /v1/services/{service}`.

use axum::extract;
use axum::response::Response;
use http::StatusCode;

use super::extract::{Asked, InNamespace, Segments, not_found};
use super::{State, json};
use crate::translate::{self, ApiError};
use crate::wire::{ErrorBody, Service, ServiceList};

/// All services of a namespace
///
/// With how many instances each has, by status.
#[utoipa::path(
    get, path = "/v1/services", operation_id = "list_services", tag = "services", params(InNamespace),
    responses((status = 200, body = ServiceList), (status = "default", body = ErrorBody, description = "An error")),
)]
pub(super) async fn list(
    extract::State(state): extract::State<State>,
    Asked(asked): Asked<InNamespace>,
) -> Result<Response, ApiError> {
    let namespace = translate::namespace(asked.namespace.as_deref())?;
    let snapshot = state.door.registry.snapshot(&namespace);
    let count = snapshot.as_ref().map_or(0, |snapshot| snapshot.counts.total());
    let write = move || {
        json(
            StatusCode::OK,
            &translate::service_list(&namespace, snapshot.as_ref()),
        )
    };
    Ok(state.door.background.run(count, write).await)
}

/// One service with its instances
///
/// In any status: those that take traffic are `up`.
#[utoipa::path(
    get, path = "/v1/services/{service}", operation_id = "get_service", tag = "services",
    params(("service" = String, Path, description = "The service, in any case"), InNamespace),
    responses(
        (status = 200, body = Service),
        (status = 404, body = ErrorBody, description = "It has no instances"),
        (status = "default", body = ErrorBody, description = "An error"),
    ),
)]
pub(super) async fn get(
    extract::State(state): extract::State<State>,
    Segments(service): Segments<String>,
    Asked(asked): Asked<InNamespace>,
) -> Result<Response, ApiError> {
    let namespace = translate::namespace(asked.namespace.as_deref())?;
    let service = translate::service(&service)?;
    let snapshot = state.door.registry.snapshot(&namespace);
    let view = snapshot
        .as_ref()
        .and_then(|snapshot| snapshot.service(&service))
        .cloned();
    let Some(view) = view else {
        return Err(not_found(format!(
            "service {service} has no instances in namespace {namespace}"
        )));
    };
    let count = view.instances.len();
    let write = move || json(StatusCode::OK, &translate::service_view(&view));
    Ok(state.door.background.run(count, write).await)
}
