//! Registrations that are refused, and with which words.

use koinon_compat_eureka::{DATA_CENTER, Script, instance, with, without};
use koinon_testkit::Request;
use serde_json::{Value, json};

use crate::JSON;

const APP: &str = "REFUSED";

fn base() -> Value {
    instance(APP, "r1")
}

/// Protects: whoever forgot a field reads the original's words for it.
#[test]
fn missing_and_empty_fields() {
    let mut script = Script::new("refused: fields");
    for field in ["instanceId", "hostName", "ipAddr", "app", "dataCenterInfo"] {
        script.register(&format!("no {field}"), APP, &without(base(), &[field]));
        let mut blank = base();
        blank[field] = json!("");
        script.register(&format!("empty {field}"), APP, &blank);
    }
    script
        .register(
            "neither id nor host",
            APP,
            &without(base(), &["instanceId", "hostName"]),
        )
        .register("nothing at all", APP, &json!({}))
        .register(
            "no name of the data center",
            APP,
            &with(base(), json!({"dataCenterInfo": {"@class": DATA_CENTER}})),
        )
        .register("another application", "OTHER", &base())
        .step(
            "with Accept",
            Request::new("POST", "/eureka/apps/REFUSED")
                .header("Content-Type", JSON)
                .header("Accept", JSON)
                .body(json!({"instance": without(base(), &["ipAddr"])}).to_string()),
        );
    // The original cannot cancel an instance with an empty id, so it must not stay with the others.
    script.run_alone();
}

/// Protects: a body that is no registration gets an answer that says so, never a broken connection.
#[test]
fn bodies_that_are_no_registration() {
    let mut script = Script::new("refused: bodies");
    for (title, body) in [
        ("cut", "{\"instance\":"),
        ("empty", ""),
        ("list", "[]"),
        ("null", "null"),
        ("no instance", "{}"),
        ("instance null", "{\"instance\":null}"),
        ("instance text", "{\"instance\":\"x\"}"),
        ("xml", "<instance/>"),
        ("bytes", "\u{0}\u{1}"),
    ] {
        script.post(title, APP, JSON, body);
    }
    let bare = base().to_string();
    let junk = format!("{} junk", json!({"instance": base()}));
    script
        .post("not wrapped", APP, JSON, bare)
        .post("junk behind", APP, JSON, junk);
    script.run();
}

/// Protects: content types are read as the original reads them.
#[test]
fn content_types() {
    let mut script = Script::new("refused: content types");
    let body = || json!({"instance": base()}).to_string();
    for content_type in [
        "application/json;charset=UTF-8",
        "application/json; charset=utf-8",
        "text/json",
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/vnd.x+json",
        "text/xml",
    ] {
        script.post(content_type, APP, content_type, body());
    }
    script.step("none", Request::new("POST", "/eureka/apps/REFUSED").body(body()));
    script.run();
}
