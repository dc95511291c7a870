//! etcd's rules, one story each.

use super::*;

/// What is written is answered with its index and what was there; a set makes a node anew, an update does not.
#[test]
fn files() {
    let mut t = Told::new();
    for (change, told) in [
        (set("/a", "1"), "set /a=1 c2 m2"),
        (set("/a", "2"), "set /a=2 c3 m3 was =1@2"),
        (update("/a", "3", None, false), "update /a=3 c3 m4 was =2@3"),
        (create("/a", "4", false), "105: Key already exists (/a) [4]"),
        (create("/b", "4", false), "create /b=4 c5 m5"),
        (update("/c", "4", None, false), "100: Key not found (/c) [5]"),
        (set("/a/x", "1"), "104: Not a directory (/a) [5]"),
        (delete("/a/x", false, false), "104: Not a directory (/a) [5]"),
        (delete("/c/d/e", false, false), "100: Key not found (/c) [5]"),
        (delete("/a", false, false), "delete /a c3 m6 was =3@4"),
        (set("/", "x"), "107: Root is read only (/) [6]"),
        (delete("/", true, true), "107: Root is read only (/) [6]"),
        (update("/", "", None, false), "107: Root is read only (/) [6]"),
    ] {
        assert_eq!(t.tell(change), told);
    }
}

/// Comparing looks at value and index, says what differs, and never touches directories.
#[test]
fn comparing() {
    let mut t = Told::new();
    let remove = |at: &str, wanted: &str, index| Change::CompareAndDelete {
        path: path(at),
        expect: Expect {
            value: value(wanted),
            index,
        },
    };
    for (change, told) in [
        (set("/a", "1"), "set /a=1 c2 m2"),
        (swap("/a", "1", 0, "2"), "compareAndSwap /a=2 c2 m3 was =1@2"),
        (swap("/a", "1", 0, "3"), "101: Compare failed ([1 != 2]) [3]"),
        (swap("/a", "", 3, "3"), "compareAndSwap /a=3 c2 m4 was =2@3"),
        (swap("/a", "", 3, "4"), "101: Compare failed ([3 != 4]) [4]"),
        (
            swap("/a", "x", 1, "4"),
            "101: Compare failed ([x != 3] [1 != 4]) [4]",
        ),
        (swap("/b", "x", 0, "4"), "100: Key not found (/b) [4]"),
        (swap("/", "x", 0, "4"), "107: Root is read only (/) [4]"),
        (set_dir("/d"), "set /d/ c5 m5"),
        (swap("/d", "x", 0, "4"), "102: Not a file (/d) [5]"),
        (remove("/d", "x", 0), "102: Not a file (/d) [5]"),
        (remove("/", "x", 0), "102: Not a file () [5]"),
        (remove("/a", "x", 0), "101: Compare failed ([x != 3]) [5]"),
        (remove("/a", "3", 4), "compareAndDelete /a c2 m6 was =3@4"),
    ] {
        assert_eq!(t.tell(change), told);
    }
}

/// Directories come with what is put into them, keep their index, and go only when empty or when told to with everything.
#[test]
fn directories() {
    let mut t = Told::new();
    for (change, told) in [
        (set("/d/m/n", "1"), "set /d/m/n=1 c2 m2"),
        (set("/d/a", "2"), "set /d/a=2 c3 m3"),
        (set("/d/_h/x", "2"), "set /d/_h/x=2 c4 m4"),
        (set("/dx", "2"), "set /dx=2 c5 m5"),
        (update("/d", "", None, false), "update /d/ c2 m6 was /@2"),
        (update("/d", "", None, false), "update /d/ c2 m7 was /@2"),
        (update("/d", "x", None, false), "102: Not a file (/d) [7]"),
        (set("/d", "x"), "102: Not a file (/d) [7]"),
        (set_dir("/d"), "102: Not a file (/d) [7]"),
        (set_dir("/dx"), "set /dx/ c8 m8 was =2@5"),
        (delete("/d", false, false), "102: Not a file (/d) [8]"),
        (delete("/d", true, false), "108: Directory not empty (/d) [8]"),
    ] {
        assert_eq!(t.tell(change), told);
    }
    assert_eq!(t.listed(), ["/d/", "/d/a", "/d/m/", "/d/m/n", "/dx/"]);
    assert_eq!(
        t.tree("/d/_h").unwrap().nodes.len(),
        1,
        "a hidden directory shows what is in it"
    );
    assert_eq!(
        t.tell(delete("/d/m/n", true, false)),
        "delete /d/m/n c2 m9 was =1@2"
    );
    assert_eq!(t.tell(delete("/d/m", true, false)), "delete /d/m/ c2 m10 was /@2");
    assert_eq!(t.tell(delete("/d", false, true)), "delete /d/ c2 m11 was /@2");
    assert_eq!(t.listed(), ["/dx/"]);
    assert_eq!(
        t.tell(set("/d/a", "3")),
        "set /d/a=3 c12 m12",
        "nothing of the old one is left"
    );
}

/// Nodes in order are called by their index, so that names sort as they were made.
#[test]
fn queues() {
    let mut t = Told::new();
    assert_eq!(
        t.tell(create("/q", "a", true)),
        "create /q/00000000000000000002=a c2 m2"
    );
    assert_eq!(
        t.tell(create("/q", "b", true)),
        "create /q/00000000000000000003=b c3 m3"
    );
    assert_eq!(
        t.tell(create("/", "c", true)),
        "create /00000000000000000004=c c4 m4"
    );
    assert_eq!(t.tell(set("/f", "x")), "set /f=x c5 m5");
    assert_eq!(t.tell(create("/f", "c", true)), "104: Not a directory (/f) [5]");
}

/// What has a time to live is due when it is over, in the order of times, whatever was written meanwhile; a directory goes
/// with everything in it, and what was given more time stays.
#[test]
fn expiring_nodes() {
    let mut t = Told::new();
    t.change(until(set("/late", "1"), 5_000)).unwrap();
    t.change(until(set("/soon", "1"), 2_000)).unwrap();
    t.change(until(set_dir("/dir"), 3_000)).unwrap();
    t.change(until(set("/dir/inside", "1"), 3_500)).unwrap();
    assert_eq!(
        t.tell(expire("/soon")),
        "101: Compare failed (/soon) [5]",
        "it is not time yet"
    );
    assert_eq!(t.due(), [""; 0]);
    t.now_unix_ms = 4_000;
    assert_eq!(t.due(), ["/soon", "/dir", "/dir/inside"]);
    assert_eq!(
        t.tell(update("/soon", "2", Some(9_000), false)),
        "update /soon=2 c3 m6 was =1@3"
    );
    assert_eq!(
        t.tell(expire("/soon")),
        "101: Compare failed (/soon) [6]",
        "it was given more time"
    );
    assert_eq!(t.tell(expire("/dir")), "expire /dir/ c4 m7 was /@4");
    assert_eq!(t.tell(expire("/dir/inside")), "100: Key not found (/dir) [7]");
    assert_eq!(t.due(), [""; 0]);
    // Replaced without a time, it lives for ever.
    t.change(set("/late", "2")).unwrap();
    t.change(update("/soon", "3", None, false)).unwrap();
    t.now_unix_ms = 90_000;
    assert_eq!(t.due(), [""; 0]);
    assert_eq!(t.listed(), ["/late", "/soon"]);
}

/// A refresh keeps the value, changes only the time, and is marked so that no watcher is told.
#[test]
fn refreshing() {
    let mut t = Told::new();
    t.change(until(set("/a", "1"), 2_000)).unwrap();
    let event = t.change(update("/a", "", Some(8_000), true)).unwrap();
    assert!(event.refresh);
    assert_eq!(
        (event.node.value, event.node.expires_unix_ms),
        (Some(value("1")), Some(8_000))
    );
    let again = Change::Set {
        path: path("/a"),
        dir: false,
        value: Bytes::new(),
        expires_unix_ms: Some(9_000),
        refresh: true,
    };
    let event = t.change(again).unwrap();
    assert_eq!(
        (event.node.value, event.node.created, event.refresh),
        (Some(value("1")), 4, true)
    );
    let none = Change::Set {
        path: path("/none"),
        dir: false,
        value: Bytes::new(),
        expires_unix_ms: Some(9_000),
        refresh: true,
    };
    assert_eq!(t.tell(none), "100: Key not found (/none) [4]");
    t.now_unix_ms = 9_000;
    assert_eq!(t.due(), ["/a"]);
}

/// History goes by itself, and never the last two thousand events.
#[test]
fn history_is_forgotten() {
    let mut t = Told::new();
    for _ in 0..13_000 {
        t.change(set("/a", "1")).unwrap();
    }
    let space = t.driven.machine.space(TREE).unwrap();
    let kept = space.revision() - space.compacted();
    assert!((2_000..=12_000).contains(&kept), "{kept} events are kept");
    assert!(space.compacted() > 0);
}
