//! The routes, and the server around them.
//!
//! Every answer with a status of 400 or above has the one error form, whoever made it: a handler, the router (no
//! such path, no such method), an extractor, or the guard in front. (A request head that is not HTTP at all gets
//! the library's bare 400.)

mod extract;
mod gateway;
mod instances;
mod probes;
mod services;
mod snapshot;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::response::{IntoResponse, Response};
use http::header::CACHE_CONTROL;
use http::{HeaderValue, Method, StatusCode, Uri};
use koinon_base::ErrorKind;
use koinon_io_net::{
    Background, BoundListener, Drain, HostGuard, ServeOptions, ServeReport, TowerToHyperService, guarded,
};
use koinon_io_telemetry::Metrics;
use koinon_service_registry::RegistryHandle;
use koinon_store::Store;
use tokio::sync::Semaphore;
use utoipa::openapi::{InfoBuilder, License, OpenApi, OpenApiBuilder};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::data_plane::DataPlane;
use crate::readiness::Readiness;
use crate::translate::ApiError;

/// The door: what its routes work on.
#[derive(Debug, Clone)]
pub struct AdminDoor {
    registry: RegistryHandle,
    metrics: Arc<Metrics>,
    readiness: Readiness,
    watch_heartbeat: Duration,
    background: Background,
    data_plane: Option<Arc<dyn DataPlane>>,
    store: Option<Store>,
    /// A place for each snapshot that is being read.
    snapshots: Arc<Semaphore>,
}

impl AdminDoor {
    /// A door to `registry`; `metrics` is what `/metrics` shows and `readiness` what `/readyz` does.
    #[must_use]
    pub fn new(registry: RegistryHandle, metrics: Arc<Metrics>, readiness: Readiness) -> Self {
        Self {
            registry,
            metrics,
            readiness,
            watch_heartbeat: Duration::from_secs(15),
            background: Background::default(),
            data_plane: None,
            store: None,
            snapshots: Arc::new(Semaphore::new(snapshot::AT_ONCE_MAX)),
        }
    }

    /// The same door with a gateway to show.
    #[must_use]
    pub fn data_plane(mut self, data_plane: Arc<dyn DataPlane>) -> Self {
        self.data_plane = Some(data_plane);
        self
    }

    /// The same door with a store to take snapshots of.
    #[must_use]
    pub fn store(mut self, store: Store) -> Self {
        self.store = Some(store);
        self
    }

    /// The same door with another pause between the heartbeats of a silent watch. Default 15 s: below the 30 s
    /// after which proxies and NAT tables begin to forget a silent connection.
    #[must_use]
    pub fn watch_heartbeat(mut self, pause: Duration) -> Self {
        self.watch_heartbeat = pause;
        self
    }
}

/// What every handler can reach.
#[derive(Debug, Clone)]
struct State {
    door: AdminDoor,
    drain: Drain,
    document: Arc<str>,
}

/// Serves the door on `listener` until `drain`; streams end when the drain starts.
pub async fn serve(
    listener: BoundListener,
    door: AdminDoor,
    guard: HostGuard,
    options: ServeOptions,
    drain: Drain,
) -> ServeReport {
    let (router, document) = routes().split_for_parts();
    let document = document.to_json().unwrap_or_default().into();
    let router = finish(router).with_state(State {
        door,
        drain: drain.clone(),
        document,
    });
    let service = guarded(guard, TowerToHyperService::new(router), |refused, _head| {
        ApiError::from(refused).into_response()
    });
    koinon_io_net::serve(listener, service, options, drain).await
}

/// The OpenAPI document of the routes.
#[must_use]
pub fn openapi() -> OpenApi {
    routes().into_openapi()
}

fn routes() -> OpenApiRouter<State> {
    let license = License::builder()
        .name("Apache-2.0")
        .identifier(Some("Apache-2.0"))
        .build();
    let info = InfoBuilder::new()
        .title("Koinon")
        .version("1")
        .description(Some(
            "The native API. Every answer with a status of 400 or above is an `Error`. Fields may be added to \
             answers at any time; ignore those you do not know.",
        ))
        .license(Some(license))
        .build();
    OpenApiRouter::with_openapi(OpenApiBuilder::new().info(info).build())
        .routes(routes!(services::list))
        .routes(routes!(services::get))
        .routes(routes!(
            instances::get,
            instances::register,
            instances::deregister
        ))
        .routes(routes!(instances::heartbeat))
        .routes(routes!(instances::override_status, instances::remove_override))
        .routes(routes!(watch::all))
        .routes(routes!(watch::one))
        .routes(routes!(gateway::routes))
        .routes(routes!(gateway::try_request))
        .routes(routes!(gateway::upstreams))
        .routes(routes!(snapshot::get))
        .routes(routes!(probes::healthz))
        .routes(routes!(probes::readyz))
        .routes(routes!(probes::metrics))
        .routes(routes!(probes::document))
}

/// What is no route of the document.
fn finish(router: Router<State>) -> Router<State> {
    router
        .fallback(no_such_path)
        .method_not_allowed_fallback(no_such_method)
}

async fn no_such_path(uri: Uri) -> ApiError {
    let message = format!(
        "there is nothing at {}; /v1/openapi.json lists what there is",
        uri.path()
    );
    ApiError::new(ErrorKind::NotFound, message)
}

async fn no_such_method(method: Method, uri: Uri) -> ApiError {
    let message = format!(
        "{} cannot be done with {method}; /v1/openapi.json lists what can",
        uri.path()
    );
    ApiError::new(ErrorKind::Invalid, message).with_status(StatusCode::METHOD_NOT_ALLOWED)
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        json(self.status, &self.body())
    }
}

/// A JSON answer. Answers are states of a moment, so nobody may keep them.
fn json(status: StatusCode, shape: &impl serde::Serialize) -> Response {
    let mut answer = (status, axum::Json(shape)).into_response();
    answer
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}
