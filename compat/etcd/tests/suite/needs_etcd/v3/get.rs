//! Reading: every flag of `get`, and what they do together.

use koinon_compat_etcd::{Session, V3, tell};

/// Keys whose order by name, by creation, by change, by version and by value all differ.
fn fill(s: &mut Session) {
    for command in [
        ["put", "a/2", "v9"],
        ["put", "a/1", "v5"],
        ["put", "a/3", "v1"],
        ["put", "b", "v7"],
        ["put", "a/1", "v6"],
        ["put", "a/2", "v3"],
        ["put", "a/2", "v4"],
        ["put", "c", ""],
    ] {
        s.ctl(&command);
    }
}

/// Protects: keys, ranges, prefixes and limits are found as etcd finds them, in each form that `etcdctl` prints.
#[test]
fn ranges() {
    tell("v3-get", V3, |s| {
        s.ctl(&["get", "nothing"]);
        s.ctl(&["get", "nothing", "-w", "json"]);
        fill(s);
        for arguments in [
            &["a/1"][..],
            &["a/1", "--print-value-only"],
            &["c"],
            &["a/", "--prefix"],
            &["", "--prefix", "--keys-only"],
            &["a/2", "--from-key"],
            &["", "--from-key", "--limit=2"],
            &["a/1", "a/3"],
            &["a/3", "a/1"],
            &["a/1", "a/1"],
            &["a/", "--prefix", "--limit=2"],
            &["a/", "--prefix", "--limit=3"],
            &["a/", "--prefix", "--count-only"],
            &["a/", "--prefix", "--count-only", "--limit=1"],
            &["a/", "--prefix", "--keys-only", "--limit=1"],
            &["a/", "--prefix", "--consistency=s"],
            &["a/", "--prefix", "--consistency=x"],
            &["--hex", "a/1"],
            &["a/", "--prefix", "--from-key"],
            &["a", "b", "--prefix"],
            &[],
        ] {
            let simple = [&["get"], arguments].concat();
            s.ctl(&simple);
            s.ctl(&[&simple[..], &["-w", "json"]].concat());
        }
        s.ctl(&["get", "a/", "--prefix", "-w", "fields"]);
        s.ctl(&["get", "a/1", "-w", "table"]);
        s.ctl(&["get", "b", "-w", "nonsense"]);
    });
}

/// Protects: every sort target in both directions, and a limit that is applied after sorting.
#[test]
fn order() {
    tell("v3-get-order", V3, |s| {
        fill(s);
        for target in ["KEY", "CREATE", "MODIFY", "VALUE", "VERSION"] {
            for order in ["ASCEND", "DESCEND", ""] {
                let (by, order) = (format!("--sort-by={target}"), format!("--order={order}"));
                s.ctl(&["get", "a/", "--prefix", &by, &order]);
                s.ctl(&["get", "", "--from-key", &by, &order, "--limit=2", "-w", "json"]);
            }
        }
        s.ctl(&["get", "a/", "--prefix", "--order=DESCEND"]);
        s.ctl(&["get", "a/", "--prefix", "--sort-by=nonsense"]);
        s.ctl(&["get", "a/", "--prefix", "--order=nonsense"]);
    });
}

/// Protects: old revisions show what was, compacted and future ones are refused in etcd's words; filters by revision count
/// as etcd counts.
#[test]
fn revisions() {
    tell("v3-get-revisions", V3, |s| {
        fill(s);
        s.ctl(&["del", "a/1"]);
        for revision in ["0", "-1", "1", "2", "3", "6", "9", "10", "11"] {
            let revision = format!("--rev={revision}");
            s.ctl(&["get", "a/", "--prefix", &revision]);
            s.ctl(&["get", "a/1", &revision, "-w", "json"]);
        }
        for filter in [
            &["--min-mod-rev=5"][..],
            &["--max-mod-rev=5"],
            &["--min-create-rev=3"],
            &["--max-create-rev=3"],
            &["--min-mod-rev=4", "--max-create-rev=4"],
            &["--min-create-rev=3", "--limit=1"],
            &["--min-create-rev=3", "--count-only"],
            &["--max-mod-rev=8", "--rev=7"],
        ] {
            s.ctl(&[&["get", "", "--prefix", "-w", "json"], filter].concat());
        }
        s.ctl(&["compaction", "6"]);
        for revision in ["5", "6", "7"] {
            s.ctl(&["get", "a/", "--prefix", &format!("--rev={revision}")]);
        }
    });
}
