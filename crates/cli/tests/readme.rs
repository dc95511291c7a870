//! The README's tour, typed as a new user types it.
//!
//! Every `console` block of the README is read: lines after `$ ` are typed, the lines below them are what must come
//! back. Numbers may differ (ports, process ids, times), and with them the width of columns; nothing else may. What is
//! logged of the normal course of things (INFO) is not shown there.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test code")]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use koinon_testkit::{Process, ProcessOptions, wait_until};

const SOON: Duration = Duration::from_secs(20);

/// The addresses that the README shows, by listener.
const SHOWN: [(&str, &str); 4] = [
    ("admin", "127.0.0.1:7070"),
    ("etcd", "127.0.0.1:2379"),
    ("eureka", "127.0.0.1:8761"),
    ("gateway", "127.0.0.1:9080"),
];

struct Typed {
    command: String,
    expected: Vec<String>,
}

fn tour() -> Vec<Typed> {
    let readme =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md")).unwrap();
    let mut all: Vec<Typed> = Vec::new();
    let mut inside = false;
    for line in readme.lines() {
        match (inside, line) {
            (false, "```console") => inside = true,
            (true, "```") => inside = false,
            (true, line) => match line.strip_prefix("$ ") {
                Some(command) => all.push(Typed {
                    command: command.to_owned(),
                    expected: Vec::new(),
                }),
                None => all.last_mut().unwrap().expected.push(line.to_owned()),
            },
            (false, _) => {}
        }
    }
    all
}

/// The text with every number as 0 and every run of blanks as one; lines about the two like instances in one order.
fn normal<S: AsRef<str>>(lines: &[S]) -> Vec<String> {
    let mut all: Vec<String> = lines
        .iter()
        .map(|line| {
            let mut out = String::new();
            for c in line.as_ref().trim_end().chars() {
                let c = if c.is_ascii_digit() { '0' } else { c };
                if !(matches!(c, '0' | ' ') && out.ends_with(c)) {
                    out.push(c);
                }
            }
            out
        })
        .collect();
    while all.last().is_some_and(String::is_empty) {
        all.pop();
    }
    all
}

fn with_real_addresses(text: &str, real: &BTreeMap<String, String>) -> String {
    SHOWN.iter().fold(text.to_owned(), |text, (name, shown)| {
        text.replace(shown, &real[*name])
    })
}

#[test]
fn the_tour_prints_what_the_readme_says() {
    let mut tour = tour().into_iter();
    let first = tour.next().unwrap();
    assert_eq!(first.command, "cargo run --release -- dev --demo");
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_koinon"));
    command.args([
        "dev",
        "--demo",
        "--set",
        "listen.admin=127.0.0.1:0",
        "--set",
        "listen.etcd=127.0.0.1:0",
        "--set",
        "listen.eureka=127.0.0.1:0",
        "--set",
        "listen.gateway=127.0.0.1:0",
    ]);
    command.current_dir(folder.path());
    let log = folder.path().join("log");
    let dev = Process::start(ProcessOptions {
        name: "koinon dev".into(),
        command,
        log,
    })
    .unwrap();
    let expected = normal(&first.expected);
    wait_until("koinon dev to print what the README says", SOON, || {
        let printed = dev.output();
        let shown = printed.lines().filter(|line| !line.contains("Z  INFO "));
        (normal(&shown.collect::<Vec<_>>()) == expected).then_some(())
    })
    .unwrap_or_else(|_| {
        panic!(
            "expected:\n{}\nprinted:\n{}",
            first.expected.join("\n"),
            dev.output()
        )
    });

    let listeners = std::fs::read(folder.path().join(".koinon/listeners.json")).unwrap();
    let real: BTreeMap<String, String> = serde_json::from_slice(&listeners).unwrap();
    let path = format!(
        "{}:{}",
        Path::new(env!("CARGO_BIN_EXE_koinon"))
            .parent()
            .unwrap()
            .display(),
        std::env::var("PATH").unwrap()
    );
    let mut typed = 0;
    for Typed { command, expected } in tour {
        let output = Command::new("bash")
            .args([
                "-c",
                &format!("exec 2>&1; {}", with_real_addresses(&command, &real)),
            ])
            .current_dir(folder.path())
            .env("PATH", &path)
            .env("KOINON_ENDPOINT", format!("http://{}", real["admin"]))
            .output()
            .unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        let lines: Vec<&str> = printed.lines().collect();
        assert_eq!(normal(&lines), normal(&expected), "$ {command}\n{printed}");
        typed += 1;
    }
    assert!(typed >= 10, "the tour has only {typed} lines");
}
