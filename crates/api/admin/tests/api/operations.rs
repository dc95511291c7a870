//! The probes and the figures.

use std::time::Duration;

use http::{Method, StatusCode};
use koinon_io_net::client::Call;
use serde_json::json;

use crate::support::door;

/// Ready means that every listener serves, and no more once the drain has started; alive is alive all the time.
#[tokio::test]
async fn readiness_follows_the_listeners() {
    let door = door();
    let (status, error) = door.get("/readyz").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(error["message"], json!("not serving yet: admin"));
    assert_eq!(
        door.get("/healthz").await,
        (StatusCode::OK, json!({"status": "ok"}))
    );
    door.readiness.report("admin");
    assert_eq!(
        door.get("/readyz").await,
        (StatusCode::OK, json!({"status": "ready"}))
    );
    door.drain.start(Duration::from_secs(20));
    // On the connection that is open already: it may go on for a moment.
    let (status, error) = door.get("/readyz").await;
    assert_eq!(
        (status, &error["message"]),
        (StatusCode::SERVICE_UNAVAILABLE, &json!("the process is draining"))
    );
}

/// The figures are there for a scraper, in its content type, and are read when it asks.
#[tokio::test]
async fn metrics_are_exposed() {
    let door = door();
    door.get("/healthz").await;
    let answer = door
        .client
        .request(&Call::new(Method::GET, "/metrics"))
        .await
        .unwrap();
    assert_eq!(
        answer.headers["content-type"],
        "application/openmetrics-text; version=1.0.0; charset=utf-8"
    );
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    assert!(text.ends_with("koinon_test_requests_total 2\n# EOF\n"), "{text}");
}
