//! Status overrides: set, kept over heartbeats and registrations, taken back, and the order of the rules.

use koinon_compat_eureka::{DIRTY, Script, instance, with};
use koinon_testkit::Request;
use serde_json::json;

use crate::{JSON, REPLICATION};

const APP: &str = "STAT";
const PATH: &str = "/eureka/apps/STAT/s1";

fn register(script: &mut Script, title: &str, status: &str, dirty: u64) {
    let fields = json!({"status": status, "lastDirtyTimestamp": dirty.to_string()});
    script.register(title, APP, &with(instance(APP, "s1"), fields));
    script.json(&format!("{title}: then"), PATH);
}

fn put(script: &mut Script, title: &str, query: &str) {
    script.plain(title, "PUT", &format!("{PATH}/status{query}"));
    script.json(&format!("{title}: then"), PATH);
}

fn delete(script: &mut Script, title: &str, query: &str) {
    script.plain(title, "DELETE", &format!("{PATH}/status{query}"));
    script.json(&format!("{title}: then"), PATH);
}

fn beat(script: &mut Script, title: &str, dirty: u64) {
    script.plain(
        title,
        "PUT",
        &format!("{PATH}?status=UP&lastDirtyTimestamp={dirty}"),
    );
    script.json(&format!("{title}: then"), PATH);
}

/// Protects: taking an instance out of service holds until it is taken back, whatever the instance does.
#[test]
fn an_override_holds_until_it_is_removed() {
    let mut script = Script::new("status: override");
    register(&mut script, "register", "UP", DIRTY);
    put(&mut script, "out", "?value=OUT_OF_SERVICE");
    script
        .json("delta", "/eureka/apps/delta")
        .xml("delta as xml", "/eureka/apps/delta")
        .json("apps", "/eureka/apps");
    beat(&mut script, "heartbeat", DIRTY);
    register(&mut script, "register again", "UP", DIRTY + 1);
    put(
        &mut script,
        "out again",
        &format!("?value=OUT_OF_SERVICE&lastDirtyTimestamp={}", DIRTY + 1),
    );
    delete(&mut script, "removed", "");
    beat(&mut script, "heartbeat after removal", DIRTY + 1);
    delete(&mut script, "removed twice", "");
    register(&mut script, "register after removal", "UP", DIRTY + 2);
    put(&mut script, "down", "?value=DOWN");
    delete(&mut script, "removed with a value", "?value=UP");
    put(&mut script, "out a third time", "?value=OUT_OF_SERVICE");
    script.plain("cancel", "DELETE", PATH);
    register(&mut script, "register after cancel", "UP", DIRTY + 3);
    script.run();
}

/// Protects: DOWN and STARTING of the instance win over an override, UP and OUT_OF_SERVICE do not.
#[test]
fn the_order_of_the_rules() {
    let mut script = Script::new("status: rules");
    let statuses = ["UP", "DOWN", "STARTING", "OUT_OF_SERVICE", "UNKNOWN"];
    let mut dirty = DIRTY;
    for own in statuses {
        for overridden in statuses {
            dirty += 10;
            let title = format!("{own} under {overridden}");
            register(&mut script, &format!("{title}: register"), "UP", dirty);
            put(
                &mut script,
                &format!("{title}: override"),
                &format!("?value={overridden}"),
            );
            register(&mut script, &format!("{title}: register again"), own, dirty + 1);
            delete(
                &mut script,
                &format!("{title}: removal"),
                &format!("?value={own}"),
            );
            script.plain(&format!("{title}: cancel"), "DELETE", PATH);
        }
    }
    script.run();
}

/// Protects: an existing lease's status wins over a registration that says UP or OUT_OF_SERVICE.
#[test]
fn an_existing_lease_decides() {
    let mut script = Script::new("status: existing lease");
    let statuses = ["UP", "DOWN", "STARTING", "OUT_OF_SERVICE", "UNKNOWN"];
    let mut dirty = DIRTY;
    for first in statuses {
        for second in statuses {
            dirty += 10;
            register(
                &mut script,
                &format!("{first} then {second}: first"),
                first,
                dirty,
            );
            register(
                &mut script,
                &format!("{first} then {second}: second"),
                second,
                dirty + 1,
            );
            script.plain(&format!("{first} then {second}: cancel"), "DELETE", PATH);
        }
    }
    script.run();
}

/// Protects: every value and every timestamp of a status change, right and wrong.
#[test]
fn values_and_timestamps() {
    let mut script = Script::new("status: values");
    register(&mut script, "register", "UP", DIRTY);
    for value in [
        "DOWN",
        "STARTING",
        "UNKNOWN",
        "OUT_OF_SERVICE",
        "UP",
        "WRONG",
        "down",
        "",
    ] {
        put(
            &mut script,
            &format!("value {value:?}"),
            &format!("?value={value}"),
        );
    }
    put(&mut script, "no value", "");
    put(
        &mut script,
        "newer",
        &format!("?value=DOWN&lastDirtyTimestamp={}", DIRTY + 100),
    );
    put(&mut script, "older", "?value=UP&lastDirtyTimestamp=5");
    put(&mut script, "garbage", "?value=DOWN&lastDirtyTimestamp=abc");
    put(&mut script, "slash", "/?value=UP");
    delete(&mut script, "removal with a wrong value", "?value=WRONG");
    delete(
        &mut script,
        "removal newer",
        &format!("?value=UP&lastDirtyTimestamp={}", DIRTY + 200),
    );
    put(&mut script, "down before garbage", "?value=DOWN");
    delete(
        &mut script,
        "removal with garbage",
        "?value=UP&lastDirtyTimestamp=abc",
    );
    script
        .step(
            "by a peer",
            Request::new("PUT", format!("{PATH}/status?value=OUT_OF_SERVICE")).header(REPLICATION, "true"),
        )
        .json("by a peer: then", PATH)
        .step(
            "with Accept",
            Request::new("PUT", format!("{PATH}/status?value=UP")).header("Accept", JSON),
        )
        .step(
            "read",
            Request::get(format!("{PATH}/status")).header("Accept", JSON),
        )
        .step(
            "post",
            Request::new("POST", format!("{PATH}/status?value=UP"))
                .header("Content-Type", JSON)
                .body("{}"),
        );
    script.run();
}
