//! Watching: from a revision, a prefix, a range, with old values, interactively, with a command for each event.

use std::time::Duration;

use koinon_compat_etcd::{Session, V3, tell};
use koinon_testkit::wait_until;
use serde_json::Value;

fn history(s: &mut Session) {
    for command in [
        &["put", "a", "1"][..],
        &["put", "a/1", "one"],
        &["put", "a/2", "two"],
        &["put", "b", "1"],
        &["del", "a/1"],
        &["put", "a/1", "again"],
        &["del", "a/", "--prefix"],
    ] {
        s.ctl(command);
    }
    s.ctl_told(&["txn"], "\nput a/3 3\nput a/4 4\ndel b\n\n\n");
}

/// Runs a watch until it has printed this many lines, and writes them down.
fn watched(s: &mut Session, arguments: &[&str], lines: usize) {
    let mut watch = s.ctl_beside(&[&["watch"], arguments].concat());
    watch
        .until(&format!("{lines} lines of {arguments:?}"), |said| {
            said.ends_with('\n') && said.lines().count() >= lines
        })
        .unwrap();
    let told = s.told(&koinon_compat_etcd::Output {
        code: Some(0),
        ..watch.interrupt().unwrap()
    });
    s.note(&format!("etcdctl watch {}", arguments.join(" ")), &told);
}

/// The same with every field. Into how many answers events are divided is the server's affair.
fn watched_as_json(s: &mut Session, arguments: &[&str], events: usize) {
    let mut watch = s.ctl_beside(&[&["watch", "-w", "json"], arguments].concat());
    let events_in = |said: &str| -> Vec<Value> {
        let answers = said
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        answers
            .flat_map(|answer| answer["Events"].as_array().cloned().unwrap_or_default())
            .collect()
    };
    watch
        .until(&format!("{events} events"), |said| {
            events_in(said).len() >= events
        })
        .unwrap();
    let told = events_in(&watch.interrupt().unwrap().out);
    s.note(
        &format!("etcdctl watch -w json {}", arguments.join(" ")),
        &serde_json::to_string_pretty(&told).unwrap(),
    );
}

/// Protects: a watch from the past brings every event, in order, with the old values where they are asked for.
#[test]
fn from_a_revision() {
    tell("v3-watch", V3, |s| {
        history(s);
        watched(s, &["a", "--rev=1"], 3);
        watched(s, &["a/", "--prefix", "--rev=1"], 21);
        watched(s, &["a/", "--prefix", "--rev=4"], 18);
        watched(s, &["a/", "--prefix", "--rev=1", "--prev-kv"], 27);
        watched(s, &["a/1", "b", "--rev=3"], 21);
        watched_as_json(s, &["", "--prefix", "--rev=1", "--prev-kv"], 11);
        watched(s, &["--hex", "b", "--rev=1"], 6);
        for refused in [&["watch"][..], &["watch", "a", "b", "--prefix"]] {
            s.ctl(refused);
        }
        s.ctl(&["compaction", "5"]);
        s.ctl(&["watch", "a/", "--prefix", "--rev=4"]);
        s.ctl(&["watch", "a/", "--prefix", "--rev=4", "-w", "json"]);
        watched(s, &["a/", "--prefix", "--rev=5"], 18);
    });
}

/// Protects: events reach a watch that waits, several watches of one connection each get their own, and a watch can be
/// cancelled.
#[test]
fn interactively() {
    tell("v3-watch-interactive", V3, |s| {
        let mut watch = s.ctl_beside(&["watch", "--interactive"]);
        watch.tell("watch a\nwatch b --prefix --prev-kv\n").unwrap();
        // Both watches stand when a write to each of them shows.
        wait_until("both watches", Duration::from_secs(30), || {
            s.quiet(&["put", "a", "probe-a"]);
            s.quiet(&["put", "b/", "probe-b"]);
            let said = watch.said();
            (said.contains("probe-a") && said.contains("probe-b")).then_some(())
        })
        .unwrap();
        for command in [
            &["put", "a", "first"][..],
            &["put", "b/1", "second"],
            &["put", "c", "unseen"],
            &["del", "a"],
            &["put", "b/2", "third"],
            &["del", "b/1"],
            &["put", "b/end", "the-end"],
        ] {
            s.quiet(command);
        }
        watch.until("the end", |said| said.contains("the-end")).unwrap();
        let said = watch.interrupt().unwrap().out;
        // How many probes it took is chance, so only what followed is written down, each watch by itself.
        let after: Vec<&str> = said.lines().filter(|line| !line.contains("probe")).collect();
        for key in ["first", "second", "unseen", "third", "the-end"] {
            let count = after.iter().filter(|line| **line == key).count();
            s.note(&format!("told on both watches: {key}"), &count.to_string());
        }
        let place = |what: &str| after.iter().position(|line| *line == what);
        assert!(
            place("second") < place("third") && place("third") < place("the-end"),
            "{said}"
        );
    });
}

/// Protects: a command runs for each event with the event in its environment.
#[test]
fn with_a_command() {
    tell("v3-watch-exec", V3, |s| {
        s.ctl(&["put", "a", "1"]);
        s.ctl(&["put", "a", "2"]);
        s.ctl(&["del", "a"]);
        let script = "echo $ETCD_WATCH_EVENT_TYPE $ETCD_WATCH_KEY=$ETCD_WATCH_VALUE at $ETCD_WATCH_REVISION";
        watched(s, &["a", "--rev=1", "--", "sh", "-c", script], 12);
        watched(s, &["--rev=1", "--prefix", "a", "--", "sh", "-c", script], 12);
    });
}

/// Protects: a client that asks for progress is told the revision without an event.
#[test]
fn progress() {
    tell("v3-watch-progress", V3, |s| {
        s.ctl(&["put", "a", "1"]);
        let mut watch = s.ctl_beside(&["watch", "--interactive"]);
        watch.tell("watch a --rev=2\n").unwrap();
        watch
            .until("the first event", |said| said.contains("PUT"))
            .unwrap();
        watch.tell("progress\n").unwrap();
        watch.until("progress", |said| said.contains("progress")).unwrap();
        let told = watch.interrupt().unwrap().out;
        s.note("etcdctl watch --interactive <<< watch a --rev=2, progress", &told);
        watched(s, &["a", "--rev=1", "--progress-notify"], 3);
    });
}
