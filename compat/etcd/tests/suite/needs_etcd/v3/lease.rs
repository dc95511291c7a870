//! Leases: grant, keep-alive, list, time to live, revoke, and what expires.

use std::time::Duration;

use koinon_compat_etcd::{Session, V3, tell};
use koinon_testkit::wait_until;

/// A time to live that runs: its name says that it is not above what was granted.
fn name_running_times(s: &mut Session) {
    // A lease's keys come in any order.
    s.names.pattern(r"\[k2 k1\]", "[k1 k2]");
    s.names.pattern(r"\[k3 k1\]", "[k1 k3]");
    // The ids of leases that are too short to matter.
    s.names
        .pattern("lease [0-9a-f]{16} granted", "lease <id> granted");
    s.names
        .pattern(r"remaining\((?:9[0-9]|100)s\)", "remaining(<up to 100>)");
    s.names
        .pattern(r#""TTL" : (?:9[0-9]|100)\b"#, "\"TTL\" : <up to 100>");
}

/// Protects: a lease answers as etcd's does through its whole life, and takes its keys with it.
#[test]
fn leases() {
    tell("v3-lease", V3, |s| {
        name_running_times(s);
        s.ctl(&["lease", "list"]);
        let (a, b) = (s.grant(100, "<lease a>"), s.grant(100, "<lease b>"));
        s.ctl(&["put", "k1", "1", "--lease", &a]);
        s.ctl(&["put", "k2", "2", "--lease", &a]);
        s.ctl(&["put", "k3", "3", "--lease", &b]);
        s.ctl(&["get", "k", "--prefix", "-w", "json"]);
        s.ctl(&["lease", "timetolive", &a]);
        s.ctl(&["lease", "timetolive", &a, "--keys"]);
        s.ctl(&["lease", "timetolive", &b, "--keys", "-w", "fields"]);
        s.ctl(&["lease", "keep-alive", &a, "--once"]);
        s.ctl(&["lease", "keep-alive", &a, "--once", "-w", "json"]);
        s.ctl(&["put", "k1", "moved", "--lease", &b]);
        s.ctl(&["put", "k2", "free"]);
        s.ctl(&["lease", "timetolive", &a, "--keys"]);
        s.ctl(&["lease", "timetolive", &b, "--keys"]);
        s.ctl(&["del", "k3"]);
        s.ctl(&["lease", "timetolive", &b, "--keys"]);
        s.ctl(&["put", "k4", "4", "--lease", &b]);
        s.ctl(&["lease", "revoke", &b]);
        s.ctl(&["get", "k", "--prefix", "-w", "json"]);
        s.ctl(&["lease", "list"]);
        s.ctl(&["lease", "list", "-w", "json"]);
        s.ctl(&["lease", "revoke", &a, "-w", "json"]);
        for gone in [
            &["revoke", &a][..],
            &["timetolive", &a],
            &["timetolive", &a, "-w", "json"],
        ] {
            s.ctl(&[&["lease"], gone].concat());
        }
        s.ctl(&["lease", "keep-alive", &a, "--once"]);
        s.ctl(&["lease", "keep-alive", &a]);
        for refused in [
            &["grant"][..],
            &["grant", "0"],
            // Granted, for longer than asked.
            &["grant", "1"],
            &["grant", "--", "-1"],
            &["grant", "nonsense"],
            &["grant", "9000000001"],
            &["revoke", "nonsense"],
            &["revoke"],
            &["timetolive"],
            &["keep-alive"],
        ] {
            s.ctl(&[&["lease"], refused].concat());
        }
        s.ctl(&["get", "", "--prefix", "-w", "json"]);
    });
}

/// Protects: a lease that nobody keeps alive ends by itself, its keys in one revision; one kept alive does not.
#[test]
fn expiry() {
    tell("v3-lease-expiry", V3, |s| {
        let (kept, left) = (s.grant(6, "<lease kept>"), s.grant(4, "<lease left>"));
        let mut keeper = s.ctl_beside(&["lease", "keep-alive", &kept]);
        for key in ["a", "b", "c"] {
            s.ctl(&["put", key, key, "--lease", &left]);
        }
        s.ctl(&["put", "kept", "1", "--lease", &kept]);
        wait_until("the lease to expire", Duration::from_secs(30), || {
            let list = s.quiet(&["lease", "list"]);
            (!list.out.contains(&left)).then_some(())
        })
        .unwrap();
        s.ctl(&["get", "", "--prefix", "-w", "json"]);
        s.ctl(&["lease", "timetolive", &left]);
        // Two seconds end between any two of these, so it outlived its time.
        keeper
            .until("four renewals", |said| said.lines().count() >= 4)
            .unwrap();
        s.ctl(&["lease", "list"]);
        let renewed = keeper.interrupt().unwrap();
        let lines: Vec<&str> = renewed.out.lines().take(4).collect();
        s.note("etcdctl lease keep-alive", &lines.join("\n"));
        s.ctl(&["get", "kept", "-w", "json"]);
    });
}
