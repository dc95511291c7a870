//! Dirty timestamps: who knows more about an instance, its client or the server.

use koinon_compat_eureka::{DIRTY, Eureka, Settings, on_both};
use koinon_testkit::{Request, Response};
use serde_json::json;

use crate::common::{register, served};

fn renew(server: &Eureka, dirty: u64, peer: bool) -> Response {
    let path = format!("/eureka/apps/DIRTY/d1?status=UP&lastDirtyTimestamp={dirty}");
    let request = Request::new("PUT", path)
        .header("Accept", "application/json")
        .header("x-netflix-discovery-replication", peer.to_string());
    server.send(&request).unwrap()
}

fn register_at(server: &Eureka, dirty: u64, host: &str) {
    let fields = json!({"lastDirtyTimestamp": dirty.to_string(), "hostName": host});
    register(server, "DIRTY", "d1", fields);
}

/// Protects: a client that knows more is asked to register (404), a peer that knows less is told what is known
/// (409 with the instance), and an older registration never replaces a newer one.
#[test]
fn the_newer_knowledge_wins() {
    on_both(&Settings::default(), |server| {
        register_at(server, DIRTY, "first");
        assert_eq!(renew(server, DIRTY, false).status, 200);
        assert_eq!(renew(server, DIRTY - 1, false).status, 200);
        assert_eq!(renew(server, DIRTY + 1, false).status, 404);
        assert_eq!(renew(server, DIRTY, true).status, 200);
        assert_eq!(renew(server, DIRTY + 1, true).status, 404);
        let conflict = renew(server, DIRTY - 1, true);
        assert_eq!(conflict.status, 409);
        let known = conflict.json().unwrap()["instance"].clone();
        assert_eq!(known["lastDirtyTimestamp"], DIRTY.to_string());
        assert_eq!(known["hostName"], "first");

        let host = |server: &Eureka| served(server, "DIRTY", "d1").unwrap()["hostName"].clone();
        register_at(server, DIRTY - 1, "older");
        assert_eq!(host(server), "first");
        register_at(server, DIRTY, "same");
        assert_eq!(host(server), "same");
        register_at(server, DIRTY + 1, "newer");
        assert_eq!(host(server), "newer");
        assert_eq!(renew(server, DIRTY + 1, false).status, 200);
    });
}
