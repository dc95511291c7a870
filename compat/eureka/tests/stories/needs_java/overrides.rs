//! Which status an instance shows: its own DOWN or STARTING first, then the override, then what its lease had.

use koinon_compat_eureka::{DIRTY, Eureka, Settings, on_both};
use serde_json::json;

use crate::common::{heartbeat, register, send, served, status};

const PATH: &str = "/eureka/apps/RULES/r1";

fn register_as(server: &Eureka, status: &str, dirty: u64) {
    register(
        server,
        "RULES",
        "r1",
        json!({"status": status, "lastDirtyTimestamp": dirty.to_string()}),
    );
}

fn shown(server: &Eureka) -> (String, String) {
    let instance = served(server, "RULES", "r1").unwrap();
    let text = |field: &str| instance[field].as_str().unwrap().to_owned();
    (text("status"), text("overriddenStatus"))
}

fn pair(status: &str, overridden: &str) -> (String, String) {
    (status.to_owned(), overridden.to_owned())
}

/// Protects: an operator's OUT_OF_SERVICE survives the instance's own UP, but never hides its DOWN or STARTING.
#[test]
fn own_trouble_then_override_then_lease() {
    on_both(&Settings::default(), |server| {
        register_as(server, "UP", DIRTY);
        assert_eq!(
            status(server, "PUT", &format!("{PATH}/status?value=OUT_OF_SERVICE")),
            200
        );
        for (own, expected) in [
            ("UP", "OUT_OF_SERVICE"),
            ("DOWN", "DOWN"),
            ("STARTING", "STARTING"),
            ("UNKNOWN", "UNKNOWN"),
            ("OUT_OF_SERVICE", "OUT_OF_SERVICE"),
            ("UP", "OUT_OF_SERVICE"),
        ] {
            let dirty = served(server, "RULES", "r1").unwrap()["lastDirtyTimestamp"].clone();
            let dirty: u64 = dirty.as_str().unwrap().parse().unwrap();
            register_as(server, own, dirty + 1);
            assert_eq!(
                shown(server),
                pair(expected, "OUT_OF_SERVICE"),
                "registered as {own}"
            );
        }
        // Without an override, an UP says nothing against the OUT_OF_SERVICE that the lease has.
        assert_eq!(status(server, "DELETE", PATH), 200);
        register_as(server, "OUT_OF_SERVICE", DIRTY);
        register_as(server, "UP", DIRTY + 1);
        assert_eq!(shown(server), pair("OUT_OF_SERVICE", "UNKNOWN"));
        register_as(server, "DOWN", DIRTY + 2);
        register_as(server, "UP", DIRTY + 3);
        assert_eq!(shown(server), pair("UP", "UNKNOWN"));
    });
}

/// Protects: taking an override back leaves no status, and the refused heartbeat makes the client bring its own.
#[test]
fn a_removed_override_asks_for_a_registration() {
    on_both(&Settings::default(), |server| {
        register_as(server, "UP", DIRTY);
        assert_eq!(
            status(server, "PUT", &format!("{PATH}/status?value=OUT_OF_SERVICE")),
            200
        );
        assert_eq!(heartbeat(server, "RULES", "r1"), 200);
        assert_eq!(shown(server), pair("OUT_OF_SERVICE", "OUT_OF_SERVICE"));
        assert_eq!(status(server, "DELETE", &format!("{PATH}/status")), 200);
        assert_eq!(shown(server), pair("UNKNOWN", "UNKNOWN"));
        assert_eq!(heartbeat(server, "RULES", "r1"), 404);
        register_as(server, "UP", DIRTY);
        assert_eq!(shown(server), pair("UP", "UNKNOWN"));
        assert_eq!(heartbeat(server, "RULES", "r1"), 200);
        let xml = send(server, "GET", "/eureka/apps");
        assert_eq!(xml.json().unwrap()["applications"]["apps__hashcode"], "UP_1_");
    });
}
