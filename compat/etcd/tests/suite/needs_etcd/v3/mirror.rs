//! `make-mirror`: a whole prefix copied to another server and kept up to date.

use std::time::Duration;

use koinon_compat_etcd::{Server, Session, V3, tell};
use koinon_testkit::{Request, wait_until};

/// What a server holds: asked over the JSON gateway, because the session's `etcdctl` speaks to its own server.
fn keys_of(server: &Server) -> String {
    let all = Request::new("POST", "/v3/kv/range").body(r#"{"key":"AA==","range_end":"AA=="}"#);
    let answer = server.send(&all).unwrap();
    let kvs = answer.json().unwrap()["kvs"].clone();
    let pairs = kvs.as_array().cloned().unwrap_or_default();
    pairs
        .iter()
        .map(|kv| format!("{}={}\n", kv["key"], kv["value"]))
        .collect()
}

fn mirrored(s: &mut Session, flags: &[&str], changes: &[&[&str]]) {
    // The destination is of the same kind, so that each server is tried in both places.
    let destination = Server::start(s.server().kind()).unwrap();
    let address = destination.address().to_string();
    let mirror = s.ctl_beside(&[&["make-mirror"], flags, &[&address]].concat());
    wait_until("the first keys", Duration::from_secs(30), || {
        (!keys_of(&destination).is_empty()).then_some(())
    })
    .unwrap();
    for change in changes {
        s.ctl(change);
    }
    s.ctl(&["put", "a/end", "end"]);
    wait_until("the last key", Duration::from_secs(30), || {
        // "end" in base64.
        keys_of(&destination).contains("\"ZW5k\"").then_some(())
    })
    .unwrap();
    s.note(
        &format!("etcdctl make-mirror {} : the destination", flags.join(" ")),
        &keys_of(&destination),
    );
    drop(mirror);
    s.ctl(&["del", "a/end"]);
}

/// Protects: what stands and what changes arrives at the destination, under the prefix that was asked for.
#[test]
fn mirrors() {
    tell("v3-mirror", V3, |s| {
        for key in ["a/1", "a/2", "a/3", "b"] {
            s.ctl(&["put", key, key]);
        }
        let changes: &[&[&str]] = &[&["put", "a/2", "changed"], &["del", "a/3"], &["put", "c", "new"]];
        mirrored(s, &[], changes);
        mirrored(
            s,
            &["--prefix=a/", "--dest-prefix=copy/", "--max-txn-ops=1"],
            &[&["put", "a/4", "4"]],
        );
        mirrored(
            s,
            &["--prefix=a/", "--no-dest-prefix", "--rev=1"],
            &[&["put", "a/5", "5"]],
        );
        s.ctl(&["make-mirror"]);
    });
}
