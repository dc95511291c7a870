//! A door on a port of the system's choosing, and short ways to ask it.

use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode};
use koinon_api_admin::{AdminDoor, DataPlane, Readiness, serve};
use koinon_base::{Rng, SystemClock};
use koinon_io_net::client::{AnswerStream, Call, sse::Event};
use koinon_io_net::{Client, ClientOptions, DrainHandle, HostGuard, ServeOptions, bind, drain};
use koinon_io_telemetry::{Metrics, Sample};
use koinon_service_registry::{RegistryHandle, Settings};
use serde_json::Value;

pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Door {
    pub(crate) client: Client,
    pub(crate) registry: RegistryHandle,
    pub(crate) readiness: Readiness,
    pub(crate) drain: DrainHandle,
}

pub(crate) fn door() -> Door {
    door_with(Settings::default(), Duration::from_secs(15))
}

pub(crate) fn door_with(settings: Settings, heartbeat: Duration) -> Door {
    door_made(settings, |door| door.watch_heartbeat(heartbeat))
}

/// A door that shows a gateway.
pub(crate) fn door_over(data_plane: Arc<dyn DataPlane>) -> Door {
    door_made(Settings::default(), |door| door.data_plane(data_plane))
}

/// A door that has a store.
pub(crate) fn door_over_store(store: koinon_store::Store) -> Door {
    door_made(Settings::default(), |door| door.store(store))
}

fn door_made(settings: Settings, make: impl FnOnce(AdminDoor) -> AdminDoor) -> Door {
    let listener = bind("admin", "127.0.0.1:0".parse().unwrap()).unwrap();
    let registry = RegistryHandle::new(settings, Arc::new(SystemClock::new()), Rng::from_entropy());
    let mut metrics = Metrics::default();
    let stats = Arc::clone(listener.stats());
    metrics.counter("test_requests", "Requests so far", move || {
        vec![Sample::plain(stats.requests())]
    });
    let readiness = Readiness::waiting_for(["admin"]);
    let door = make(AdminDoor::new(
        registry.clone(),
        Arc::new(metrics),
        readiness.clone(),
    ));
    let options = ClientOptions {
        total_timeout: PATIENCE,
        ..ClientOptions::default()
    };
    let client = Client::new(listener.local_addr().into(), options);
    let guard = HostGuard::loopback_and::<&str>(&[]).unwrap();
    let (handle, observer) = drain();
    drop(tokio::spawn(serve(
        listener,
        door,
        guard,
        ServeOptions::default(),
        observer,
    )));
    Door {
        client,
        registry,
        readiness,
        drain: handle,
    }
}

impl Door {
    /// Sends a request; the answer's body as JSON, `null` when it is empty.
    pub(crate) async fn ask(&self, method: Method, path: &str, body: &str) -> (StatusCode, Value) {
        let mut call = Call::new(method, path);
        if !body.is_empty() {
            call = call.json(body.to_owned());
        }
        let answer = self.client.request(&call).await.unwrap();
        let value = if answer.body.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&answer.body).unwrap()
        };
        (answer.status, value)
    }

    pub(crate) async fn get(&self, path: &str) -> (StatusCode, Value) {
        self.ask(Method::GET, path, "").await
    }

    /// Registers with as little as possible.
    pub(crate) async fn put(&self, path: &str) -> Value {
        let (status, shown) = self
            .ask(Method::PUT, path, r#"{"address":"127.0.0.1","port":8080}"#)
            .await;
        assert!(status.is_success(), "{status} {shown}");
        shown
    }

    pub(crate) async fn watch(&self, path: &str, last: Option<&str>) -> AnswerStream {
        let mut call = Call::new(Method::GET, path);
        if let Some(last) = last {
            call.headers.insert("last-event-id", last.parse().unwrap());
        }
        let stream = self.client.stream(&call).await.unwrap();
        assert_eq!(stream.status(), StatusCode::OK);
        assert_eq!(stream.headers()["content-type"], "text/event-stream");
        stream
    }
}

/// The next event: its name, position and data.
pub(crate) async fn event(stream: &mut AnswerStream) -> (String, String, Value) {
    let Event { event, id, data } = stream.event(PATIENCE).await.unwrap().unwrap();
    (event, id.unwrap(), serde_json::from_str(&data).unwrap())
}
