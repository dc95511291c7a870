//! Writing and deleting: every flag, and what is refused.

use koinon_compat_etcd::{V3, tell};

/// Protects: a put answers and changes what etcd's does, with and without the old value, the value kept or the lease kept.
#[test]
fn puts() {
    tell("v3-put", V3, |s| {
        s.ctl(&["put", "a", "1"]);
        s.ctl(&["put", "a", "2", "--prev-kv"]);
        s.ctl(&["put", "a", "3", "--prev-kv", "-w", "json"]);
        s.ctl(&["put", "b", "1", "--prev-kv", "-w", "json"]);
        s.ctl_told(&["put", "from stdin"], "a value\nof two lines\n");
        s.ctl(&["get", "from stdin", "-w", "json"]);
        s.ctl(&["put", "--", "-dash", "--double"]);
        s.ctl(&["get", "", "--prefix"]);
        let lease = s.grant(1000, "<lease a>");
        s.ctl(&["put", "leased", "1", "--lease", &lease]);
        s.ctl(&["put", "leased", "2", "--ignore-lease"]);
        s.ctl(&["get", "leased", "-w", "json"]);
        s.ctl(&["put", "leased", "--ignore-value"]);
        s.ctl(&["get", "leased", "-w", "json"]);
        s.ctl(&["put", "leased", "--ignore-value", "--lease", &lease]);
        s.ctl(&["put", "leased", "3"]);
        s.ctl(&["get", "leased", "-w", "fields"]);
        for refused in [
            &["put"][..],
            &["put", "", "empty key"],
            &["put", "nothing", "--ignore-value"],
            &["put", "nothing", "1", "--ignore-lease"],
            &["put", "a", "1", "--lease", "123456789a"],
            &["put", "a", "1", "--lease", "no number"],
            &["put", "a", "1", "--lease", &lease, "--ignore-lease"],
            &["put", "a", "1", "--ignore-value"],
            &["put", "a", "1", "--prev-kv", "-w", "table"],
        ] {
            s.ctl(refused);
        }
        s.ctl(&["get", "", "--prefix", "-w", "json"]);
    });
}

/// Protects: one key, a range, a prefix, everything: counts and old values are etcd's.
#[test]
fn deletes() {
    tell("v3-del", V3, |s| {
        for key in ["a", "a/1", "a/2", "a/3", "b", "c", "d", "e"] {
            s.ctl(&["put", key, key]);
        }
        for arguments in [
            &["del", "nothing"][..],
            &["del", "a", "--prev-kv"],
            &["del", "a/1", "a/3", "-w", "json"],
            &["del", "a/", "--prefix", "--prev-kv", "-w", "json"],
            &["del", "b", "c", "--range"],
            &["del", "z", "a"],
            &["del", ""],
            &["del"],
            &["del", "c", "d", "--prefix"],
            &["del", "d", "--from-key", "--prev-kv"],
            &["del", "", "--prefix"],
            &["del", "", "--from-key", "-w", "json"],
        ] {
            s.ctl(arguments);
        }
        s.ctl(&["get", "", "--prefix", "-w", "json"]);
    });
}

/// Protects: requests above the limit are refused with the words and code that clients know, and change nothing.
#[test]
fn limits() {
    tell("v3-limits", V3, |s| {
        let title = |size: usize| format!("etcdctl put big <<< {size} bytes");
        for size in [
            1024 * 1024,
            3 * 512 * 1024,
            3 * 512 * 1024 + 100,
            2 * 1024 * 1024 + 100,
        ] {
            let output = s.quiet_told(&["put", "big"], &"x".repeat(size));
            let told = s.told(&output);
            s.note(&title(size), &told);
            let output = s.quiet(&["get", "big", "--print-value-only"]);
            s.note("its length then", &output.out.len().to_string());
        }
        s.ctl(&["get", "big", "--keys-only", "-w", "json"]);
    });
}

/// Protects: Debian's older client gets along with each server as with its own.
#[test]
fn the_older_client() {
    tell("v3-older-client", V3, |s| {
        for arguments in [
            &["put", "a/1", "one"][..],
            &["put", "a/2", "two", "--prev-kv", "-w", "json"],
            &["get", "a/", "--prefix"],
            &["get", "a/", "--prefix", "-w", "json"],
            &["get", "a/", "--prefix", "--sort-by=VALUE", "--order=DESCEND"],
            &["get", "a/1", "--rev=99"],
            &["del", "a/1", "--prev-kv"],
            &["watch", "a/", "--prefix", "--rev=nonsense"],
            &["put", "a", "1", "--lease=123456"],
            &["compaction", "2"],
            &["get", "a/1", "--rev=1"],
            &["lease", "list"],
            &["alarm", "list"],
            &["endpoint", "status", "-w", "json"],
            &["member", "list", "-w", "json"],
            &["version"],
        ] {
            s.ctl_debian(arguments);
        }
    });
}
