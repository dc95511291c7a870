//! Compaction: what is gone, what stays, what is refused.

use koinon_compat_etcd::{V3, tell};

/// Protects: compaction keeps what is current at its revision, and refuses the past and the future.
#[test]
fn compaction() {
    tell("v3-compaction", V3, |s| {
        for value in 1..=5 {
            s.ctl(&["put", "a", &value.to_string()]);
        }
        s.ctl(&["del", "a"]);
        s.ctl(&["put", "b", "1"]);
        s.ctl(&["compaction", "3"]);
        for revision in ["2", "3", "4", "7", "8"] {
            s.ctl(&["get", "a", "--rev", revision, "-w", "json"]);
        }
        for refused in ["3", "2", "0", "-1", "9", "nonsense", ""] {
            s.ctl(&["compaction", "--", refused]);
        }
        s.ctl(&["compaction"]);
        s.ctl(&["compaction", "7", "--physical"]);
        s.ctl(&["get", "a", "--rev=7", "-w", "json"]);
        s.ctl(&["get", "b", "--rev=8", "-w", "json"]);
        s.ctl(&["get", "b", "--rev=7", "-w", "json"]);
        s.ctl(&["watch", "a", "--rev=2"]);
        s.ctl(&["compaction", "8", "--physical", "-w", "json"]);
        s.ctl(&["put", "b", "2", "--prev-kv"]);
        s.ctl(&["get", "", "--prefix", "-w", "json"]);
    });
}
