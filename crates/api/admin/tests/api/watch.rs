//! Following the registry: order, resuming, and the end.

use std::time::Duration;

use http::{Method, StatusCode};
use koinon_core_registry::Config;
use koinon_io_net::client::Call;
use koinon_service_registry::Settings;
use serde_json::json;

use crate::support::{PATIENCE, door, door_with, event};

/// A watcher sees what is there, then every change in order, and only of its service.
#[tokio::test]
async fn a_watcher_sees_a_snapshot_then_changes_in_order() {
    let door = door();
    let first = door.put("/v1/services/a/instances/1").await;
    door.put("/v1/services/b/instances/1").await;
    let mut one = door.watch("/v1/services/A/watch", None).await;
    let (name, _, data) = event(&mut one).await;
    assert_eq!(name, "snapshot");
    assert_eq!(
        data,
        json!({"services": [{"name": "a", "revision": 1, "instances": [first]}]})
    );
    let mut all = door.watch("/v1/watch", None).await;
    let (_, _, data) = event(&mut all).await;
    let names: Vec<_> = data["services"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| s["name"].clone())
        .collect();
    assert_eq!(names, ["a", "b"]);

    let second = door.put("/v1/services/a/instances/2").await;
    door.put("/v1/services/b/instances/2").await;
    door.ask(Method::DELETE, "/v1/services/a/instances/1", "").await;
    let (name, _, data) = event(&mut one).await;
    assert_eq!((&name[..], data), ("upsert", second));
    let (name, _, data) = event(&mut one).await;
    assert_eq!(
        (&name[..], &data["service"], &data["id"]),
        ("remove", &json!("a"), &json!("1"))
    );
    assert!(data["removed_ms"].as_i64().unwrap() > 0);

    let mut seen = Vec::new();
    for _ in 0..3 {
        let (name, _, data) = event(&mut all).await;
        seen.push(format!("{name} {}/{}", data["service"], data["id"]).replace('"', ""));
    }
    assert_eq!(seen, ["upsert a/2", "upsert b/2", "remove a/1"]);
}

/// A service without instances can be waited for.
#[tokio::test]
async fn a_service_can_be_watched_before_it_exists() {
    let door = door();
    let mut stream = door.watch("/v1/services/later/watch", None).await;
    let (name, _, data) = event(&mut stream).await;
    assert_eq!((&name[..], data), ("snapshot", json!({"services": []})));
    door.put("/v1/services/later/instances/1").await;
    assert_eq!(event(&mut stream).await.0, "upsert");
}

/// Whoever comes back with the last position is told what it missed and nothing else, also from the middle of
/// changes that were sent together.
#[tokio::test]
async fn a_watch_resumes() {
    let door = door();
    let mut stream = door.watch("/v1/watch", None).await;
    let (_, start, _) = event(&mut stream).await;
    drop(stream);
    for id in 1..=3 {
        door.put(&format!("/v1/services/a/instances/{id}")).await;
    }
    let mut stream = door.watch("/v1/watch", Some(&start)).await;
    let (name, position, data) = event(&mut stream).await;
    assert_eq!((&name[..], &data["id"]), ("upsert", &json!("1")));
    drop(stream);
    let mut stream = door.watch("/v1/watch", Some(&position)).await;
    assert_eq!(event(&mut stream).await.2["id"], json!("2"));
    let (_, position, data) = event(&mut stream).await;
    assert_eq!(data["id"], json!("3"));
    let mut stream = door.watch("/v1/watch", Some(&position)).await;
    door.put("/v1/services/a/instances/4").await;
    assert_eq!(event(&mut stream).await.2["id"], json!("4"));
}

/// A position that is forgotten, or of another life of the server, starts over; one that is none is refused.
#[tokio::test]
async fn a_lost_position_starts_over() {
    let namespace = Config {
        change_log_len_max: 2,
        ..Config::default()
    };
    let door = door_with(
        Settings {
            namespace,
            ..Settings::default()
        },
        PATIENCE,
    );
    let mut stream = door.watch("/v1/watch", None).await;
    let (_, start, _) = event(&mut stream).await;
    for id in 1..=5 {
        door.put(&format!("/v1/services/a/instances/{id}")).await;
    }
    for position in [start.as_str(), "0000000000000001-3"] {
        let mut stream = door.watch("/v1/watch", Some(position)).await;
        let (name, _, data) = event(&mut stream).await;
        assert_eq!(
            (
                &name[..],
                data["services"][0]["instances"].as_array().unwrap().len()
            ),
            ("snapshot", 5)
        );
    }
    let call = Call::new(Method::GET, "/v1/watch").header("last-event-id", "yesterday");
    let answer = door.client.request(&call).await.unwrap();
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(String::from_utf8_lossy(&answer.body).contains("yesterday"));
}

/// A silent watch is kept alive, so that a client can tell silence from a dead connection.
#[tokio::test]
async fn a_silent_watch_has_a_heartbeat() {
    let door = door_with(Settings::default(), Duration::from_millis(20));
    let mut stream = door.watch("/v1/watch", None).await;
    event(&mut stream).await;
    let chunk = stream.chunk(PATIENCE).await.unwrap().unwrap();
    assert_eq!(&chunk[..], b":\n\n");
}

/// The end of the process is the end of the stream, in good order and at once, not after the drain's deadline.
#[tokio::test]
async fn a_drain_ends_a_watch() {
    let door = door();
    let mut stream = door.watch("/v1/watch", None).await;
    event(&mut stream).await;
    door.drain.start(Duration::from_secs(3600));
    assert_eq!(stream.event(PATIENCE).await.unwrap(), None);
}

/// A snapshot of many services is one event, whatever pieces it was sent in.
#[tokio::test]
async fn a_large_snapshot_is_one_event() {
    let door = door();
    for id in 0..300 {
        door.put(&format!("/v1/services/s{}/instances/{id}", id % 100))
            .await;
    }
    let mut stream = door.watch("/v1/watch", None).await;
    let (_, _, data) = event(&mut stream).await;
    let services = data["services"].as_array().unwrap();
    let instances: usize = services
        .iter()
        .map(|s| s["instances"].as_array().unwrap().len())
        .sum();
    assert_eq!((services.len(), instances), (100, 300));
}
