//! Registering, reading, changing and leaving.

use http::{Method, StatusCode};
use serde_json::json;

use crate::support::door;

/// The life of one instance, with everything it can say of itself.
#[tokio::test]
async fn an_instance_registers_is_read_and_leaves() {
    let door = door();
    let path = "/v1/services/Orders/instances/h:orders:8080";
    let body = json!({
        "address": "10.0.0.1", "port": 8080, "scheme": "https", "zone": "z1", "weight": 50, "version": "1.2",
        "metadata": {"team": "blue"}, "status": "starting", "lease": {"renewal_interval_s": 5, "duration_s": 15},
    });
    let (status, shown) = door.ask(Method::PUT, path, &body.to_string()).await;
    assert_eq!(status, StatusCode::CREATED);
    for (field, value) in body.as_object().unwrap() {
        assert_eq!(&shown[field], value, "{field}");
    }
    assert_eq!(
        (&shown["service"], &shown["id"]),
        (&json!("orders"), &json!("h:orders:8080"))
    );
    assert_eq!(
        (&shown["health"], &shown["consistency"]),
        (&json!("unknown"), &json!("ephemeral"))
    );
    assert_eq!(shown["last_heartbeat_ms"], shown["registered_ms"]);
    assert_eq!(shown["up_since_ms"], json!(null));

    assert_eq!(door.get(path).await, (StatusCode::OK, shown.clone()));
    let (status, service) = door.get("/v1/services/ORDERS").await;
    assert_eq!((status, &service["instances"]), (StatusCode::OK, &json!([shown])));

    assert_eq!(
        door.ask(Method::PUT, path, &body.to_string()).await.0,
        StatusCode::OK
    );
    assert_eq!(
        door.ask(Method::DELETE, path, "").await,
        (StatusCode::NO_CONTENT, json!(null))
    );
    assert_eq!(door.ask(Method::DELETE, path, "").await.0, StatusCode::NOT_FOUND);
    assert_eq!(door.get("/v1/services/orders").await.0, StatusCode::NOT_FOUND);
}

/// A heartbeat renews a known lease and tells anybody else to register.
#[tokio::test]
async fn a_heartbeat_renews() {
    let door = door();
    let path = "/v1/services/orders/instances/1";
    let heartbeat = format!("{path}/heartbeat");
    let (status, error) = door.ask(Method::POST, &heartbeat, "").await;
    assert_eq!(
        (status, &error["code"]),
        (StatusCode::NOT_FOUND, &json!("not_found"))
    );

    let registered_ms = door.put(path).await["registered_ms"].as_i64().unwrap();
    assert_eq!(
        door.ask(Method::POST, &heartbeat, "").await,
        (StatusCode::NO_CONTENT, json!(null))
    );
    let shown = door.get(path).await.1;
    let heartbeat_ms = shown["last_heartbeat_ms"].as_i64().unwrap();
    assert!(
        (registered_ms..registered_ms + 60_000).contains(&heartbeat_ms),
        "{shown}"
    );
}

/// An operator takes an instance out and gives it back; without its own word it is unknown, and its heartbeat asks
/// for that word.
#[tokio::test]
async fn a_status_is_overridden_and_given_back() {
    let door = door();
    let path = "/v1/services/orders/instances/1";
    let status_path = format!("{path}/status");
    door.put(path).await;
    let (status, shown) = door
        .ask(Method::PUT, &status_path, r#"{"status":"out_of_service"}"#)
        .await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        (&shown["status"], &shown["status_override"]),
        (&json!("out_of_service"), &json!("out_of_service"))
    );
    assert_eq!(
        door.put(path).await["status"],
        json!("out_of_service"),
        "registering again does not undo it"
    );

    let (_, shown) = door
        .ask(Method::DELETE, &format!("{status_path}?status=up"), "")
        .await;
    assert_eq!(
        (&shown["status"], &shown["status_override"]),
        (&json!("up"), &json!(null))
    );

    door.ask(Method::PUT, &status_path, r#"{"status":"down"}"#).await;
    let (_, shown) = door.ask(Method::DELETE, &status_path, "").await;
    assert_eq!(shown["status"], json!("unknown"));
    let (status, error) = door.ask(Method::POST, &format!("{path}/heartbeat"), "").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!(
        error["message"],
        json!("the status of instance 1 is unknown; register it again")
    );
}

/// The list counts instances by status, and namespaces do not see each other.
#[tokio::test]
async fn services_are_listed_by_namespace() {
    let door = door();
    door.put("/v1/services/a/instances/1").await;
    door.put("/v1/services/a/instances/2").await;
    door.put("/v1/services/b/instances/1?namespace=test").await;
    door.ask(
        Method::PUT,
        "/v1/services/a/instances/2/status",
        r#"{"status":"down"}"#,
    )
    .await;
    let (_, list) = door.get("/v1/services").await;
    assert_eq!(list["namespace"], json!("default"));
    assert_eq!(list["services"].as_array().unwrap().len(), 1);
    let service = &list["services"][0];
    assert_eq!(
        (&service["name"], &service["instances"]),
        (&json!("a"), &json!(2))
    );
    let statuses = json!({"up": 1, "down": 1, "starting": 0, "out_of_service": 0, "unknown": 0});
    assert_eq!(service["statuses"], statuses);
    let (_, list) = door.get("/v1/services?namespace=test").await;
    assert_eq!(list["services"][0]["name"], json!("b"));
    let empty = json!({"namespace": "nobody", "revision": 0, "services": []});
    assert_eq!(
        door.get("/v1/services?namespace=nobody").await,
        (StatusCode::OK, empty)
    );
}

/// Ids with every awkward character survive the path: they are other people's ids.
#[tokio::test]
async fn ids_are_kept_as_given() {
    let door = door();
    let shown = door
        .put("/v1/services/caf%C3%A9/instances/a%2Fb%20c%3A%25%3F")
        .await;
    assert_eq!(
        (&shown["service"], &shown["id"]),
        (&json!("caf\u{e9}"), &json!("a/b c:%?"))
    );
    assert_eq!(
        door.get("/v1/services/caf%C3%A9/instances/a%2Fb%20c%3A%25%3F")
            .await
            .0,
        StatusCode::OK
    );
}
