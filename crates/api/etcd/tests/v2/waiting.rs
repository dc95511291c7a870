//! Watchers, and what time does: these need more than one connection.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use koinon_testkit::{Request, Response, send};
use serde_json::Value;

use crate::served::Served;

/// Longer than anything here takes on a busy machine.
const DEADLINE: Duration = Duration::from_secs(20);

/// A long poll under way.
struct Poll(mpsc::Receiver<Response>);

impl Poll {
    /// Asks, and waits until the server counts the watcher: what is changed from then on is told.
    fn begin(served: &Served, path: &str) -> Self {
        let before = watchers(served);
        let (tell, told) = mpsc::channel();
        let (address, request) = (served.address, Request::get(path));
        std::thread::spawn(move || {
            let _ = tell.send(send(address, &request).unwrap());
        });
        until("the watcher is there", || watchers(served) == before + 1);
        Self(told)
    }

    fn told(self) -> Value {
        let response = self.0.recv_timeout(DEADLINE).expect("an event");
        assert_eq!(response.status, 200);
        response.json().unwrap()
    }

    fn nothing_yet(&self) -> bool {
        self.0.try_recv().is_err()
    }
}

fn watchers(served: &Served) -> u64 {
    let stats = served.ask("GET", "/v2/stats/store", "").json().unwrap();
    stats["watchers"].as_u64().unwrap()
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < DEADLINE, "never: {what}");
        std::thread::yield_now();
    }
}

fn put(served: &Served, path: &str, form: &str) -> Value {
    served.ask("PUT", path, form).json().unwrap()
}

/// Protects: a watcher is told of its own key, of what is in its directory, and when a directory above it goes; never of
/// what is hidden below it.
#[test]
fn watchers_are_told() {
    let served = Served::new();
    put(&served, "/v2/keys/d/x", "value=1");
    let key = Poll::begin(&served, "/v2/keys/d/x?wait=true");
    let below = Poll::begin(&served, "/v2/keys/d?wait=true&recursive=true");
    put(&served, "/v2/keys/d/_h", "value=1");
    put(&served, "/v2/keys/e", "value=1");
    assert!(below.nothing_yet());
    let event = put(&served, "/v2/keys/d/y", "value=2");
    assert_eq!(below.told(), event);
    assert!(key.nothing_yet());
    let deletion = served
        .ask("DELETE", "/v2/keys/d?recursive=true", "")
        .json()
        .unwrap();
    assert_eq!(key.told(), deletion);
    until("no watcher is left", || watchers(&served) == 0);
}

/// Protects: what happened is told from its index on, a forgotten index is an error that names the oldest known one, and a
/// restart forgets nothing.
#[test]
fn history_is_a_thousand_events() {
    let (served, folder) = Served::at(tempfile::tempdir().unwrap());
    served.settle();
    for value in 11..=1030 {
        put(&served, &format!("/v2/keys/a?value={value}"), "");
    }
    drop(served);
    let (served, _folder) = Served::at(folder);
    let waiting = |index: u32| served.ask("GET", &format!("/v2/keys/a?wait=true&waitIndex={index}"), "");
    let cleared = waiting(30);
    assert_eq!(
        (cleared.status, cleared.header("x-etcd-index")),
        (400, Some("1030"))
    );
    let error = cleared.json().unwrap();
    assert_eq!(error["errorCode"], 401);
    assert_eq!(error["cause"], "the requested history has been cleared [31/30]");
    for index in [31, 1000, 1030] {
        assert_eq!(waiting(index).json().unwrap()["node"]["modifiedIndex"], index);
    }
}

/// Protects: what has a time to live goes when it is over, with its own index and event, also after a restart; what was
/// refreshed stays.
#[test]
fn time_passes() {
    let (served, folder) = Served::at(tempfile::tempdir().unwrap());
    put(&served, "/v2/keys/d", "dir=true&ttl=1");
    put(&served, "/v2/keys/d/x", "value=1");
    let long = put(&served, "/v2/keys/r", "value=1&ttl=1");
    assert_eq!(long["node"]["ttl"], 1);
    put(&served, "/v2/keys/r", "ttl=1000&refresh=true&prevExist=true");
    drop(served);
    let (served, _folder) = Served::at(folder);
    until("the directory is gone", || {
        served.ask("GET", "/v2/keys/d", "").status == 404
    });
    assert_eq!(served.ask("GET", "/v2/keys/r", "").status, 200);
    let event = served
        .ask("GET", "/v2/keys/d?wait=true&waitIndex=6", "")
        .json()
        .unwrap();
    assert_eq!(
        (&event["action"], &event["node"]["modifiedIndex"]),
        (&"expire".into(), &6.into())
    );
    assert_eq!(event["prevNode"]["dir"], true);
    assert_eq!(
        served.ask("GET", "/v2/keys/r", "").header("x-etcd-index"),
        Some("6")
    );
}
