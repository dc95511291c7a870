//! Time to live: set, changed, refreshed, removed, and run out.

use std::time::Duration;

use koinon_compat_etcd::{LongPoll, V2, tell};
use koinon_testkit::{Request, wait_until};

/// Protects: a time to live is shown, kept, replaced and removed as etcd does, for keys and directories.
#[test]
fn set_and_changed() {
    tell("v2-http-ttl", V2, |s| {
        s.settle_v2();
        for (method, path, form) in [
            ("PUT", "/v2/keys/a", "value=1&ttl=1000000"),
            ("GET", "/v2/keys/a", ""),
            ("PUT", "/v2/keys/a", "value=2"),
            ("PUT", "/v2/keys/a", "value=3&ttl=1000000"),
            ("PUT", "/v2/keys/a", "value=4&ttl="),
            ("PUT", "/v2/keys/b", "value=1&ttl=1000000"),
            ("PUT", "/v2/keys/b", "ttl=2000000&refresh=true&prevExist=true"),
            ("PUT", "/v2/keys/b", "ttl=2000000&refresh=true"),
            ("PUT", "/v2/keys/b", "ttl=2000000&refresh=true&value=x"),
            ("PUT", "/v2/keys/b", "refresh=true"),
            (
                "PUT",
                "/v2/keys/nothing",
                "ttl=2000000&refresh=true&prevExist=true",
            ),
            ("PUT", "/v2/keys/nothing", "ttl=2000000&refresh=true"),
            ("GET", "/v2/keys/b", ""),
            ("PUT", "/v2/keys/d", "dir=true&ttl=1000000"),
            ("PUT", "/v2/keys/d/x", "value=1"),
            ("PUT", "/v2/keys/d", "dir=true&ttl=2000000&prevExist=true"),
            ("PUT", "/v2/keys/d", "dir=true&ttl=&prevExist=true"),
            ("GET", "/v2/keys/?recursive=true&sorted=true", ""),
            ("POST", "/v2/keys/q", "value=1&ttl=1000000"),
            // It runs out at once, and then changes the index; so it comes last.
            ("PUT", "/v2/keys/a", "value=4&ttl=0"),
        ] {
            s.http(method, path, form);
        }
    });
}

/// Protects: what ran out is gone, its watchers are told `expire`, and a refresh neither wakes a watcher nor lets it run out.
#[test]
fn run_out() {
    tell("v2-http-expiry", V2, |s| {
        s.settle_v2();
        let gone = |s: &mut koinon_compat_etcd::Session, path: &str| {
            wait_until("the end of the key", Duration::from_secs(20), || {
                let answer = s.server().send(&Request::get(path)).unwrap();
                (answer.status == 404).then_some(())
            })
            .unwrap();
        };
        s.http("PUT", "/v2/keys/a", "value=1&ttl=1");
        let mut watch = LongPoll::start(s.server().address(), "/v2/keys/a?wait=true");
        let event = s.names.json(serde_json::from_str(&watch.events(1)[0]).unwrap());
        s.note(
            "GET /v2/keys/a?wait=true",
            &serde_json::to_string_pretty(&event).unwrap(),
        );
        gone(s, "/v2/keys/a");
        s.http("GET", "/v2/keys/a", "");
        s.http("PUT", "/v2/keys/d", "dir=true&ttl=1");
        s.http("PUT", "/v2/keys/d/x", "value=1");
        let mut watch = LongPoll::start(s.server().address(), "/v2/keys/d/x?wait=true");
        let event = s.names.json(serde_json::from_str(&watch.events(1)[0]).unwrap());
        s.note(
            "GET /v2/keys/d/x?wait=true",
            &serde_json::to_string_pretty(&event).unwrap(),
        );
        gone(s, "/v2/keys/d");
        s.http("PUT", "/v2/keys/r", "value=1&ttl=1000000");
        let mut watch = LongPoll::start(s.server().address(), "/v2/keys/r?wait=true");
        s.http("PUT", "/v2/keys/r", "ttl=1&refresh=true&prevExist=true");
        let event = s.names.json(serde_json::from_str(&watch.events(1)[0]).unwrap());
        s.note(
            "GET /v2/keys/r?wait=true",
            &serde_json::to_string_pretty(&event).unwrap(),
        );
        s.http("GET", "/v2/keys/?recursive=true", "");
    });
}
