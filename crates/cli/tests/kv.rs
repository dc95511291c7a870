//! `koinon kv` as a user types it, against the etcd listener of a running node.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test code")]

use std::io::Write;
use std::process::{Command, Stdio};

use koinon_testkit::{Koinon, KoinonOptions};
use serde_json::Value;

fn start() -> Koinon {
    Koinon::start(&KoinonOptions {
        binary: Some(env!("CARGO_BIN_EXE_koinon").into()),
        ..KoinonOptions::default()
    })
    .unwrap()
}

struct Ran {
    code: i32,
    out: String,
    err: String,
}

impl Ran {
    /// What came out of a command that must succeed.
    fn good(self) -> String {
        assert_eq!((self.code, &*self.err), (0, ""));
        self.out
    }
}

fn kv_with(koinon: &Koinon, args: &[&str], input: &str) -> Ran {
    let etcd = koinon.listener("etcd").unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_koinon"))
        .arg("kv")
        .args(args)
        .env("KOINON_ETCD_ENDPOINT", format!("http://{etcd}"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that reads nothing may have closed its end.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    Ran {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

fn kv(koinon: &Koinon, args: &[&str]) -> Ran {
    kv_with(koinon, args, "")
}

/// Keys are put, read in every way and deleted, and what is printed is what etcd's own tool prints.
#[test]
fn keys_are_put_read_and_deleted() {
    let koinon = start();
    let good = |args: &[&str]| kv(&koinon, args).good();
    assert_eq!(good(&["put", "a", "1"]), "OK\n");
    assert_eq!(good(&["put", "a", "2", "--prev-kv"]), "OK\na\n1\n");
    assert_eq!(kv_with(&koinon, &["put", "b", "-"], "line\n").good(), "OK\n");
    assert_eq!(good(&["get", "b"]), "b\nline\n\n");
    assert_eq!(
        good(&["get", "", "--prefix", "--keys-only", "--order", "descend"]),
        "b\n\na\n\n"
    );
    assert_eq!(good(&["get", "a", "--rev", "2", "--print-value-only"]), "1\n");
    assert_eq!(good(&["get", "a", "--from-key", "--count-only"]), "2\n");
    assert_eq!(good(&["get", "nothing"]), "");
    let json: Value = serde_json::from_str(&good(&["get", "a", "-o", "json"])).unwrap();
    assert_eq!(
        (&json["kvs"][0]["key"], &json["kvs"][0]["version"]),
        (&"YQ==".into(), &"2".into())
    );
    let refused = kv(&koinon, &["del", "a", "c"]);
    assert_eq!((refused.code, &*refused.out), (64, ""));
    assert!(refused.err.contains("--range"), "{}", refused.err);
    assert_eq!(good(&["del", "a", "b", "--range", "--prev-kv"]), "1\na\n2\n");
    assert_eq!(good(&["compact", "3"]), "compacted revision 3\n");
    let compacted = kv(&koinon, &["get", "a", "--rev", "1"]);
    assert_eq!(compacted.code, 1);
    assert!(compacted.err.contains("has been compacted"), "{}", compacted.err);
}

/// A txn from standard input takes one of its two ways, and says which.
#[test]
fn a_txn_takes_one_of_two_ways() {
    let koinon = start();
    let text = "mod(\"a\") = \"0\"\n\nput a \"1 2\"\nput b 3 --prev-kv\nget a\n\nget a\n\n";
    let run = || kv_with(&koinon, &["txn"], text).good();
    assert_eq!(run(), "SUCCESS\n\nOK\n\nOK\n\na\n1 2\n");
    assert_eq!(run(), "FAILURE\n\na\n1 2\n");
    let wrong = kv_with(&koinon, &["txn"], "age(a) = 1\n");
    assert_eq!((wrong.code, &*wrong.out), (64, ""));
}

/// A lease is granted, kept, listed and revoked, and takes its key with it.
#[test]
fn a_lease_takes_its_keys_with_it() {
    let koinon = start();
    let good = |args: &[&str]| kv(&koinon, args).good();
    let granted = good(&["lease", "grant", "100"]);
    let id = granted.split(' ').nth(1).unwrap();
    assert_eq!(granted, format!("lease {id} granted with TTL(100s)\n"));
    assert_eq!(good(&["put", "l", "1", "--lease", id]), "OK\n");
    assert_eq!(good(&["lease", "list"]), format!("found 1 leases\n{id}\n"));
    assert!(good(&["lease", "timetolive", id, "--keys"]).ends_with("attached keys([l])\n"));
    assert_eq!(
        good(&["lease", "keep-alive", "--once", id]),
        format!("lease {id} keepalived with TTL(100)\n")
    );
    assert_eq!(good(&["lease", "revoke", id]), format!("lease {id} revoked\n"));
    assert_eq!(good(&["get", "l"]), "");
    assert_eq!(
        good(&["lease", "timetolive", id]),
        format!("lease {id} already expired\n")
    );
    assert_eq!(kv(&koinon, &["lease", "keep-alive", "--once", id]).code, 1);
}

/// A lock is held while its command runs, ends with it, and its exit code is the command's.
#[test]
fn a_lock_lasts_as_long_as_its_command() {
    let koinon = start();
    let held = kv(&koinon, &["lock", "l", "sh", "-c", "echo $ETCD_LOCK_KEY; exit 7"]);
    assert_eq!((held.code, &*held.err), (7, ""));
    assert!(held.out.starts_with("l/"), "{}", held.out);
    assert_eq!(kv(&koinon, &["get", "l/", "--prefix"]).good(), "");
    assert_eq!(kv(&koinon, &["lease", "list"]).good(), "found 0 leases\n");
}

/// Nobody there is exit code 69, and something else there is told as such.
#[test]
fn a_wrong_endpoint_is_named() {
    let koinon = start();
    let admin = format!("http://{}", koinon.listener("admin").unwrap());
    let foreign = kv(&koinon, &["--endpoint", &admin, "get", "a"]);
    assert_eq!(foreign.code, 1, "{}", foreign.err);
    assert!(
        foreign.err.contains("is it the etcd listener?"),
        "{}",
        foreign.err
    );
    let nobody = kv(&koinon, &["--endpoint", "http://127.0.0.1:1", "get", "a"]);
    assert_eq!(nobody.code, 69, "{}", nobody.err);
}
