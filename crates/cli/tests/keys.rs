//! `koinon keys` beside what the classic tool said: the commands recorded of `etcdctl` with the v2 API are run again, and
//! their lines and exit codes must be the same. The recordings are those of `compat/etcd`.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test code")]

use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

use koinon_testkit::{Koinon, KoinonOptions, Request, send};
use serde_json::Value;

const TOOL: &str = "ETCDCTL_API=2 etcdctl ";

/// One command: its arguments, what it reads, and what it must say.
struct Step {
    title: String,
    arguments: Vec<String>,
    input: String,
    said: String,
}

fn steps(story: &str) -> Vec<Step> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../compat/etcd/recorded/{story}.txt"));
    let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let told = text.split("$ ").filter(|told| !told.is_empty());
    told.map(|told| {
        let (title, said) = told.split_once('\n').unwrap_or((told, ""));
        let command = title.strip_prefix(TOOL).expect("a command of the tool");
        let (command, input) = command.split_once(" <<< ").unwrap_or((command, "\"\""));
        let lines = said.lines().map(|line| line.strip_prefix("  ").unwrap_or(line));
        Step {
            title: title.to_owned(),
            arguments: words(command),
            input: words(input).pop().unwrap_or_default(),
            said: lines.collect::<Vec<_>>().join("\n").trim_end().to_owned(),
        }
    })
    .collect()
}

/// Words with blanks between them; one in quotes is a literal, as in Rust and in JSON.
fn words(command: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = command.trim_start();
    while !rest.is_empty() {
        if rest.starts_with('"') {
            let mut literals = serde_json::Deserializer::from_str(rest).into_iter::<String>();
            words.push(literals.next().unwrap().unwrap());
            let read = literals.byte_offset();
            rest = rest[read..].trim_start();
        } else {
            let (word, after) = rest.split_once(' ').unwrap_or((rest, ""));
            words.push(word.to_owned());
            rest = after.trim_start();
        }
    }
    words
}

fn said(address: SocketAddr, step: &Step) -> String {
    let mut child = Command::new(env!("CARGO_BIN_EXE_koinon"))
        .arg("keys")
        .arg(format!("--endpoint=http://{address}"))
        .args(&step.arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may have ended without reading.
    let _ = child.stdin.take().unwrap().write_all(step.input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let mut text = String::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let json = line
            .starts_with('{')
            .then(|| serde_json::from_str::<Value>(line).ok());
        text += &match json.flatten() {
            Some(json) => serde_json::to_string_pretty(&json).unwrap(),
            None if line.starts_with("TTL: ") && line != "TTL: 0" => "TTL: <up to 100>".to_owned(),
            None => line.to_owned(),
        };
        text.push('\n');
    }
    for line in String::from_utf8_lossy(&output.stderr).lines() {
        text += &format!("E: {line}\n");
    }
    match output.status.code() {
        Some(0) => {}
        code => text += &format!("exit {code:?}\n"),
    }
    text.trim_end().to_owned()
}

/// Runs the story's commands and wants the recorded answers.
fn replay(story: &str, ours: impl Fn(&Step) -> bool) {
    let koinon = Koinon::start(&KoinonOptions {
        binary: Some(env!("CARGO_BIN_EXE_koinon").into()),
        ..KoinonOptions::default()
    })
    .unwrap();
    let address = koinon.listener("etcd").unwrap();
    // The stories begin at index 10.
    for _ in 0..9 {
        send(address, &Request::new("PUT", "/v2/keys/_base?value=x")).unwrap();
    }
    let steps = steps(story);
    for step in steps.iter().filter(|step| ours(step)) {
        assert_eq!(said(address, step), step.said, "{}", step.title);
    }
    assert!(steps.len() > 5, "{story} has {} steps", steps.len());
}

/// Protects: set, mk, get, update and rm with all flags, in all three formats, and their complaints.
#[test]
fn keys() {
    replay("v2-ctl-keys", |_| true);
}

/// Protects: directories made, listed, changed and removed. Wrong flags are told in our own words.
#[test]
fn directories() {
    replay("v2-ctl-directories", |step| {
        !step.title.contains("mkdir --in-order")
    });
}

/// Protects: keys in order. From the third on, the recording is of what the tool took for a value and we take for a flag.
#[test]
fn in_order() {
    replay("v2-ctl-in-order", |step| {
        step.title.contains("first") || step.title.contains("second")
    });
}

/// Protects: watching what happened, once or the first of it, and running a program for it.
#[test]
fn watching() {
    replay("v2-ctl-watch", |step| {
        !step.title.contains("--forever") && !step.title.contains("<folder>")
    });
}

/// Protects: who is there and how it does is told as the tool told it.
#[test]
fn the_cluster() {
    let koinon = start(None);
    let address = koinon.listener("etcd").unwrap();
    let member: Value = send(address, &Request::get("/v2/members/leader"))
        .unwrap()
        .json()
        .unwrap();
    let id = member["id"].as_str().unwrap();
    let ran = run(address, &["cluster-health"]);
    let healthy =
        format!("member {id} is healthy: got healthy result from http://{address}\ncluster is healthy\n");
    assert_eq!(ran, (Some(0), healthy));
    let ran = run(address, &["member", "list"]);
    let listed = format!("{id}: name=default peerURLs= clientURLs=http://{address} isLeader=true\n");
    assert_eq!(ran, (Some(0), listed));
}

/// Protects: a node that starts on a backup of a running one has its keys, its history and its index, of v2 and of v3; nothing
/// is left beside it, and nothing is overwritten.
#[test]
fn a_backup_is_a_data_folder() {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy");
    let first = start(None);
    let address = first.listener("etcd").unwrap();
    assert_eq!(
        run(address, &["set", "/a/b", "kept"]),
        (Some(0), "kept\n".to_owned())
    );
    let put = Request::new("POST", "/v3/kv/put").body(r#"{"key":"YQ==","value":"Yg=="}"#);
    assert_eq!(send(address, &put).unwrap().status, 200);
    let from = first.data_folder().join("data");
    let from = if from.join("listeners.json").exists() {
        from
    } else {
        first.data_folder().to_owned()
    };
    let (from, to) = (
        from.to_string_lossy().into_owned(),
        copy.to_string_lossy().into_owned(),
    );
    let backup = ["backup", "--data-dir", &from, "--backup-dir", &to, "--with-v3"];
    assert_eq!(run(address, &backup), (Some(0), String::new()));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    assert_eq!(run(address, &backup).0, Some(1), "there is a store in it");
    drop(first);
    assert_eq!(
        run(address, &backup).0,
        Some(1),
        "and nobody who gives a snapshot"
    );
    let second = start(Some(&copy));
    let address = second.listener("etcd").unwrap();
    assert_eq!(run(address, &["get", "/a/b"]), (Some(0), "kept\n".to_owned()));
    let get = Request::new("POST", "/v3/kv/range").body(r#"{"key":"YQ=="}"#);
    let found = send(address, &get).unwrap().json().unwrap();
    assert_eq!(found["kvs"][0]["value"], "Yg==");
    let seen = send(address, &Request::get("/v2/keys/a/b?wait=true&waitIndex=1")).unwrap();
    assert!(seen.text().contains("kept"), "{}", seen.text());
}

fn start(data_dir: Option<&Path>) -> Koinon {
    Koinon::start(&KoinonOptions {
        binary: Some(env!("CARGO_BIN_EXE_koinon").into()),
        data_dir: data_dir.map(Path::to_owned),
        ..KoinonOptions::default()
    })
    .unwrap()
}

fn run(address: SocketAddr, args: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_koinon"));
    let output = command
        .arg("keys")
        .arg(format!("--endpoint=http://{address}"))
        .args(args)
        .output()
        .unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}
