//! Generated sequences of raw requests, sent to a current etcd and to each other server: every answer must be the same,
//! refusals with their codes and words included, and in the end all keys, the hash of history and all events.

use std::process::Command;

use koinon_compat_etcd::{Background, Kind, Output, Server, V3, differ};

const STEPS: u32 = 1000;

/// Runs one sequence against fresh servers.
fn compare(second: Kind, seed: u32, more: &[&str]) -> Output {
    let (first, second) = (
        Server::start(Kind::Current).unwrap(),
        Server::start(second).unwrap(),
    );
    let mut command = Command::new(differ().unwrap());
    command
        .args(["--first", &first.address().to_string()])
        .args(["--second", &second.address().to_string()])
        .args(["--seed", &seed.to_string(), "--steps", &STEPS.to_string()])
        .args(more);
    if second.kind() == Kind::Debian {
        command.arg("--older");
    }
    Background::start(command, "")
        .and_then(Background::finish)
        .unwrap()
}

fn all_equal(seeds: std::ops::Range<u32>) {
    // The original is compared with itself too: what differs there is no difference.
    for kind in Kind::driven(V3) {
        for seed in seeds.clone() {
            let output = compare(kind, seed, &[]);
            assert!(
                output.code == Some(0) && output.out.starts_with("PASS"),
                "{kind:?}: {output:?}"
            );
        }
    }
}

/// Protects: no request, however odd, is answered otherwise than by the original.
#[test]
fn answers_are_the_same() {
    all_equal(1..4);
}

/// Protects: the same on other paths; two tests, so that two cores have something to do.
#[test]
fn answers_are_the_same_elsewhere() {
    all_equal(11..14);
}

/// Protects: the comparison notices one wrong answer among a thousand.
#[test]
fn a_wrong_answer_is_noticed() {
    let output = compare(Kind::Current, 1, &["--spoil", "777"]);
    assert!(
        output.code == Some(1) && output.out.contains("request 777"),
        "{output:?}"
    );
}
