//! Moving over: what a real etcd holds is saved, made a data folder of, and served by Koinon; and back through a file that
//! Koinon saved.
//!
//! Protects: whoever moves from etcd keeps every readable revision, version, lease and the compaction, and the hash over all of
//! it; a file that etcd's own tools would refuse is refused.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use koinon_compat_etcd::{Kind, Server, current};
use koinon_testkit::{Koinon, KoinonOptions, binary};
use serde_json::Value;

/// Every revision below was compacted.
const COMPACTED: i64 = 12;
/// Long enough that none ends, in seconds.
const TTL: &str = "5000";

/// Where `etcdctl` asks.
struct Asked {
    url: String,
    folder: PathBuf,
}

impl Asked {
    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        let mut command = Command::new(current("etcdctl").unwrap());
        command
            .args(arguments)
            .current_dir(&self.folder)
            .env("ETCDCTL_ENDPOINTS", &self.url);
        let output = command.output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        (
            output.status.code().unwrap_or(-1),
            text(output.stdout),
            text(output.stderr),
        )
    }

    /// What it said on standard output; what a client logs beside it is nobody's answer.
    fn good(&self, arguments: &[&str]) -> String {
        let (code, told, complaint) = self.run(arguments);
        assert_eq!(code, 0, "{arguments:?}: {complaint}");
        told
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let told = self.good(&[arguments, &["-w", "json"]].concat());
        serde_json::from_str(&told).unwrap()
    }

    /// Everything that a client can find out.
    fn all(&self) -> Vec<Value> {
        let now = self.json(&["get", "", "--prefix"]);
        let revision = now["header"]["revision"].as_i64().unwrap();
        let hash = self.json(&["endpoint", "hashkv"]);
        let mut all = vec![
            revision.into(),
            hash[0]["HashKV"]["hash"].clone(),
            hash[0]["HashKV"]["compact_revision"].clone(),
        ];
        for at in COMPACTED..=revision {
            let then = self.json(&["get", "", "--prefix", &format!("--rev={at}")]);
            all.push(then["kvs"].clone());
        }
        let (code, _, told) = self.run(&["get", "a", &format!("--rev={}", COMPACTED - 1)]);
        assert!(code != 0 && told.contains("compacted"), "{told}");
        let leases = self.good(&["lease", "list"]);
        // etcd lists them by the time that is left.
        let mut leases: Vec<_> = leases.lines().skip(1).collect();
        leases.sort_unstable();
        for lease in leases {
            let lease = self.json(&["lease", "timetolive", lease, "--keys"]);
            let of = |field: &str| lease[field].clone();
            all.extend([of("id"), of("granted-ttl"), of("keys")]);
        }
        all
    }

    /// History with everything in it.
    fn fill(&self) {
        for number in 0..6 {
            self.good(&["put", "a", &number.to_string()]);
            self.good(&["put", &format!("dir/{number}"), "value"]);
        }
        self.good(&["del", "dir/", "--prefix"]);
        let granted = self.good(&["lease", "grant", TTL]);
        let lease = granted.split(' ').nth(1).unwrap();
        self.good(&["put", "leased", "1", &format!("--lease={lease}")]);
        self.good(&["put", "leased/too", "2", &format!("--lease={lease}")]);
        self.good(&["lease", "grant", "3000"]);
        self.good(&["compaction", &COMPACTED.to_string(), "--physical"]);
        self.good(&["put", "leased/too", "no more"]);
        self.good(&["del", "a"]);
        self.good(&["put", "a", "born again"]);
        self.good(&["put", "large", &"x".repeat(100_000)]);
    }
}

fn koinon(arguments: &[&str]) -> (i32, String) {
    let output = Command::new(binary().unwrap())
        .arg("snapshot")
        .args(arguments)
        .output()
        .unwrap();
    let told = [output.stdout, output.stderr].concat();
    (
        output.status.code().unwrap_or(-1),
        String::from_utf8_lossy(&told).into_owned(),
    )
}

fn restore(file: &Path, data: &Path, more: &[&str]) -> (i32, String) {
    let (file, data) = (file.to_str().unwrap(), data.to_str().unwrap());
    koinon(&[&["restore", "--from-etcd", file, "--data-dir", data], more].concat())
}

fn start_on(data: &Path, folder: &Path) -> (Koinon, Asked) {
    let options = KoinonOptions {
        data_dir: Some(data.to_owned()),
        ..KoinonOptions::default()
    };
    let koinon = Koinon::start(&options).unwrap();
    let url = format!("http://{}", koinon.listener("etcd").unwrap());
    let folder = folder.to_owned();
    (koinon, Asked { url, folder })
}

fn moves_over(kind: Kind) {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let server = Server::start(kind).unwrap();
    let etcd = Asked {
        url: server.url(),
        folder: folder.path().to_owned(),
    };
    etcd.fill();
    let expected = etcd.all();
    etcd.good(&["snapshot", "save", "saved.db"]);
    // Saving made etcd write down what it had in memory, so the file of the running server has all of it, too.
    fs::copy(server.data_folder().join("member/snap/db"), path("bare.db")).unwrap();
    drop(server);

    let (code, told) = restore(&path("saved.db"), &path("one"), &[]);
    assert_eq!(code, 0, "{told}");
    let (running, served) = start_on(&path("one"), folder.path());
    assert_eq!(served.all(), expected, "served after taking over etcd's file");

    // And back, through a file of etcd's format that Koinon saved.
    served.good(&["put", "a", "written to Koinon"]);
    let expected_then = served.all();
    served.good(&["snapshot", "save", "back.db"]);
    drop(running);
    let utl = Command::new(current("etcdutl").unwrap())
        .args(["snapshot", "restore", "back.db", "--data-dir", "etcd"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(utl.status.success(), "{utl:?}");
    let (code, told) = restore(&path("etcd/member/snap/db"), &path("two"), &["--skip-hash-check"]);
    assert_eq!(code, 0, "{told}");
    let (running, served) = start_on(&path("two"), folder.path());
    assert_eq!(
        served.all(),
        expected_then,
        "after a round through etcd's own restore"
    );
    drop(running);

    let (code, told) = restore(&path("bare.db"), &path("three"), &[]);
    assert!(code == 64 && told.contains("--skip-hash-check"), "{told}");
    let (code, told) = restore(&path("bare.db"), &path("three"), &["--skip-hash-check"]);
    assert_eq!(code, 0, "{told}");
    let (_running, served) = start_on(&path("three"), folder.path());
    assert_eq!(served.all(), expected, "a copy of a running server's file");
}

#[test]
fn a_current_etcd_moves_over() {
    moves_over(Kind::Current);
}

#[test]
fn debian_s_etcd_moves_over() {
    moves_over(Kind::Debian);
}

/// An etcd that nobody has written to moves over, too: at revision 1, with nothing in it.
#[test]
fn an_empty_etcd_moves_over() {
    for kind in [Kind::Current, Kind::Debian] {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(kind).unwrap();
        let etcd = Asked {
            url: server.url(),
            folder: folder.path().to_owned(),
        };
        etcd.good(&["snapshot", "save", "saved.db"]);
        let data = folder.path().join("data");
        let (code, told) = restore(&folder.path().join("saved.db"), &data, &[]);
        assert_eq!(code, 0, "{told}");
        let (_running, served) = start_on(&data, folder.path());
        let found = served.json(&["get", "", "--prefix"]);
        assert_eq!(
            (&found["header"]["revision"], &found["kvs"]),
            (&1.into(), &Value::Null)
        );
    }
}

/// A file that was cut or changed is refused by both, etcd's own tool and ours, and leaves nothing.
#[test]
fn what_etcd_refuses_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(Kind::Current).unwrap();
    let etcd = Asked {
        url: server.url(),
        folder: folder.path().to_owned(),
    };
    etcd.fill();
    etcd.good(&["snapshot", "save", "saved.db"]);
    drop(server);
    let whole = fs::read(folder.path().join("saved.db")).unwrap();
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 0x10;
    for (name, bytes) in [
        ("flipped", &flipped[..]),
        ("cut", &whole[..whole.len() / 2]),
        ("one byte short", &whole[..whole.len() - 1]),
        ("foreign", &b"no database at all"[..]),
    ] {
        let bad = folder.path().join("bad.db");
        fs::write(&bad, bytes).unwrap();
        let theirs = Command::new(current("etcdutl").unwrap())
            .args(["snapshot", "restore", "bad.db", "--data-dir", "theirs"])
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert!(!theirs.status.success(), "{name}");
        let data = folder.path().join("ours");
        let (code, told) = restore(&bad, &data, &[]);
        assert!(code != 0 && told.contains("bad.db"), "{name}: {told}");
        assert!(!data.exists(), "{name}: something is left");
    }
}
