//! One instance: read, register, heartbeat, override, deregister.

use axum::body::Body;
use axum::extract;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use koinon_base::ErrorKind;
use koinon_core_registry::{Consistency, RenewOutcome, Renewal, Status};

use super::extract::{Asked, InNamespace, LeavingStatus, Segments, not_found, read_body};
use super::{State, json};
use crate::translate::{self, ApiError, Target};
use crate::wire::{ErrorBody, Instance, RegisterRequest, StatusRequest};

type Path = Segments<(String, String)>;

fn target(Segments((service, id)): &Path, namespace: Option<&str>) -> Result<Target, ApiError> {
    let mut problems = Vec::new();
    Target::read(namespace, service, id, &mut problems).ok_or_else(|| ApiError::invalid(problems))
}

fn missing(target: &Target) -> ApiError {
    let Target {
        namespace,
        service,
        id,
    } = target;
    not_found(format!(
        "instance {id} of service {service} is not registered in namespace {namespace}"
    ))
}

/// One instance
#[utoipa::path(
    get, path = "/v1/services/{service}/instances/{id}", operation_id = "get_instance", tag = "instances",
    params(("service" = String, Path), ("id" = String, Path), InNamespace),
    responses((status = 200, body = Instance), (status = "default", body = ErrorBody, description = "An error")),
)]
pub(super) async fn get(
    extract::State(state): extract::State<State>,
    path: Path,
    Asked(asked): Asked<InNamespace>,
) -> Result<Response, ApiError> {
    let target = target(&path, asked.namespace.as_deref())?;
    let held = state
        .door
        .registry
        .get(&target.namespace, &target.service, &target.id);
    let held = held.ok_or_else(|| missing(&target))?;
    Ok(json(StatusCode::OK, &translate::instance(&held)))
}

/// Register an instance, or register it again
///
/// An ephemeral instance's lease starts anew, and it must send heartbeats from then on. A persistent one is in the store when
/// this is answered, stays until it is deregistered, and keeps the override it has. An id is of one class at a time. All
/// problems of a request are told at once.
#[utoipa::path(
    put, path = "/v1/services/{service}/instances/{id}", operation_id = "register_instance", tag = "instances",
    params(("service" = String, Path), ("id" = String, Path), InNamespace),
    request_body = RegisterRequest,
    responses(
        (status = 200, body = Instance, description = "It was registered before"),
        (status = 201, body = Instance, description = "It is new"),
        (status = 409, body = ErrorBody, description = "The id is registered in the other class: deregister it first"),
        (status = 503, body = ErrorBody, description = "It is persistent, and the store takes no writes"),
        (status = 504, body = ErrorBody, description = "It is persistent, and nobody knows whether the store has it: look"),
        (status = "default", body = ErrorBody, description = "An error"),
    ),
)]
pub(super) async fn register(
    extract::State(state): extract::State<State>,
    Segments((service, id)): Path,
    Asked(asked): Asked<InNamespace>,
    body: Body,
) -> Result<Response, ApiError> {
    let body = read_body(body).await?;
    let mut problems = Vec::new();
    let target = Target::read(asked.namespace.as_deref(), &service, &id, &mut problems);
    let request = RegisterRequest::read(&body, &mut problems);
    let made = translate::registration(target, request, &mut problems);
    let Some((target, registration)) = made else {
        return Err(ApiError::invalid(problems));
    };
    let registry = &state.door.registry;
    // Two first registrations at once may both be told that they are new, which misleads nobody.
    let known = registry
        .get(&target.namespace, &target.service, &target.id)
        .is_some();
    let held = match registration.consistency {
        Consistency::Ephemeral => registry.register(&target.namespace, registration)?,
        Consistency::Persistent => {
            registry
                .register_persistent(&target.namespace, registration)
                .await?
        }
    };
    let status = if known {
        StatusCode::OK
    } else {
        StatusCode::CREATED
    };
    Ok(json(status, &translate::instance(&held)))
}

/// Deregister an instance
#[utoipa::path(
    delete, path = "/v1/services/{service}/instances/{id}", operation_id = "deregister_instance", tag = "instances",
    params(("service" = String, Path), ("id" = String, Path), InNamespace),
    responses(
        (status = 204, description = "It is gone"),
        (status = 404, body = ErrorBody, description = "It is not registered"),
        (status = "default", body = ErrorBody, description = "An error"),
    ),
)]
pub(super) async fn deregister(
    extract::State(state): extract::State<State>,
    path: Path,
    Asked(asked): Asked<InNamespace>,
) -> Result<Response, ApiError> {
    let Target {
        namespace,
        service,
        id,
    } = target(&path, asked.namespace.as_deref())?;
    state.door.registry.deregister(&namespace, &service, &id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Send a heartbeat
///
/// Renews the instance's lease. The answer 404 means: register again. A persistent instance needs none, and has none to renew.
#[utoipa::path(
    post, path = "/v1/services/{service}/instances/{id}/heartbeat", operation_id = "send_heartbeat", tag = "instances",
    params(("service" = String, Path), ("id" = String, Path), InNamespace),
    responses(
        (status = 204, description = "The lease goes on"),
        (status = 404, body = ErrorBody, description = "It is not registered, or its status is unknown: register"),
        (status = "default", body = ErrorBody, description = "An error"),
    ),
)]
pub(super) async fn heartbeat(
    extract::State(state): extract::State<State>,
    path: Path,
    Asked(asked): Asked<InNamespace>,
) -> Result<Response, ApiError> {
    let target = target(&path, asked.namespace.as_deref())?;
    let renewal = Renewal::default();
    match state
        .door
        .registry
        .renew(&target.namespace, &target.service, &target.id, renewal)
    {
        RenewOutcome::Renewed | RenewOutcome::NotNeeded => Ok(StatusCode::NO_CONTENT.into_response()),
        RenewOutcome::NotRegistered => Err(missing(&target)),
        RenewOutcome::StatusUnknown => Err(not_found(format!(
            "the status of instance {} is unknown; register it again",
            target.id
        ))),
        // Both need a dirty timestamp or a peer, which this API's heartbeats do not have.
        RenewOutcome::RegistrantIsNewer | RenewOutcome::RegistryIsNewer(_) => Err(ApiError::new(
            ErrorKind::Conflict,
            "the instance has changed; register it again",
        )),
    }
}

/// Override an instance's status
///
/// Until the override is removed it holds against everything but the instance's own `down` and `starting`.
#[utoipa::path(
    put, path = "/v1/services/{service}/instances/{id}/status", operation_id = "override_status", tag = "instances",
    params(("service" = String, Path), ("id" = String, Path), InNamespace),
    request_body = StatusRequest,
    responses((status = 200, body = Instance), (status = "default", body = ErrorBody, description = "An error")),
)]
pub(super) async fn override_status(
    extract::State(state): extract::State<State>,
    Segments((service, id)): Path,
    Asked(asked): Asked<InNamespace>,
    body: Body,
) -> Result<Response, ApiError> {
    let body = read_body(body).await?;
    let mut problems = Vec::new();
    let target = Target::read(asked.namespace.as_deref(), &service, &id, &mut problems);
    let status = translate::status_of(StatusRequest::read(&body, &mut problems).status);
    let Some(target) = target.filter(|_| problems.is_empty()) else {
        return Err(ApiError::invalid(problems));
    };
    state
        .door
        .registry
        .set_override(&target.namespace, &target.service, &target.id, status, None)
        .await?;
    changed(&state, &target)
}

/// Remove the override of an instance's status
#[utoipa::path(
    delete, path = "/v1/services/{service}/instances/{id}/status", operation_id = "remove_override", tag = "instances",
    params(("service" = String, Path), ("id" = String, Path), LeavingStatus),
    responses((status = 200, body = Instance), (status = "default", body = ErrorBody, description = "An error")),
)]
pub(super) async fn remove_override(
    extract::State(state): extract::State<State>,
    path: Path,
    Asked(asked): Asked<LeavingStatus>,
) -> Result<Response, ApiError> {
    let target = target(&path, asked.namespace.as_deref())?;
    let left = asked.status.map_or(Status::Unknown, translate::status_of);
    state
        .door
        .registry
        .clear_override(&target.namespace, &target.service, &target.id, left, None)
        .await?;
    changed(&state, &target)
}

/// The instance as it is after a change; it may have left meanwhile.
fn changed(state: &State, target: &Target) -> Result<Response, ApiError> {
    let held = state
        .door
        .registry
        .get(&target.namespace, &target.service, &target.id);
    let held = held.ok_or_else(|| missing(target))?;
    Ok(json(StatusCode::OK, &translate::instance(&held)))
}
