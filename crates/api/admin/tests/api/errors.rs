//! Every error has the one form, whoever made it.

use http::{Method, StatusCode};
use koinon_base::Namespace;
use koinon_core_registry::Config;
use koinon_io_net::client::Call;
use koinon_service_registry::Settings;
use serde_json::{Value, json};

use crate::support::{PATIENCE, door, door_with};

fn assert_form(error: &Value, code: &str) {
    let fields: Vec<&String> = error.as_object().unwrap().keys().collect();
    assert_eq!(fields, ["code", "details", "message"], "{error}");
    assert_eq!(error["code"], json!(code), "{error}");
    assert!(!error["message"].as_str().unwrap().is_empty());
    assert!(error["details"].is_array());
}

/// The router's own refusals, the extractors' and the handlers' look the same.
#[tokio::test]
async fn errors_have_one_form() {
    let door = door();
    let instance = "/v1/services/a/instances/1";
    let good = r#"{"address":"h","port":1}"#;
    for (method, path, body, status, code) in [
        (Method::GET, "/nothing/here", "", 404, "not_found"),
        (Method::GET, "/", "", 404, "not_found"),
        (Method::GET, "/v1/services/", "", 404, "not_found"),
        (Method::POST, "/v1/services", "", 405, "invalid"),
        (Method::PATCH, instance, "{}", 405, "invalid"),
        (Method::GET, "/v1/services/none", "", 404, "not_found"),
        (Method::GET, instance, "", 404, "not_found"),
        (Method::GET, "/v1/services/a%2Fb", "", 400, "invalid"),
        (Method::GET, "/v1/services/%FF", "", 400, "invalid"),
        (Method::GET, "/v1/services?namspace=x", "", 400, "invalid"),
        (Method::GET, "/v1/services?namespace=X", "", 400, "invalid"),
        (Method::GET, "/v1/watch?namespace=", "", 400, "invalid"),
        (Method::PUT, instance, "{", 400, "invalid"),
        (Method::PUT, instance, "", 400, "invalid"),
        (Method::PUT, "/v1/services/a/instances/%0A", good, 400, "invalid"),
        (
            Method::PUT,
            "/v1/services/a/instances/1/status",
            r#"{"status":"UP"}"#,
            400,
            "invalid",
        ),
        (
            Method::PUT,
            "/v1/services/a/instances/1/status",
            r#"{"status":"up"}"#,
            404,
            "not_found",
        ),
        (
            Method::DELETE,
            "/v1/services/a/instances/1/status?status=off",
            "",
            400,
            "invalid",
        ),
    ] {
        let (got, error) = door.ask(method.clone(), path, body).await;
        assert_eq!(got.as_u16(), status, "{method} {path} {error}");
        assert_form(&error, code);
    }
}

/// A wrong method says which would be right, as HTTP demands.
#[tokio::test]
async fn a_wrong_method_names_the_right_ones() {
    let door = door();
    let answer = door
        .client
        .request(&Call::new(Method::POST, "/v1/services"))
        .await
        .unwrap();
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
    assert!(answer.headers["allow"].to_str().unwrap().contains("GET"));
}

/// Path, query and body problems of one request are all told at once.
#[tokio::test]
async fn all_problems_are_told_at_once() {
    let door = door();
    let path = "/v1/services/a%2Fb/instances/1?namespace=Prod";
    let (status, error) = door
        .ask(Method::PUT, path, r#"{"address":"a b","weight":70000}"#)
        .await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(error["message"], json!("the request has 5 problems"));
    let problems = error["details"].as_array().unwrap();
    let fields: Vec<&str> = problems.iter().map(|p| p["field"].as_str().unwrap()).collect();
    assert_eq!(fields, ["namespace", "service", "port", "address", "weight"]);
    assert!(
        door.registry
            .snapshot(&Namespace::default())
            .unwrap()
            .services()
            .next()
            .is_none()
    );
}

/// A body above the limit is refused whether it says its size or not.
#[tokio::test]
async fn a_large_body_is_refused() {
    let door = door();
    let (status, error) = door
        .ask(Method::PUT, "/v1/services/a/instances/1", &" ".repeat(2_500_000))
        .await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_form(&error, "invalid");
}

/// The persistent class is in the API and says what it waits for.
#[tokio::test]
async fn persistent_instances_need_the_store() {
    let door = door();
    let body = r#"{"address":"h","port":1,"consistency":"persistent"}"#;
    let (status, error) = door.ask(Method::PUT, "/v1/services/a/instances/1", body).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_form(&error, "unavailable");
    assert!(
        error["message"].as_str().unwrap().contains("needs the store"),
        "{error}"
    );
}

/// A full namespace pushes back instead of growing.
#[tokio::test]
async fn a_full_namespace_is_overloaded() {
    let namespace = Config {
        instances_max: 1,
        ..Config::default()
    };
    let door = door_with(
        Settings {
            namespace,
            ..Settings::default()
        },
        PATIENCE,
    );
    door.put("/v1/services/a/instances/1").await;
    let (status, error) = door
        .ask(
            Method::PUT,
            "/v1/services/a/instances/2",
            r#"{"address":"h","port":1}"#,
        )
        .await;
    assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);
    assert_form(&error, "overloaded");
}

/// A web page can neither read nor change anything.
#[tokio::test]
async fn web_pages_are_refused() {
    let door = door();
    for (header, value) in [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("host", "evil.example"),
    ] {
        let mut call =
            Call::new(Method::PUT, "/v1/services/a/instances/1").json(r#"{"address":"h","port":1}"#);
        call.headers.insert(header, value.parse().unwrap());
        let answer = door.client.request(&call).await.unwrap();
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{header}: {value}");
        let error: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_form(&error, "permission_denied");
        assert!(
            error["message"]
                .as_str()
                .unwrap()
                .contains("listen.allowed_hosts")
        );
    }
    assert_eq!(door.get("/v1/services/a").await.0, StatusCode::NOT_FOUND);
}
