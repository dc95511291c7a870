//! What an operator asks: status, health, hashes, members, alarms, defragmentation, snapshots.

use koinon_compat_etcd::{Session, V3, tell};
use koinon_testkit::Request;

/// Protects: every maintenance verb works and says what operators' scripts read.
#[test]
fn maintenance() {
    tell("v3-maintenance", V3, |s| {
        s.names.pattern(r"took = [0-9.]+[µm]?s", "took = <time>");
        s.names.pattern(r"\d+(?:\.\d+)?(?:e-\d+)?[µmn]?s\b", "<time>");
        for key in ["a", "b", "c"] {
            s.ctl(&["put", key, "1"]);
        }
        s.ctl(&["del", "b"]);
        for arguments in [
            &["endpoint", "health"][..],
            &["endpoint", "health", "-w", "json"],
            &["endpoint", "health", "--cluster"],
            &["endpoint", "status", "-w", "json"],
            &["endpoint", "status", "--cluster", "-w", "fields"],
            &["endpoint", "hashkv", "-w", "json"],
            &["endpoint", "hashkv", "--rev=3", "-w", "json"],
            &["endpoint", "hashkv", "--rev=99"],
            &["member", "list"],
            &["member", "list", "-w", "json"],
            &["member", "list", "--consistency=s", "-w", "fields"],
            &["alarm", "list"],
            &["alarm", "list", "-w", "json"],
            &["alarm", "disarm"],
            &["defrag"],
            &["defrag", "--cluster"],
            &["move-leader", "1234abcd"],
            &["move-leader", "nonsense"],
            &["move-leader"],
            &["version"],
            &["get", "", "--prefix", "-w", "json"],
        ] {
            s.ctl(arguments);
        }
    });
}

/// Protects: the hash of the history is etcd's own, so that a comparison across servers means something.
#[test]
fn hashes() {
    tell("v3-hashkv", V3, |s| {
        for round in 0..3 {
            for key in ["a", "b", "c"] {
                s.ctl(&["put", key, &format!("{round}")]);
            }
        }
        s.ctl(&["del", "b"]);
        s.ctl(&["compaction", "6", "--physical"]);
        for revision in ["0", "8", "11"] {
            hash(s, revision);
        }
        // Of what compaction left, nothing lives any more.
        s.ctl(&["del", "", "--prefix"]);
        for revision in ["0", "11"] {
            hash(s, revision);
        }
    });
}

fn hash(s: &mut Session, revision: &str) {
    let output = s.quiet(&["endpoint", "hashkv", "--rev", revision, "-w", "json"]);
    let said: serde_json::Value = serde_json::from_str(&output.out).unwrap();
    let hash = &said[0]["HashKV"];
    s.note(
        &format!("etcdctl endpoint hashkv --rev {revision}"),
        &format!("hash {} compacted at {}", hash["hash"], hash["compact_revision"]),
    );
}

/// Protects: a saved snapshot is a file that etcd's own tools verify and read.
#[test]
fn snapshots() {
    tell("v3-snapshot", V3, |s| {
        for index in 0..30 {
            s.quiet(&["put", &format!("k{index:02}"), "value"]);
        }
        s.quiet(&["del", "k07"]);
        s.ctl(&["snapshot", "save", "one.db"]);
        s.ctl(&["snapshot", "save", "one.db"]);
        s.ctl(&["snapshot", "save"]);
        let status = s.quiet_utl(&["snapshot", "status", "one.db", "-w", "json"]);
        let said: serde_json::Value = serde_json::from_str(&status.out).unwrap();
        let said = format!("revision {}, {} keys", said["revision"], said["totalKey"]);
        s.note("etcdutl snapshot status one.db", &said);
        let restored = s.quiet_utl(&["snapshot", "restore", "one.db", "--data-dir", "restored"]);
        s.note(
            "etcdutl snapshot restore one.db",
            &format!("exit {:?}", restored.code),
        );
        s.utl(&["hashkv", "restored/member/snap/db", "-w", "json"]);
        s.ctl(&["endpoint", "hashkv", "-w", "json"]);
    });
}

/// Protects: the check of the data's scale writes its ten thousand keys, reads the server's memory, and cleans up.
#[test]
fn datascale() {
    tell("v3-check", V3, |s| {
        let arguments = [
            "check",
            "datascale",
            "--load=s",
            "--prefix=/scale/",
            "--auto-compact",
            "--auto-defrag",
        ];
        let output = s.quiet(&arguments);
        let verdict = output
            .out
            .lines()
            .find(|line| line.contains("PASS") || line.contains("FAIL"));
        let verdict = verdict.unwrap_or("neither").split(':').next().unwrap_or_default();
        s.note(
            &format!("etcdctl {}", arguments.join(" ")),
            &format!("{verdict}, exit {:?}", output.code),
        );
        s.ctl(&["get", "/scale/", "--prefix", "--count-only", "-w", "fields"]);
    });
}

/// Protects: what watches over an etcd learns of an alarm wherever it looks, and nothing that takes room is written until
/// the alarm is put out.
#[test]
fn alarms() {
    tell("v3-alarms", V3, |s| {
        s.names.pattern(r"took = [0-9.]+[µm]?s", "took = <time>");
        s.names.pattern(r#""took": "[^"]*""#, "\"took\": \"<time>\"");
        s.names
            .pattern(r#"\{"level":"warn".*\}"#, "<a line of the client's log>");
        s.ctl(&["put", "a", "1"]);
        let status = s.quiet(&["endpoint", "status", "-w", "json"]);
        let status: serde_json::Value = serde_json::from_str(&status.out).unwrap();
        let member = &status[0]["Status"]["header"]["member_id"];
        let raise = format!(r#"{{"action":"ACTIVATE","memberID":"{member}","alarm":"NOSPACE"}}"#);
        let request = Request::new("POST", "/v3/maintenance/alarm").body(raise);
        let raised = s.server().send(&request).unwrap();
        s.note("POST /v3/maintenance/alarm ACTIVATE", &raised.status.to_string());
        for arguments in [
            &["alarm", "list"][..],
            &["put", "a", "2"],
            &["lease", "grant", "100"],
            &["get", "a"],
            &["del", "nothing"],
            &["compaction", "2"],
        ] {
            s.ctl(arguments);
        }
        s.ctl_told(&["txn"], "\nput a 3\n\n\n");
        s.ctl_told(&["txn"], "\ndel nothing\nget a\n\n\n");
        let health = s.quiet(&["endpoint", "health"]);
        let alarmed = health.err.contains("NOSPACE") || health.out.contains("NOSPACE");
        s.note(
            "etcdctl endpoint health",
            &format!("exit {:?}, names the alarm: {alarmed}", health.code),
        );
        let status = s.quiet(&["endpoint", "status", "-w", "json"]);
        let status: serde_json::Value = serde_json::from_str(&status.out).unwrap();
        s.note(
            "its errors in the status",
            &status[0]["Status"]["errors"].to_string(),
        );
        s.http("GET", "/health", "");
        s.http("GET", "/health?exclude=NOSPACE", "");
        s.ctl(&["alarm", "disarm"]);
        s.ctl(&["alarm", "list"]);
        s.ctl(&["put", "a", "4"]);
        s.ctl(&["get", "a", "-w", "json"]);
    });
}
