//! The committed OpenAPI document is what the routes say. `KOINON_REWRITE=1` writes it instead of comparing.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use http::StatusCode;
use serde_json::Value;

use crate::support::door;

/// Clients are generated from the committed document: it must not fall behind the code.
#[test]
fn openapi_document_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../docs/reference/admin-openapi.json");
    let written = koinon_api_admin::openapi().to_pretty_json().unwrap() + "\n";
    if std::env::var_os("KOINON_REWRITE").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, written).unwrap();
        return;
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        committed, written,
        "docs/reference/admin-openapi.json is not current; run cargo xtask fix"
    );
}

/// Every operation is described: it has an id of its own, a summary, and says what errors look like.
#[test]
fn every_operation_is_described() {
    let document = serde_json::to_value(koinon_api_admin::openapi()).unwrap();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let mut ids = BTreeSet::new();
    let mut count = 0;
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            count += 1;
            assert!(operation["summary"].is_string(), "{method} {path} has no summary");
            ids.insert(operation["operationId"].as_str().unwrap().to_owned());
            let answers = operation["responses"].as_object().unwrap();
            assert!(
                !path.starts_with("/v1/") || path == "/v1/openapi.json" || answers.contains_key("default"),
                "{method} {path}"
            );
        }
    }
    assert_eq!((count, ids.len()), (18, 18));
}

/// The server describes itself with the same document.
#[tokio::test]
async fn the_document_is_served() {
    let (status, served) = door().get("/v1/openapi.json").await;
    let document: Value = serde_json::from_str(&koinon_api_admin::openapi().to_json().unwrap()).unwrap();
    assert_eq!((status, served), (StatusCode::OK, document));
}
