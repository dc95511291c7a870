//! `koinon upstream ls` as an operator meets it: a gateway with an endpoint that serves, one that is gone, and a service that
//! nobody has registered.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test code")]

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::process::Command;
use std::time::Duration;

use koinon_testkit::{Koinon, KoinonOptions, Recorder, Request, send, wait_until};
use serde_json::Value;

const SOON: Duration = Duration::from_secs(20);

fn start(arguments: &[&str]) -> Koinon {
    Koinon::start(&KoinonOptions {
        binary: Some(env!("CARGO_BIN_EXE_koinon").into()),
        arguments: arguments.iter().map(|text| (*text).to_owned()).collect(),
        ..KoinonOptions::default()
    })
    .unwrap()
}

struct Ran {
    code: i32,
    out: String,
    err: String,
}

fn upstream(koinon: &Koinon, args: &[&str]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_koinon"));
    let admin = koinon.listener("admin").unwrap();
    command
        .arg("upstream")
        .args(args)
        .env("KOINON_ENDPOINT", format!("http://{admin}"));
    let output = command.output().unwrap();
    Ran {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// The line of the table that begins so, in words.
fn words<'a>(table: &'a str, start: &str) -> Vec<&'a str> {
    let line = table.lines().find(|line| line.starts_with(start));
    line.unwrap_or_else(|| panic!("no {start} in {table}"))
        .split_whitespace()
        .collect()
}

fn route(name: &str, uri: &str) -> String {
    format!("  - id: {name}\n    uri: {uri}\n    predicates:\n      - Path=/{name}/**\n")
}

/// An address that nobody listens on.
fn closed() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// Every endpoint has a line that says whether it gets requests: the live one serves, the dead one is skipped once a request
/// has found that out; a service without instances is shown too. Scripts get the API's own document.
#[test]
fn endpoints_are_listed_with_their_state() {
    let live = Recorder::start().unwrap();
    let dead = closed();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("application.yml");
    let [live_uri, dead_uri] = [live.address(), dead].map(|address| format!("http://{address}"));
    let routes = route("live", &live_uri) + &route("dead", &dead_uri) + &route("none", "lb://nobody");
    fs::write(&file, format!("routes:\n{routes}")).unwrap();
    let koinon = start(&["--routes", file.to_str().unwrap()]);
    let gateway = koinon.listener("gateway").unwrap();
    let status = |path| send(gateway, &Request::get(path)).unwrap().status;
    assert_eq!(
        (status("/live/x"), status("/dead/x"), status("/none/x")),
        (200, 502, 503)
    );

    // A request is over when its answer has been sent, which the client may see a moment before.
    let listed = wait_until("nothing to be in flight", SOON, || {
        let listed = upstream(&koinon, &["ls"]);
        let in_flight = |start| words(&listed.out, start).iter().rev().nth(1).copied() == Some("0");
        (in_flight(&live_uri) && in_flight(&dead_uri)).then_some(listed)
    })
    .unwrap();
    assert_eq!((listed.code, &*listed.err), (0, ""));
    assert_eq!(
        words(&listed.out, "UPSTREAM"),
        [
            "UPSTREAM", "POLICY", "ID", "ADDRESS", "ZONE", "WEIGHT", "STATE", "IN", "FLIGHT", "FAILURES"
        ]
    );
    let [live_line, dead_line] = [&live_uri, &dead_uri].map(|uri| words(&listed.out, uri));
    let address = live.address().to_string();
    assert_eq!(
        (live_line[1], live_line[3]),
        ("round_robin", &*address),
        "{live_line:?}"
    );
    assert_eq!(live_line[6..], ["serving", "0", "0"]);
    assert!(["skipped", "probing"].contains(&dead_line[6]), "{dead_line:?}");
    assert_eq!(dead_line.last(), Some(&"1"));
    let none = words(&listed.out, "lb://nobody");
    assert_eq!(
        none[1..],
        ["round_robin", "-", "-", "-", "-", "no", "endpoints", "-", "-"]
    );

    let listed = upstream(&koinon, &["ls", "--output", "json"]);
    let listed: Value = serde_json::from_str(&listed.out).unwrap();
    let of = |name: &str| {
        listed["upstreams"]
            .as_array()
            .unwrap()
            .iter()
            .find(|one| one["name"] == *name)
    };
    assert_eq!(of(&live_uri).unwrap()["endpoints"][0]["state"], "serving");
    assert_eq!(of(&live_uri).unwrap()["responses"]["by_class"]["2xx"], 1);
    assert_eq!(of(&dead_uri).unwrap()["endpoints"][0]["failures"], 1);
}

/// Without routes and without a gateway there is still an answer, and the exit code tells them apart.
#[test]
fn no_upstreams_and_no_gateway_are_answers_too() {
    let bare = upstream(&start(&[]), &["ls"]);
    assert_eq!((bare.code, &*bare.out), (0, "no upstreams\n"));
    let off = upstream(&start(&["--set", "listen.gateway=off"]), &["ls"]);
    assert_eq!((off.code, &*off.out), (1, ""));
    assert!(off.err.contains("listen.gateway is off"), "{}", off.err);
}
