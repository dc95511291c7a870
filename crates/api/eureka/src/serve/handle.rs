//! From a request to an answer: one function per operation.

use std::time::Duration;

use http::StatusCode;
use koinon_base::{InstanceId, NameError, Namespace, ServiceName};
use koinon_core_http1::RequestHead;
use koinon_core_registry::{Instance, Pairs, RenewOutcome, Renewal, Status};
use koinon_io_net::{Answer, Background, HostGuard, ReadBodyError, Request};
use koinon_service_registry::{RegistryHandle, ServiceError};
use tracing::debug;

use super::cache::{Cache, List, Variant};
use super::negotiate::{
    Unusable, accepts_gzip, body_format, encoder, is_replication, last_dirty, peers_override, status_value,
};
use super::route::{Route, query};
use super::stats::{DoorStats, Operation};
use super::write::{write_app, write_vip};
use super::{page, reply};
use crate::translate::{app_name, to_registration, to_wire};
use crate::wire::{self, Detail, Encoder, INSTANCE_LEN_MAX};

/// How long a registration's body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// What all requests of a door share.
#[derive(Debug)]
pub(super) struct Shared {
    registry: RegistryHandle,
    namespace: Namespace,
    guard: HostGuard,
    cache: Cache,
    background: Background,
    stats: DoorStats,
}

/// The instance that a path names.
struct Target {
    service: ServiceName,
    id: InstanceId,
}

impl Target {
    fn new(app: &str, id: &str) -> Result<Self, NameError> {
        Ok(Self {
            service: ServiceName::new(app)?,
            id: InstanceId::new(id)?,
        })
    }
}

impl Shared {
    pub(super) fn new(registry: RegistryHandle, namespace: Namespace, guard: HostGuard) -> Self {
        let cache = Cache::new(registry.clone(), namespace.clone());
        Self {
            registry,
            namespace,
            guard,
            cache,
            background: Background::default(),
            stats: DoorStats::default(),
        }
    }

    pub(super) fn stats(&self) -> &DoorStats {
        &self.stats
    }

    pub(super) fn drop_idle(&self) {
        self.cache.drop_idle();
    }

    pub(super) async fn answer(&self, request: Request<'_>) -> Answer {
        let (operation, answer) = self.route(request).await;
        self.stats.count(operation, answer.status());
        answer
    }

    async fn route(&self, request: Request<'_>) -> (Operation, Answer) {
        let head = request.head();
        let path = head.path();
        if let Err(refused) = self.guard.check_head(head) {
            let answer = reply::error(StatusCode::FORBIDDEN, path, &refused.to_string());
            return (Operation::Refused, answer);
        }
        let Some(route) = Route::parse(path) else {
            let answer = reply::error(StatusCode::BAD_REQUEST, path, "the path is not UTF-8");
            return (Operation::Refused, answer);
        };
        // What the server does not know it also does not name in its figures: paths are the clients' to choose.
        match (head.method(), route) {
            ("GET" | "HEAD", Route::Page) => (
                Operation::Page,
                reply::page(page::html(&self.registry, &self.namespace)),
            ),
            ("GET" | "HEAD", Route::Apps) => (Operation::Fetch, self.list(List::Full, head).await),
            ("GET" | "HEAD", Route::Delta) => (Operation::FetchDelta, self.list(List::Delta, head).await),
            ("GET" | "HEAD", Route::App(app)) => (Operation::FetchOne, self.app(&app, head).await),
            ("GET" | "HEAD", Route::Instance(app, id)) => {
                (Operation::FetchOne, self.instance(&app, &id, head))
            }
            ("GET" | "HEAD", Route::ById(id)) => (Operation::FetchOne, self.by_id(&id, head)),
            ("GET" | "HEAD", Route::Vip { address, secure }) => {
                (Operation::FetchVip, self.vip(&address, secure, head).await)
            }
            ("POST", Route::App(app)) => (Operation::Register, self.register(&app, request).await),
            ("PUT", Route::Instance(app, id)) => (Operation::Renew, self.renew(&app, &id, head)),
            ("DELETE", Route::Instance(app, id)) => (Operation::Cancel, self.cancel(&app, &id, head).await),
            ("PUT", Route::Status(app, id)) => (Operation::Override, self.set_status(&app, &id, head).await),
            ("DELETE", Route::Status(app, id)) => {
                (Operation::Override, self.remove_status(&app, &id, head).await)
            }
            ("PUT", Route::Metadata(app, id)) => (Operation::Metadata, self.metadata(&app, &id, head).await),
            (_, route) => (Operation::Refused, no_such_operation(path, &route)),
        }
    }

    async fn list(&self, list: List, head: &RequestHead) -> Answer {
        let variant = Variant {
            encoder: encoder(head.fields()),
            gzip: accepts_gzip(head.fields()),
        };
        reply::list(
            variant.encoder.format,
            variant.gzip,
            self.cache.list(list, variant).await,
        )
    }

    async fn app(&self, app: &str, head: &RequestHead) -> Answer {
        let Ok(service) = ServiceName::new(app) else {
            return not_found(head);
        };
        let Some(snapshot) = self.registry.snapshot(&self.namespace) else {
            return not_found(head);
        };
        let Some(view) = snapshot.service(&service).cloned() else {
            return not_found(head);
        };
        let encoder = encoder(head.fields());
        let count = view.instances.len();
        let out = self
            .background
            .run(count, move || write_app(encoder, &view))
            .await;
        reply::message(encoder.format, out.into())
    }

    fn instance(&self, app: &str, id: &str, head: &RequestHead) -> Answer {
        let found = Target::new(app, id)
            .ok()
            .and_then(|t| self.registry.get(&self.namespace, &t.service, &t.id));
        found.map_or_else(
            || not_found(head),
            |instance| one(&instance, head, StatusCode::OK),
        )
    }

    fn by_id(&self, id: &str, head: &RequestHead) -> Answer {
        let found = InstanceId::new(id)
            .ok()
            .and_then(|id| self.registry.find(&self.namespace, &id));
        found.map_or_else(
            || not_found(head),
            |instance| one(&instance, head, StatusCode::OK),
        )
    }

    async fn vip(&self, address: &str, secure: bool, head: &RequestHead) -> Answer {
        let Some(snapshot) = self.registry.snapshot(&self.namespace) else {
            return not_found(head);
        };
        let (encoder, address) = (encoder(head.fields()), address.to_owned());
        let all = snapshot.counts.total();
        let write = move || write_vip(encoder, &snapshot, &address, secure);
        let out = self.background.run(all, write).await;
        reply::message(encoder.format, out.into())
    }

    async fn register(&self, app: &str, mut request: Request<'_>) -> Answer {
        let head = request.head();
        let path = head.path();
        let coded = head
            .fields()
            .get("content-encoding")
            .is_some_and(|coding| coding != b"identity");
        if coded {
            let text = "a registration must not be compressed";
            return reply::error(StatusCode::UNSUPPORTED_MEDIA_TYPE, path, text);
        }
        let body = match request.read_body(INSTANCE_LEN_MAX, BODY_TIMEOUT).await {
            Ok(body) => body,
            Err(error) => return reply::error(body_status(&error), path, &error.to_string()),
        };
        let format = match body_format(head.fields(), &body) {
            Ok(format) => format,
            Err(text) => return reply::error(StatusCode::UNSUPPORTED_MEDIA_TYPE, path, text),
        };
        let info = match format.decode_instance(&body) {
            Ok(info) => info,
            Err(error) => return reply::error(StatusCode::BAD_REQUEST, path, &error.to_string()),
        };
        let registration = match to_registration(app, &info, is_replication(head.fields())) {
            Ok(registration) => registration,
            Err(refusal) => return reply::refused(refusal.to_string()),
        };
        match self.registry.register(&self.namespace, registration) {
            Ok(instance) => {
                debug!(service = %instance.service(), id = %instance.id(), status = %instance.status, "registered");
                reply::empty(StatusCode::NO_CONTENT)
            }
            Err(error) => reply::error(reply::status_of(error.kind()), path, &error.to_string()),
        }
    }

    fn renew(&self, app: &str, id: &str, head: &RequestHead) -> Answer {
        let last_dirty_ms = match last_dirty(head) {
            Ok(last_dirty_ms) => last_dirty_ms,
            Err(Unusable(text)) => return bad_request(head, text),
        };
        let Ok(target) = Target::new(app, id) else {
            return not_found(head);
        };
        let replicated = is_replication(head.fields());
        let renewal = Renewal {
            last_dirty_ms,
            status_override: if replicated { peers_override(head) } else { None },
            replicated,
        };
        match self
            .registry
            .renew(&self.namespace, &target.service, &target.id, renewal)
        {
            // One that is persistent needs no heartbeats; whoever sends them all the same need not be told to stop.
            RenewOutcome::Renewed | RenewOutcome::NotNeeded => reply::empty(StatusCode::OK),
            RenewOutcome::NotRegistered => not_found(head),
            RenewOutcome::StatusUnknown => {
                let text = "the instance's status is unknown since its override was removed; register again";
                reply::error(StatusCode::NOT_FOUND, head.path(), text)
            }
            RenewOutcome::RegistrantIsNewer => {
                let text = "the instance has changed since it registered; register again";
                reply::error(StatusCode::NOT_FOUND, head.path(), text)
            }
            RenewOutcome::RegistryIsNewer(instance) => one(&instance, head, StatusCode::CONFLICT),
        }
    }

    async fn cancel(&self, app: &str, id: &str, head: &RequestHead) -> Answer {
        let Ok(target) = Target::new(app, id) else {
            return not_found(head);
        };
        let (service, id) = (&target.service, &target.id);
        done(head, self.registry.deregister(&self.namespace, service, id).await)
    }

    async fn set_status(&self, app: &str, id: &str, head: &RequestHead) -> Answer {
        let last_dirty_ms = match last_dirty(head) {
            Ok(last_dirty_ms) => last_dirty_ms,
            Err(Unusable(text)) => return bad_request(head, text),
        };
        let status = match status_value(head) {
            Ok(Some(status)) => status,
            Ok(None) => return bad_request(head, "the query has no value; give a status, such as value=UP"),
            Err(Unusable(text)) => return bad_request(head, text),
        };
        let Ok(target) = Target::new(app, id) else {
            return not_found(head);
        };
        let (service, id) = (&target.service, &target.id);
        let set = self
            .registry
            .set_override(&self.namespace, service, id, status, last_dirty_ms);
        done(head, set.await)
    }

    async fn remove_status(&self, app: &str, id: &str, head: &RequestHead) -> Answer {
        let last_dirty_ms = match last_dirty(head) {
            Ok(last_dirty_ms) => last_dirty_ms,
            Err(Unusable(text)) => return bad_request(head, text),
        };
        let status = match status_value(head) {
            Ok(status) => status.unwrap_or(Status::Unknown),
            Err(Unusable(text)) => return bad_request(head, text),
        };
        let Ok(target) = Target::new(app, id) else {
            return not_found(head);
        };
        let (service, id) = (&target.service, &target.id);
        let cleared = self
            .registry
            .clear_override(&self.namespace, service, id, status, last_dirty_ms);
        done(head, cleared.await)
    }

    async fn metadata(&self, app: &str, id: &str, head: &RequestHead) -> Answer {
        let Ok(target) = Target::new(app, id) else {
            return not_found(head);
        };
        let pairs: Vec<(String, String)> = query(head.query().unwrap_or("")).collect();
        if let Some(error) = pairs
            .iter()
            .find_map(|(key, value)| wire::check_pair("metadata", key, value).err())
        {
            return bad_request(head, &error.to_string());
        }
        let pairs: Pairs = first_of_each_key(pairs).collect();
        let added = self
            .registry
            .add_metadata(&self.namespace, &target.service, &target.id, &pairs);
        done(head, added.await)
    }
}

/// Eureka's server takes the first of several values.
fn first_of_each_key(pairs: Vec<(String, String)>) -> impl Iterator<Item = (String, String)> {
    // The last of each key wins in `Pairs`, so they are turned round.
    pairs.into_iter().rev()
}

fn one(instance: &Instance, head: &RequestHead, status: StatusCode) -> Answer {
    let encoder = Encoder {
        detail: Detail::Full,
        ..encoder(head.fields())
    };
    let app = app_name(instance.service());
    let mut out = Vec::with_capacity(1_280);
    encoder.write_instance_root(&mut out, &to_wire(&app, instance));
    reply::message(encoder.format, out.into()).with_status(status.as_u16())
}

fn done(head: &RequestHead, outcome: Result<(), ServiceError>) -> Answer {
    match outcome {
        Ok(()) => reply::empty(StatusCode::OK),
        Err(error) => reply::error(reply::status_of(error.kind()), head.path(), &error.to_string()),
    }
}

fn not_found(head: &RequestHead) -> Answer {
    reply::error(StatusCode::NOT_FOUND, head.path(), "not registered here")
}

fn bad_request(head: &RequestHead, text: &str) -> Answer {
    reply::error(StatusCode::BAD_REQUEST, head.path(), text)
}

fn no_such_operation(path: &str, route: &Route<'_>) -> Answer {
    match route {
        Route::Page | Route::Apps | Route::Delta | Route::ById(_) | Route::Vip { .. } => {
            reply::method_not_allowed(path, "GET")
        }
        Route::App(_) => reply::method_not_allowed(path, "GET, POST"),
        Route::Instance(..) => reply::method_not_allowed(path, "GET, PUT, DELETE"),
        Route::Status(..) => reply::method_not_allowed(path, "PUT, DELETE"),
        Route::Metadata(..) => reply::method_not_allowed(path, "PUT"),
        Route::Peers => reply::error(
            StatusCode::NOT_IMPLEMENTED,
            path,
            "this server does not replicate with Eureka servers",
        ),
        Route::Unknown => reply::error(StatusCode::NOT_FOUND, path, "there is nothing at this path"),
    }
}

fn body_status(error: &ReadBodyError) -> StatusCode {
    match error {
        ReadBodyError::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        ReadBodyError::TimedOut { .. } => StatusCode::REQUEST_TIMEOUT,
        ReadBodyError::Broken(_) => StatusCode::BAD_REQUEST,
    }
}
