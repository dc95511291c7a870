//! Locks and elections as `etcdctl` makes them: from keys, leases and watches of the client.

use std::fs;

use koinon_compat_etcd::{Session, V3, tell};

/// The lease in the name of a lock's key is a new one each time.
fn name_owners(s: &mut Session) {
    s.names.pattern(r"\b[0-9a-f]{15,16}\b", "<owner>");
}

/// Protects: a lock's command runs while the lock is held, one owner at a time, and the exit code passes through.
#[test]
fn locks() {
    tell("v3-lock", V3, |s| {
        name_owners(s);
        s.ctl(&[
            "lock",
            "l",
            "--",
            "sh",
            "-c",
            "echo $ETCD_LOCK_KEY at $ETCD_LOCK_REV",
        ]);
        s.ctl(&["lock", "--ttl=5", "l", "true"]);
        s.ctl(&["lock", "l", "--", "sh", "-c", "exit 7"]);
        s.ctl(&["lock"]);
        let mut first = s.ctl_beside(&["lock", "l"]);
        first
            .until("the lock's key", |said| said.ends_with('\n'))
            .unwrap();
        s.ctl(&["get", "l/", "--prefix", "--keys-only"]);
        let mark = s.folder().join("second");
        let script = format!("echo held > {}; echo done", mark.display());
        let mut second = s.ctl_beside(&["lock", "l", "--", "sh", "-c", &script]);
        // The second one waits in line when its key is there.
        koinon_testkit::wait_until("a second key", std::time::Duration::from_secs(30), || {
            let keys = s.quiet(&["get", "l/", "--prefix", "--keys-only"]);
            (keys.out.split_whitespace().count() == 2).then_some(())
        })
        .unwrap();
        assert!(fs::read(&mark).is_err(), "two held the lock at once");
        let first = first.interrupt().unwrap();
        s.note("the first, interrupted", &s.told(&first));
        second.until("its turn", |said| said.contains("done")).unwrap();
        let second = second.finish().unwrap();
        s.note("the second", &s.told(&second));
        s.ctl(&["get", "l/", "--prefix", "-w", "json"]);
    });
}

/// Protects: one candidate at a time leads, listeners see who, and a leader that resigns is followed.
#[test]
fn elections() {
    tell("v3-elect", V3, |s| {
        name_owners(s);
        let mut listener = s.ctl_beside(&["elect", "--listen", "e"]);
        let mut first = s.ctl_beside(&["elect", "e", "proposal-1"]);
        first
            .until("the first to lead", |said| said.contains("proposal-1\n"))
            .unwrap();
        listener
            .until("the first", |said| said.contains("proposal-1\n"))
            .unwrap();
        let mut second = s.ctl_beside(&["elect", "e", "proposal-2"]);
        koinon_testkit::wait_until("a second key", std::time::Duration::from_secs(30), || {
            let keys = s.quiet(&["get", "e/", "--prefix", "--keys-only"]);
            (keys.out.split_whitespace().count() == 2).then_some(())
        })
        .unwrap();
        assert!(second.said().is_empty(), "two led at once");
        let first = first.interrupt().unwrap();
        s.note("etcdctl elect e proposal-1", &s.told(&first));
        second
            .until("the second to lead", |said| said.contains("proposal-2\n"))
            .unwrap();
        listener
            .until("the second", |said| said.contains("proposal-2\n"))
            .unwrap();
        let second = second.interrupt().unwrap();
        s.note("etcdctl elect e proposal-2", &s.told(&second));
        let listener = listener.interrupt().unwrap();
        s.note("etcdctl elect --listen e", &listener.out);
        s.ctl(&["elect", "-l", "e", "with", "proposal"]);
        s.ctl(&["elect"]);
        s.ctl(&["get", "e/", "--prefix"]);
    });
}
