//! Room.

use koinon_core_kv::{Command, KvError, LeaseId, Op, Txn};

use crate::support::{Driven, SPACE, delete, everything, one, put, range};

fn txn(op: Op) -> Command {
    Command::Txn {
        space: SPACE,
        txn: Txn::of(op),
    }
}

/// In a full keyspace puts and leases are refused, deletions, reads and compaction are not; and compaction makes room again,
/// without anything else having to be done.
#[test]
fn a_full_keyspace_can_be_emptied() {
    let mut kv = Driven::new();
    kv.grant(1, 60).unwrap();
    for nth in 0..10 {
        kv.put("a", &nth.to_string().repeat(100));
    }
    let quota = kv.space().figures().live_bytes;
    let refused = |kv: &Driven, command: &Command| kv.space().admit(command, quota);
    let (space, id) = (SPACE, LeaseId(2));
    let put_b = txn(Op::Put(put("b", "1")));
    assert!(matches!(refused(&kv, &put_b), Err(KvError::NoSpace { used, .. }) if used == quota));
    let grant = Command::LeaseGrant { space, id, ttl_s: 60 };
    assert!(matches!(refused(&kv, &grant), Err(KvError::NoSpace { .. })));
    for passes in [
        txn(Op::Delete(delete(everything()))),
        txn(Op::Range(range(one("a")))),
        Command::LeaseRevoke { space, id },
        Command::Compact { space, revision: 11 },
    ] {
        assert!(refused(&kv, &passes).is_ok(), "{passes:?}");
    }
    kv.compact(11).unwrap();
    assert!(refused(&kv, &put_b).is_ok(), "nine values were forgotten");
}

/// What a transaction may cost is what its dearer branch costs, nested ones included.
#[test]
fn the_dearer_branch_counts() {
    let small = Op::Put(put("k", "12345"));
    let nested = Op::Txn(Txn {
        or_else: vec![small.clone(), small.clone()],
        ..Txn::default()
    });
    let both = Txn {
        then: vec![small],
        or_else: vec![nested],
        ..Txn::default()
    };
    assert_eq!(both.cost_bytes(), 2 * (64 + 6));
    assert_eq!(Txn::of(Op::Delete(delete(everything()))).cost_bytes(), 0);
}

/// Bytes are counted alike before and after removal, and after a restart: members that are at different points of it agree.
#[test]
fn removal_and_restarts_change_no_figure() {
    let mut kv = Driven::new();
    for key in ["a", "b", "a", "c", "a"] {
        kv.put(key, "some value");
    }
    kv.delete("b");
    kv.put("b", "again");
    let whole = kv.space().figures();
    kv.compact(7).unwrap();
    let compacted = kv.space().figures();
    assert!(compacted.live_bytes < whole.live_bytes);
    kv.restart();
    assert_eq!(kv.space().figures(), compacted, "before removal");
    kv.sweep(None, 1);
    assert_eq!(kv.space().figures(), compacted, "after it");
    kv.restart();
    assert_eq!(kv.space().figures(), compacted, "after it and a restart");
}
