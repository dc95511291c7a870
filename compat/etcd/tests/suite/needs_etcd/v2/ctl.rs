//! Every verb of the classic tool, with its exact outputs and error lines, in each of its output forms.

use koinon_compat_etcd::{Session, V2, tell};

/// A time to live that runs.
fn name_running_times(s: &mut Session) {
    s.names.pattern(r"\bTTL: (?:9[0-9]|100)\b", "TTL: <up to 100>");
    s.names
        .pattern(r#""ttl":(?:9[0-9]|100)\b"#, "\"ttl\":<up to 100>");
    s.names
        .pattern(r#""expiration":"[^"]*""#, "\"expiration\":\"<time>\"");
}

/// Runs a command in the plain form, and a reading one in the others too.
fn all(s: &mut Session, commands: &[&[&str]]) {
    for command in commands {
        s.ctl2(command);
    }
}

/// Protects: creating, setting, updating and reading single keys.
#[test]
fn keys() {
    tell("v2-ctl-keys", V2, |s| {
        name_running_times(s);
        s.settle_v2();
        all(
            s,
            &[
                &["get", "/a"],
                &["set", "/a", "1"],
                &["get", "/a"],
                &["get", "a"],
                &["-o", "extended", "get", "/a"],
                &["-o", "json", "get", "/a"],
                &["mk", "/a", "2"],
                &["mk", "/b", "one"],
                &["mk", "/deep/er/key", "x"],
                &["-o", "extended", "mk", "/c", "1"],
                &["-o", "json", "mk", "/d", "1"],
                &["update", "/a", "3"],
                &["update", "/nothing", "3"],
                &["-o", "extended", "update", "/a", "4"],
                &["set", "/a", "5", "--swap-with-value", "4"],
                &["set", "/a", "6", "--swap-with-value", "4"],
                &["set", "/a", "6", "--swap-with-index", "18"],
                &["set", "/a", "7", "--swap-with-index", "1"],
                &["set", "/nothing", "7", "--swap-with-index", "1"],
                &["-o", "extended", "set", "/a", "8"],
                &["-o", "json", "set", "/a", "9"],
                &["set", "/e", ""],
                &["get", "/e"],
                &["set", "/f", "two\nlines"],
                &["get", "/f"],
                &["set", "/g", "--", "-dash"],
                &["set", "/space in name", "x"],
                &["get", "/space in name"],
                &["get", "/deep"],
                &["get", "/a/b"],
                &["set", "/a/b", "x"],
                &["set", "/deep", "x"],
                &["get", "/a", "--quorum"],
                &["get", "/a", "--sort"],
                &["get", "-q", "/a", "/b"],
                &["set", "/t", "x", "--ttl", "100"],
                &["-o", "extended", "get", "/t"],
                &["update", "/t", "y", "--ttl", "100"],
                &["mk", "/u", "y", "--ttl", "100"],
                &["update", "/t", "z"],
                &["-o", "extended", "get", "/t"],
                &["set"],
                &["set", "/a"],
                &["get"],
                &["mk"],
                &["update", "/a"],
            ],
        );
        s.ctl2_told(&["set", "/piped"], "from stdin\n");
        s.ctl2(&["get", "/piped"]);
        s.ctl2_told(&["mk", "/piped2"], "from stdin");
        s.ctl2_told(&["update", "/piped2"], "again");
    });
}

/// Protects: directories: made, changed, listed in each order, removed when and only when they may be.
#[test]
fn directories() {
    tell("v2-ctl-directories", V2, |s| {
        name_running_times(s);
        s.settle_v2();
        all(
            s,
            &[
                &["ls"],
                &["ls", "/"],
                &["ls", "/nothing"],
                &["mkdir", "/d"],
                &["mkdir", "/d"],
                &["mkdir", "/d/sub/deeper"],
                &["setdir", "/d"],
                &["setdir", "/s"],
                &["setdir", "/s", "--ttl", "100"],
                &["updatedir", "/s", "--ttl", "100"],
                &["updatedir", "/nothing", "--ttl", "100"],
                &["updatedir", "/d"],
                &["mkdir", "/m", "--ttl", "100"],
                &["set", "/d/z", "1"],
                &["set", "/d/a", "2"],
                &["set", "/d/_hidden", "3"],
                &["ls", "--sort", "/d"],
                &["ls", "-p", "--sort", "/d"],
                &["ls", "--recursive", "--sort", "/"],
                &["ls", "-r", "-p", "--sort", "/"],
                &["ls", "--quorum", "--sort", "/d"],
                &["-o", "json", "ls", "--sort", "/d"],
                &["-o", "extended", "ls", "--sort", "/d"],
                &["ls", "/d/z"],
                &["get", "/d/_hidden"],
                &["get", "/d"],
                &["-o", "extended", "get", "/d"],
                &["-o", "json", "get", "--sort", "/d"],
                &["mkdir", "/d/z"],
                &["setdir", "/d/z"],
                &["mkdir", "/d/z/under-a-file"],
                &["rm", "/d"],
                &["rmdir", "/d"],
                &["rm", "--dir", "/d"],
                &["rm", "/d/z", "--with-value", "wrong"],
                &["rm", "/d/z", "--with-value", "1"],
                &["rm", "/d/a", "--with-index", "1"],
                &["-o", "extended", "rm", "/d/a"],
                &["rm", "/d/a"],
                &["rmdir", "/d/sub"],
                &["rmdir", "/d/sub/deeper"],
                &["rm", "--dir", "/d/sub"],
                &["rmdir", "/nothing"],
                &["rm", "--recursive", "/d"],
                &["set", "/file", "x"],
                &["rmdir", "/file"],
                &["rm", "-r", "/"],
                &["rm"],
                &["rmdir"],
                &["mkdir"],
                &["mkdir", "--in-order", "/queue"],
                &["ls", "--sort", "/"],
            ],
        );
    });
}

/// Protects: keys that the server numbers are in order.
#[test]
fn in_order() {
    tell("v2-ctl-in-order", V2, |s| {
        s.settle_v2();
        all(
            s,
            &[
                &["mk", "--in-order", "/q", "first"],
                &["mk", "--in-order", "/q", "second"],
                &["-o", "json", "mk", "--in-order", "/q", "third", "--ttl", "0"],
                &["ls", "--sort", "/q"],
                &["set", "/file", "x"],
                &["mk", "--in-order", "/file", "x"],
            ],
        );
    });
}

/// Protects: the cluster's health and members read as from etcd.
#[test]
fn cluster() {
    tell("v2-ctl-cluster", V2, |s| {
        s.settle_v2();
        all(s, &[&["cluster-health"], &["member", "list"]]);
    });
}
