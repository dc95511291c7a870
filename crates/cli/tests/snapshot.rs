//! `koinon snapshot` as an operator types it: saved from a running node, looked into, and restored for a node to start on.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test code")]

use std::fs;
use std::path::Path;
use std::process::Command;

use koinon_testkit::{Koinon, KoinonOptions};
use serde_json::Value;

/// A database that `etcdctl snapshot save` of etcd 3.6 wrote; `crates/api/etcd/tests/database.rs` says what is in it.
const ETCD_FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../api/etcd/tests/data/etcd-3.6.db");
/// Bytes of the sum behind it.
const SUM_LEN: usize = 32;

fn options() -> KoinonOptions {
    KoinonOptions {
        binary: Some(env!("CARGO_BIN_EXE_koinon").into()),
        ..KoinonOptions::default()
    }
}

fn start() -> Koinon {
    Koinon::start(&options()).unwrap()
}

/// A node on a folder that was restored.
fn start_on(dir: &Path) -> Koinon {
    Koinon::start(&KoinonOptions {
        data_dir: Some(dir.to_owned()),
        ..options()
    })
    .unwrap()
}

struct Ran {
    code: i32,
    out: String,
    err: String,
}

impl Ran {
    fn good(self) -> String {
        assert_eq!((self.code, &*self.err), (0, ""));
        self.out
    }

    fn json(self) -> Value {
        serde_json::from_str(&self.good()).unwrap()
    }

    /// A refusal with this exit code that says this, and nothing on standard output.
    fn refused(self, code: i32, what: &str) {
        assert_eq!((self.code, &*self.out), (code, ""), "{}", self.err);
        assert!(self.err.contains(what), "{}", self.err);
    }
}

fn run(koinon: Option<&Koinon>, args: &[&str]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_koinon"));
    command.args(args);
    if let Some(koinon) = koinon {
        for (name, variable) in [("admin", "KOINON_ENDPOINT"), ("etcd", "KOINON_ETCD_ENDPOINT")] {
            command.env(variable, format!("http://{}", koinon.listener(name).unwrap()));
        }
    }
    let output = command.output().unwrap();
    Ran {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

fn snapshot(args: &[&str]) -> Ran {
    run(None, &[&["snapshot"], args].concat())
}

fn keys_of(status: &Value, keyspace: &str) -> Value {
    let spaces = status["keyspaces"].as_array().unwrap();
    spaces.iter().find(|space| space["name"] == keyspace).unwrap()["keys"].clone()
}

/// Protects: what was written is in the file, the file says so, and a node that starts on what is restored of it has it, in
/// every keyspace, and takes writes.
#[test]
fn a_node_s_store_is_saved_and_restored() {
    let folder = tempfile::tempdir().unwrap();
    let (file, data) = (folder.path().join("saved"), folder.path().join("data"));
    let (file, data_text) = (file.to_str().unwrap(), data.to_str().unwrap());
    let koinon = start();
    let kv = |koinon: &Koinon, args: &[&str]| run(Some(koinon), &[&["kv"], args].concat()).good();
    for key in ["a", "b", "c"] {
        kv(&koinon, &["put", key, key]);
    }
    kv(&koinon, &["put", "a", "again"]);
    kv(&koinon, &["del", "c"]);
    kv(&koinon, &["compact", "3"]);
    let v2 = |koinon: &Koinon, args: &[&str]| {
        let endpoint = format!("http://{}", koinon.listener("etcd").unwrap());
        run(None, &[&["keys", "--endpoints", &endpoint], args].concat()).good()
    };
    v2(&koinon, &["set", "/v2", "node"]);
    let saved = run(Some(&koinon), &["snapshot", "save", file]).good();
    assert_eq!(saved, snapshot(&["status", file]).good());
    let status = snapshot(&["status", file, "-o", "json"]).json();
    assert_eq!(status["size"], fs::metadata(file).unwrap().len());
    assert_eq!(
        (&keys_of(&status, "etcd"), &keys_of(&status, "etcd_v2")),
        // A node of v2 is kept with the event that made it.
        (&2.into(), &2.into())
    );
    let etcd = &status["keyspaces"][0];
    assert_eq!((&etcd["revision"], &etcd["compacted"]), (&6.into(), &3.into()));
    assert_eq!(etcd["hash"].as_str().unwrap().len(), 64);
    let restored = snapshot(&["restore", file, "--data-dir", data_text, "-o", "json"]).json();
    assert_eq!(keys_of(&restored, "etcd"), 2);
    let again = start_on(&data);
    assert_eq!(
        kv(&again, &["get", "", "--prefix", "--rev", "5"]),
        "a\nagain\nb\nb\nc\nc\n"
    );
    assert_eq!(kv(&again, &["get", "", "--prefix"]), "a\nagain\nb\nb\n");
    assert_eq!(v2(&again, &["get", "/v2"]), "node\n");
    assert_eq!(kv(&again, &["put", "d", "1"]), "OK\n");
    snapshot(&["restore", file, "--data-dir", data_text]).refused(69, "in use by another koinon");
    drop(again);
    snapshot(&["restore", file, "--data-dir", data_text]).refused(1, "move it away first");
}

/// Protects: nothing is overwritten, by any verb, and what cannot be reached or is no file of ours says so.
#[test]
fn what_cannot_be_done_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("saved");
    let text = file.to_str().unwrap();
    let nobody = snapshot(&["save", text, "--endpoint", "http://127.0.0.1:1"]);
    nobody.refused(69, "127.0.0.1:1");
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        0,
        "something is left"
    );
    snapshot(&["status", text]).refused(64, "cannot read");
    snapshot(&["save", &format!("{text}/below/it")]).refused(64, "saved/below");
    fs::write(&file, "something else").unwrap();
    let koinon = start();
    run(Some(&koinon), &["snapshot", "save", text]).refused(1, "exists");
    snapshot(&["status", text]).refused(1, "does not begin as a chunk of a snapshot");
    snapshot(&["status", ETCD_FILE]).refused(1, "at byte 0");
    let data = folder.path().join("data");
    let data_text = data.to_str().unwrap();
    snapshot(&["restore", text, "--data-dir", data_text]).refused(1, "at byte 0");
    snapshot(&["restore", "--data-dir", data_text]).refused(64, "FILE");
    snapshot(&["restore", text, "--from-etcd", ETCD_FILE, "--data-dir", data_text])
        .refused(64, "cannot be used");
    assert_eq!(fs::read_to_string(&file).unwrap(), "something else");
    assert!(!data.exists(), "something is left");
}

/// Protects: a file that was cut or changed anywhere is refused, and the message says where; nothing is restored of it.
#[test]
fn a_damaged_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let koinon = start();
    for number in 0..30 {
        run(Some(&koinon), &["kv", "put", &format!("k/{number}"), "value"]).good();
    }
    let (file, bad) = (folder.path().join("saved"), folder.path().join("bad"));
    run(Some(&koinon), &["snapshot", "save", file.to_str().unwrap()]).good();
    let whole = fs::read(&file).unwrap();
    let (bad_text, data) = (bad.to_str().unwrap(), folder.path().join("data"));
    for part in 1..8 {
        let at = whole.len() * part / 8;
        fs::write(&bad, &whole[..at]).unwrap();
        snapshot(&["status", bad_text]).refused(1, "is damaged");
        let mut flipped = whole.clone();
        flipped[at] ^= 1;
        fs::write(&bad, &flipped).unwrap();
        snapshot(&["status", bad_text]).refused(1, "at byte");
        snapshot(&["restore", bad_text, "--data-dir", data.to_str().unwrap()]).refused(1, "at byte");
        assert!(!data.exists(), "something is left");
    }
}

/// Protects: etcd's own file becomes a folder that a node serves, with revisions, leases and compaction; the sum behind it
/// is looked at, and a file without one is only taken when that is said.
#[test]
fn etcd_s_file_is_taken_over() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let restore = |file: &Path, data: &Path, more: &[&str]| {
        let args = [
            "restore",
            "--from-etcd",
            file.to_str().unwrap(),
            "--data-dir",
            data.to_str().unwrap(),
        ];
        snapshot(&[&args, more].concat())
    };
    let told = restore(Path::new(ETCD_FILE), &data, &["-o", "json"]).json();
    let etcd = &told["keyspaces"][0];
    assert_eq!(
        (
            &etcd["revision"],
            &etcd["compacted"],
            &etcd["keys"],
            &etcd["leases"]
        ),
        (&10.into(), &5.into(), &4.into(), &1.into())
    );
    let koinon = start_on(&data);
    let kv = |args: &[&str]| run(Some(&koinon), &[&["kv"], args].concat());
    assert_eq!(kv(&["get", "key/1"]).good(), "key/1\nagain\n");
    assert_eq!(
        kv(&["get", "key/3", "--rev", "9", "--keys-only"]).good(),
        "key/3\n\n"
    );
    kv(&["get", "key/3", "--rev", "4"]).refused(1, "has been compacted");
    assert!(
        kv(&["lease", "timetolive", "7", "--keys"])
            .good()
            .ends_with("attached keys([leased])\n")
    );
    assert!(
        kv(&["hash"]).good().contains("4152944747"),
        "the hash that etcd had"
    );
    let whole = fs::read(ETCD_FILE).unwrap();
    let (bad, other) = (folder.path().join("bad"), folder.path().join("other"));
    fs::write(&bad, &whole[..whole.len() - SUM_LEN]).unwrap();
    restore(&bad, &other, &[]).refused(64, "--skip-hash-check");
    assert!(!other.exists());
    restore(&bad, &other, &["--skip-hash-check"]).good();
    let mut flipped = whole.clone();
    flipped[9000] ^= 1;
    fs::write(&bad, &flipped).unwrap();
    restore(&bad, &folder.path().join("third"), &[]).refused(1, "check sum is wrong");
    fs::write(&bad, &whole[..5000]).unwrap();
    restore(&bad, &folder.path().join("third"), &[]).refused(1, "no etcd database");
    assert!(!folder.path().join("third").exists());
}
