//! Nothing that a client's `--help` lists is forgotten: each verb and each of its flags is in a recorded transcript, or in
//! the list of exclusions with its reason.

use std::fs;
use std::process::Command;

use koinon_compat_etcd::{current, debian, flags_of, sources, verbs_of};

/// Verbs (with all their flags), or single flags, that no story uses.
const EXCLUDED_V3: &[(&str, &str)] = &[
    ("auth", CLUSTER),
    ("role", CLUSTER),
    ("user", CLUSTER),
    ("member add", CLUSTER),
    ("member promote", CLUSTER),
    ("member remove", CLUSTER),
    ("member update", CLUSTER),
    ("downgrade", CLUSTER),
    (
        "check perf",
        "a minute of load for a verdict on the machine; `cargo xtask bench kv` measures",
    ),
    ("completion", "talks to no server"),
    ("help", "talks to no server"),
    ("make-mirror --dest-cacert", TLS),
    ("make-mirror --dest-cert", TLS),
    ("make-mirror --dest-key", TLS),
    ("make-mirror --dest-insecure-transport", TLS),
    ("make-mirror --dest-user", CLUSTER),
    ("make-mirror --dest-password", CLUSTER),
];
const CLUSTER: &str = "membership and users come with the cluster; until then UNIMPLEMENTED";
const TLS: &str = "the connection, not the protocol: the listeners' own tests cover TLS";

fn transcripts() -> String {
    let folder = sources().join("recorded");
    let files = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    files.map(|path| fs::read_to_string(path).unwrap()).collect()
}

fn excluded(list: &[(&str, &str)], what: &str) -> bool {
    list.iter().any(|(entry, _)| {
        what == *entry || what.strip_prefix(entry).is_some_and(|rest| rest.starts_with(' '))
    })
}

/// Lines of transcripts that begin with this program and verb.
fn uses<'a>(transcripts: &'a str, program: &str, verb: &str) -> Vec<&'a str> {
    let title = format!("$ {program} {verb}");
    let is_use = |line: &&str| {
        line.strip_prefix(&title)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
    };
    transcripts.lines().filter(is_use).collect()
}

fn help(command: &mut Command, arguments: &[&str]) -> String {
    let output = command.args(arguments).arg("--help").output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// What has no case: verbs, and flags of verbs that have one.
fn missing(
    program: &str,
    excluded_list: &[(&str, &str)],
    help_of: impl Fn(&[&str]) -> String,
) -> Vec<String> {
    let transcripts = transcripts();
    let mut missing = Vec::new();
    let verbs = verbs_of(&help_of(&[]));
    assert!(verbs.len() > 15, "{verbs:?}");
    for verb in verbs.iter().filter(|verb| !excluded(excluded_list, verb)) {
        let used = uses(&transcripts, program, verb);
        if used.is_empty() {
            missing.push(verb.clone());
        }
        let words: Vec<&str> = verb.split(' ').collect();
        for flag in flags_of(&help_of(&words)) {
            let name = format!("{verb} {flag}");
            if !excluded(excluded_list, &name) && !used.iter().any(|line| holds_flag(line, &flag)) {
                missing.push(name);
            }
        }
    }
    missing
}

fn holds_flag(line: &str, flag: &str) -> bool {
    line.split([' ', '=', '"']).any(|word| word == flag)
}

/// Protects: a verb or a flag that a new `etcdctl` brings fails here until somebody has a case or a reason.
#[test]
fn every_verb_and_flag_of_v3_has_a_case() {
    let program = current("etcdctl").unwrap();
    let found = missing("etcdctl", EXCLUDED_V3, |verb| {
        help(&mut Command::new(&program), verb)
    });
    assert!(found.is_empty(), "neither in a story nor excluded: {found:#?}");
}

/// The same for v2.
const EXCLUDED_V2: &[(&str, &str)] = &[
    (
        "backup",
        "copies an etcd's own files and talks to no server; `koinon keys backup` has tests of its own",
    ),
    ("user", CLUSTER),
    ("role", CLUSTER),
    ("auth", CLUSTER),
    ("help", "talks to no server"),
    (
        "cluster-health --forever",
        "looks every ten seconds until somebody stops it",
    ),
];

/// Protects: the same for the classic tool.
#[test]
fn every_verb_and_flag_of_v2_has_a_case() {
    let program = debian("etcdctl").unwrap();
    let v2 = |verb: &[&str]| help(Command::new(&program).env("ETCDCTL_API", "2"), verb);
    let found = missing("ETCDCTL_API=2 etcdctl", EXCLUDED_V2, v2);
    assert!(found.is_empty(), "neither in a story nor excluded: {found:#?}");
}
