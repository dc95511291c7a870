//! Watches of v2: by the tool, and as long polls and streams.

use std::fs;

use koinon_compat_etcd::{LongPoll, Session, V2, tell};

const SCRIPT: &str =
    "echo $ETCD_WATCH_ACTION $ETCD_WATCH_KEY=$ETCD_WATCH_VALUE at $ETCD_WATCH_MODIFIED_INDEX\n";

fn fill(s: &mut Session) {
    for command in [
        &["set", "/a", "1"][..],
        &["set", "/d/x", "1"],
        &["update", "/a", "2"],
        &["rm", "/d/x"],
        &["mk", "/a2", "1"],
    ] {
        s.ctl2(command);
    }
}

/// Waits for a watch of the tool to end after one event, or interrupts it after some.
fn watched(s: &mut Session, arguments: &[&str], lines: usize, once: bool) {
    let mut watch = s.ctl2_beside(arguments);
    watch
        .until(&format!("{lines} lines of {arguments:?}"), |said| {
            said.ends_with('\n') && said.lines().count() >= lines
        })
        .unwrap();
    let output = if once { watch.finish() } else { watch.interrupt() }.unwrap();
    let told = s.told(&koinon_compat_etcd::Output {
        code: Some(0),
        ..output
    });
    s.note(&format!("ETCDCTL_API=2 etcdctl {}", arguments.join(" ")), &told);
}

/// Protects: `watch` and `exec-watch` from an index of the past, once and forever, one key and below it.
#[test]
fn by_the_tool() {
    tell("v2-ctl-watch", V2, |s| {
        s.settle_v2();
        fill(s);
        watched(s, &["watch", "--after-index", "10", "/a"], 1, true);
        watched(s, &["watch", "--after-index", "11", "/a"], 1, true);
        watched(s, &["watch", "--recursive", "--after-index", "10", "/d"], 1, true);
        watched(s, &["watch", "--recursive", "--after-index", "12", "/d"], 1, true);
        watched(
            s,
            &["-o", "extended", "watch", "--after-index", "10", "/a"],
            1,
            true,
        );
        watched(
            s,
            &["-o", "json", "watch", "-r", "--after-index", "10", "/"],
            1,
            true,
        );
        watched(
            s,
            &["watch", "--forever", "-r", "--after-index", "10", "/"],
            5,
            false,
        );
        // The key comes last; behind a flag the tool takes no separator.
        let script = s.folder().join("told");
        fs::write(&script, SCRIPT).unwrap();
        let script = script.display().to_string();
        let exec = [
            "exec-watch",
            "--recursive",
            "--after-index",
            "14",
            "sh",
            &script,
            "/",
        ];
        watched(s, &exec, 1, false);
        s.ctl2(&["watch"]);
        s.ctl2(&["exec-watch"]);
        s.ctl2(&["exec-watch", "/a"]);
    });
}

/// A long poll from now on: it watches when its head is there.
fn from_now(s: &mut Session, path: &str, changes: &[(&str, &str, &str)]) {
    let mut poll = LongPoll::start(s.server().address(), path);
    for (method, path, form) in changes {
        s.http(method, path, form);
    }
    let event = s.names.json(serde_json::from_str(&poll.events(1)[0]).unwrap());
    let event = serde_json::to_string_pretty(&event).unwrap();
    let head = poll.head();
    let index = head
        .lines()
        .find(|line| line.to_ascii_lowercase().starts_with("x-etcd-index"));
    s.note(
        &format!("GET {path}"),
        &format!(
            "{}\n{event}",
            index.unwrap_or("no X-Etcd-Index").to_ascii_lowercase()
        ),
    );
}

/// Protects: a watch that waits is answered by the next change of its key, or below it, and by nothing else.
#[test]
fn long_polls() {
    tell("v2-watch", V2, |s| {
        s.settle_v2();
        s.http("PUT", "/v2/keys/a", "value=1");
        from_now(
            s,
            "/v2/keys/a?wait=true",
            &[
                ("PUT", "/v2/keys/other", "value=1"),
                ("PUT", "/v2/keys/a/b", "value=1"),
                ("PUT", "/v2/keys/a", "value=2"),
            ],
        );
        from_now(
            s,
            "/v2/keys/d?wait=true",
            &[
                ("PUT", "/v2/keys/d/x", "value=1"),
                ("PUT", "/v2/keys/d?dir=true&prevExist=true", "ttl=1000"),
            ],
        );
        from_now(
            s,
            "/v2/keys/d?wait=true&recursive=true",
            &[("PUT", "/v2/keys/d/y/z", "value=1")],
        );
        from_now(
            s,
            "/v2/keys/d?wait=true&recursive=true",
            &[
                ("PUT", "/v2/keys/d/_hidden", "value=1"),
                ("PUT", "/v2/keys/d/seen", "value=1"),
            ],
        );
        from_now(
            s,
            "/v2/keys/d/_hidden?wait=true",
            &[("PUT", "/v2/keys/d/_hidden", "value=2")],
        );
        // A directory that goes takes what is below it.
        from_now(
            s,
            "/v2/keys/d/seen?wait=true",
            &[("DELETE", "/v2/keys/d?recursive=true", "")],
        );
        from_now(
            s,
            "/v2/keys/?wait=true&recursive=true",
            &[("DELETE", "/v2/keys/a", "")],
        );
        from_now(
            s,
            "/v2/keys/q?wait=true&recursive=true",
            &[("POST", "/v2/keys/q", "value=job")],
        );
        s.http("PUT", "/v2/keys/cas", "value=1");
        from_now(
            s,
            "/v2/keys/cas?wait=true",
            &[
                ("PUT", "/v2/keys/cas?prevValue=9", "value=2"),
                ("PUT", "/v2/keys/cas?prevValue=1", "value=2"),
            ],
        );
        from_now(
            s,
            "/v2/keys/cas?wait=true",
            &[("DELETE", "/v2/keys/cas?prevValue=2", "")],
        );
    });
}

/// Protects: history is answered from, at once, up to a thousand events back, and what is older is refused.
#[test]
fn history() {
    tell("v2-watch-history", V2, |s| {
        s.settle_v2();
        fill(s);
        for path in [
            "/v2/keys/a?wait=true&waitIndex=1",
            "/v2/keys/a?wait=true&waitIndex=11",
            "/v2/keys/a?wait=true&waitIndex=12",
            "/v2/keys/?wait=true&recursive=true&waitIndex=14",
            "/v2/keys/d?wait=true&recursive=true&waitIndex=13",
            "/v2/keys/a?wait=true&waitIndex=x",
            "/v2/keys/a?wait=true&waitIndex=-1",
            "/v2/keys/a?wait=maybe",
            "/v2/keys/a?waitIndex=11",
            "/v2/keys/a?wait=true&stream=maybe",
        ] {
            s.http("GET", path, "");
        }
        let mut future = LongPoll::start(s.server().address(), "/v2/keys/a?wait=true&waitIndex=17");
        s.http("PUT", "/v2/keys/a", "value=16");
        s.http("PUT", "/v2/keys/a", "value=17");
        let event: serde_json::Value = serde_json::from_str(&future.events(1)[0]).unwrap();
        s.note(
            "GET /v2/keys/a?wait=true&waitIndex=17",
            &serde_json::to_string_pretty(&event).unwrap(),
        );
        let mut stream = LongPoll::start(
            s.server().address(),
            "/v2/keys/?wait=true&stream=true&recursive=true&waitIndex=16",
        );
        s.http("PUT", "/v2/keys/end", "value=18");
        let events = stream.events(1).len();
        assert!(events >= 1);
        let wanted = stream.events(1);
        s.note("stream from 16: the first event", &wanted[0]);
        for index in 19..=1030 {
            let form = format!("/v2/keys/filler?value={index}");
            s.server()
                .send(&koinon_testkit::Request::new("PUT", form))
                .unwrap();
        }
        s.http("GET", "/v2/keys/filler?wait=true&waitIndex=20", "");
        s.http("GET", "/v2/keys/filler?wait=true&waitIndex=1000", "");
        for index in [1, 29, 30, 31, 32] {
            s.http("GET", &format!("/v2/keys/filler?wait=true&waitIndex={index}"), "");
        }
    });
}
