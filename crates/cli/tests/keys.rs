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
