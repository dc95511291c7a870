//! Heartbeats: known and unknown instances, dirty timestamps from both sides of ours, replication.

use koinon_compat_eureka::{DIRTY, Script, instance};
use koinon_testkit::Request;

use crate::{JSON, REPLICATION};

const PATH: &str = "/eureka/apps/BEAT/b1";

fn beat(script: &mut Script, title: &str, query: &str) {
    script.plain(title, "PUT", &format!("{PATH}{query}"));
    script.json(&format!("{title}: then"), PATH);
}

/// Protects: a heartbeat of what the server does not know is 404, which makes every client register again.
#[test]
fn of_unknown_instances() {
    let mut script = Script::new("heartbeat: unknown");
    script
        .plain("no application", "PUT", PATH)
        .plain(
            "with query",
            "PUT",
            "/eureka/apps/BEAT/b1?status=UP&lastDirtyTimestamp=1600000000000",
        )
        .step("with Accept", Request::new("PUT", PATH).header("Accept", JSON))
        .register("register another", "BEAT", &instance("BEAT", "b2"))
        .plain("no instance", "PUT", PATH)
        .plain("delete of none", "DELETE", PATH)
        .plain("status of none", "PUT", &format!("{PATH}/status?value=UP"))
        .plain("status removal of none", "DELETE", &format!("{PATH}/status"))
        .plain("metadata of none", "PUT", &format!("{PATH}/metadata?a=b"));
    script.run();
}

/// Protects: the dirty timestamp decides between 200 and 404, and the rest of the query changes nothing.
#[test]
fn with_every_query() {
    let mut script = Script::new("heartbeat: queries");
    script.register("register", "BEAT", &instance("BEAT", "b1"));
    beat(&mut script, "plain", "");
    beat(
        &mut script,
        "same",
        &format!("?status=UP&lastDirtyTimestamp={DIRTY}"),
    );
    beat(
        &mut script,
        "older",
        &format!("?status=UP&lastDirtyTimestamp={}", DIRTY - 1000),
    );
    beat(
        &mut script,
        "newer",
        &format!("?status=UP&lastDirtyTimestamp={}", DIRTY + 1000),
    );
    beat(&mut script, "garbage", "?status=UP&lastDirtyTimestamp=abc");
    beat(&mut script, "empty", "?status=UP&lastDirtyTimestamp=");
    beat(&mut script, "negative", "?lastDirtyTimestamp=-5");
    beat(
        &mut script,
        "other status",
        &format!("?status=DOWN&lastDirtyTimestamp={DIRTY}"),
    );
    beat(
        &mut script,
        "wrong status",
        &format!("?status=WRONG&lastDirtyTimestamp={DIRTY}"),
    );
    beat(
        &mut script,
        "override",
        &format!("?status=UP&lastDirtyTimestamp={DIRTY}&overriddenstatus=DOWN"),
    );
    beat(&mut script, "slash", "/");
    script
        .plain("lower case", "PUT", "/eureka/apps/beat/b1")
        .plain("escaped", "PUT", "/eureka/apps/%42EAT/%621")
        .step(
            "with a body",
            Request::new("PUT", PATH).header("Content-Type", JSON).body("{}"),
        );
    script.run();
}

/// Protects: what a peer would be told: 409 with our instance, 404, and the override it brings.
#[test]
fn of_a_peer() {
    let mut script = Script::new("heartbeat: peer");
    let put = |query: String| Request::new("PUT", format!("{PATH}{query}")).header(REPLICATION, "true");
    let dirty = |dirty: u64, more: &str| format!("?status=UP&lastDirtyTimestamp={dirty}{more}");
    script
        .register("register", "BEAT", &instance("BEAT", "b1"))
        .step("same", put(dirty(DIRTY, "")))
        .step("older", put(dirty(DIRTY - 1000, "")))
        .step(
            "older as json",
            put(dirty(DIRTY - 1000, "")).header("Accept", JSON),
        )
        .step("newer", put(dirty(DIRTY + 1000, "")))
        .json("then", PATH)
        .step(
            "same with override",
            put(dirty(DIRTY, "&overriddenstatus=OUT_OF_SERVICE")),
        )
        .json("then with override", PATH)
        .step(
            "newer with override",
            put(dirty(DIRTY + 5, "&overriddenstatus=DOWN")),
        )
        .json("then with newer override", PATH)
        .step(
            "not a peer",
            Request::new("PUT", format!("{PATH}{}", dirty(DIRTY - 1000, ""))).header(REPLICATION, "false"),
        )
        .step("cancel", Request::new("DELETE", PATH).header(REPLICATION, "true"))
        .step(
            "cancel again",
            Request::new("DELETE", PATH).header(REPLICATION, "true"),
        );
    script.run();
}
