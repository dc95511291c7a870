//! Transactions as `etcdctl txn` takes them on its standard input.

use koinon_compat_etcd::{V3, tell};

/// Protects: every comparison and every kind of operation, on both branches, with one revision for the whole.
#[test]
fn transactions() {
    tell("v3-txn", V3, |s| {
        s.ctl(&["put", "a", "1"]);
        s.ctl(&["put", "b", "x y"]);
        let lease = s.grant(1000, "<lease a>");
        s.ctl(&["put", "l", "1", "--lease", &lease]);
        for input in [
            "\n\n\n",
            "value(\"a\") = \"1\"\n\nput a 2\nget a\n\nput a 3\n\n",
            "value(\"a\") = \"1\"\n\nput a 2\n\nget a\nput other 1\n\n",
            "mod(\"a\") > \"3\"\nversion(\"a\") = \"2\"\n\nget a\ndel b\n\nget b\n\n",
            "create(\"new\") = \"0\"\n\nput new 1\n\nget new\n\n",
            "create(\"new\") = \"0\"\n\nput new 1\n\nget new\n\n",
            "create(\"new\") < \"9\"\nval(\"new\") > \"0\"\n\ndel --prefix n\nget --prefix \"\"\n\n\n",
            "value(\"nothing\") = \"\"\n\nget a\n\nget b\n\n",
            "version(\"nothing\") = \"0\"\n\nput \"two words\" \"three words here\"\n\n\n",
            "\nput k1 1\nput k2 2\nput k3 3\nget --prefix k\ndel k2\n\n\n",
            "\nput same 1\nput same 2\n\n\n",
            "\nput same 1\ndel same\n\n\n",
            "\ndel same\nput same 1\n\n\n",
            "\nput same 1\n\nput same 2\n\n",
            "nonsense\n\n\n\n",
            "mod(\"a\") = \"x\"\n\n\n\n",
            "\nnonsense\n\n\n",
            "\nput only-key\n\n\n",
        ] {
            s.ctl_told(&["txn"], input);
            s.ctl_told(&["txn", "-w", "json"], input);
        }
        s.ctl_told(
            &["txn", "-w", "json"],
            &format!("lease(\"l\") = \"{lease}\"\n\nget l\n\nget a\n\n"),
        );
        s.ctl_told(
            &["txn", "--interactive"],
            "value(\"k1\") = \"1\"\n\nput i 1\n\nput i 2\n\n",
        );
        s.ctl_told(&["txn", "-i", "-w", "fields"], "\nget i\nput i 3\ndel k1\n\n\n");
        s.ctl(&["get", "", "--prefix", "-w", "json"]);
        s.ctl(&["txn", "unwanted"]);
    });
}

/// Protects: 128 operations are taken, 129 refused, in each branch and of each kind.
#[test]
fn limits() {
    tell("v3-txn-limits", V3, |s| {
        for count in [128, 129] {
            let puts: String = (0..count).map(|i| format!("put k{i:03} {i}\n")).collect();
            let compares: String = (0..count)
                .map(|i| format!("version(\"k{i:03}\") = \"1\"\n"))
                .collect();
            for (what, input) in [
                ("puts", format!("\n{puts}\n\n")),
                ("puts in the other branch", format!("\n\n{puts}\n")),
                ("comparisons", format!("{compares}\nget k000\n\nget k001\n\n")),
            ] {
                let output = s.quiet_told(&["txn"], &input);
                let told = s.told(&output);
                s.note(&format!("etcdctl txn <<< {count} {what}"), &told);
            }
            s.ctl(&["get", "k", "--prefix", "--count-only", "-w", "json"]);
        }
    });
}
