//! Metadata changes and registrations of what is registered already.

use koinon_compat_eureka::{DIRTY, Script, instance, with};
use serde_json::json;

const APP: &str = "META";
const PATH: &str = "/eureka/apps/META/m1";

fn put(script: &mut Script, title: &str, query: &str) {
    script.plain(title, "PUT", &format!("{PATH}/metadata{query}"));
    script.json(&format!("{title}: then"), PATH);
}

/// Protects: metadata is merged key by key and everybody sees the change.
#[test]
fn metadata_is_merged() {
    let mut script = Script::new("metadata");
    script.register("register", APP, &instance(APP, "m1"));
    put(&mut script, "one", "?k=v");
    script
        .json("delta", "/eureka/apps/delta")
        .json("apps", "/eureka/apps");
    put(&mut script, "two", "?k2=v2&k3=a%20b%26c+d");
    put(&mut script, "repeated", "?k=1&k=2");
    put(&mut script, "empty", "?k=");
    put(&mut script, "no value", "?flag");
    put(&mut script, "none", "");
    put(&mut script, "slash", "/?zz=1");
    script
        .json("read", &format!("{PATH}/metadata"))
        .plain("heartbeat", "PUT", PATH)
        .json("heartbeat: then", PATH)
        .plain("cancel", "DELETE", PATH)
        .register(
            "with metadata",
            APP,
            &with(instance(APP, "m1"), json!({"metadata": {"a": "1"}})),
        );
    put(&mut script, "onto a map", "?b=2&a=3");
    script.run();
}

/// Protects: of two registrations of one instance the one with the newer dirty timestamp is kept.
#[test]
fn the_newer_registration_is_kept() {
    let mut script = Script::new("duplicates");
    let mut register = |title: &str, dirty: u64, fields: serde_json::Value| {
        let instance = with(
            instance(APP, "m1"),
            json!({"lastDirtyTimestamp": dirty.to_string()}),
        );
        script.register(title, APP, &with(instance, fields));
        script.json(&format!("{title}: then"), PATH);
        script.json(&format!("{title}: delta"), "/eureka/apps/delta");
    };
    register("first", DIRTY, json!({}));
    register(
        "older",
        DIRTY - 1000,
        json!({"hostName": "older", "metadata": {"old": "1"}}),
    );
    register("same", DIRTY, json!({"hostName": "same"}));
    register(
        "newer",
        DIRTY + 1000,
        json!({"hostName": "newer", "leaseInfo": {"durationInSecs": 30}}),
    );
    register("newer and down", DIRTY + 2000, json!({"status": "DOWN"}));
    register(
        "no timestamp",
        DIRTY + 3000,
        json!({"lastDirtyTimestamp": null, "hostName": "none"}),
    );
    script.run();
}
