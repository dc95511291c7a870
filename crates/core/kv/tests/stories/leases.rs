//! Leases and the keys that live by them.

use koinon_core_kv::{Effect, KvError, LEASE_TTL_MAX_S, LeaseId, Op, Put};

use crate::support::{Driven, bytes, one, put, range, told};

fn keys_of(kv: &Driven, id: i64) -> String {
    let keys = kv
        .space()
        .lease_keys(LeaseId(id))
        .map(|key| key.escape_ascii().to_string());
    keys.collect::<Vec<_>>().join(" ")
}

/// Revoking a lease deletes its keys in one revision, in the order of keys, and nothing else.
#[test]
fn revocation_deletes_the_keys_in_one_revision() {
    let mut kv = Driven::new();
    kv.grant(7, 60).unwrap();
    for key in ["c", "a", "b"] {
        kv.put_leased(key, 7).unwrap();
    }
    kv.put("other", "1");
    let plan = kv.revoke(7).unwrap();
    assert_eq!(told(&plan.records), "6.0 -a, 6.1 -b, 6.2 -c");
    assert_eq!(
        (plan.revision, plan.effect),
        (7 - 1, Effect::Revoke { id: LeaseId(7) })
    );
    assert_eq!(kv.dump(0).unwrap(), "other=1");
    assert!(matches!(kv.revoke(7), Err(KvError::LeaseNotFound(LeaseId(7)))));
}

/// A lease without keys comes and goes without a revision.
#[test]
fn a_lease_without_keys_makes_no_revision() {
    let mut kv = Driven::new();
    assert_eq!(kv.grant(7, 60).unwrap().revision, 1);
    assert_eq!(kv.revoke(7).unwrap().revision, 1);
}

/// A key lives by the lease of its youngest put alone; a put without one, or a deletion, frees it.
#[test]
fn a_key_lives_by_its_last_lease() {
    let mut kv = Driven::new();
    kv.grant(1, 60).unwrap();
    kv.grant(2, 60).unwrap();
    kv.put_leased("a", 1).unwrap();
    kv.put_leased("b", 1).unwrap();
    kv.put_leased("c", 1).unwrap();
    kv.put_leased("a", 2).unwrap();
    kv.put("b", "free");
    kv.delete("c");
    assert_eq!((keys_of(&kv, 1), keys_of(&kv, 2)), (String::new(), "a".into()));
    kv.revoke(1).unwrap();
    assert_eq!(kv.dump(0).unwrap(), "a=v b=free");
}

/// A put that keeps the lease keeps it, and one with an unknown lease writes nothing.
#[test]
fn a_put_can_keep_the_lease() {
    let mut kv = Driven::new();
    kv.grant(1, 60).unwrap();
    kv.put_leased("a", 1).unwrap();
    kv.op(Op::Put(Put {
        lease: None,
        ..put("a", "2")
    }))
    .unwrap();
    assert_eq!(keys_of(&kv, 1), "a");
    assert!(matches!(
        kv.put_leased("a", 99),
        Err(KvError::LeaseNotFound(LeaseId(99)))
    ));
    assert_eq!((kv.dump(0).unwrap().as_str(), kv.revision()), ("a=2", 3));
    let absent = Op::Put(Put {
        lease: None,
        ..put("x", "2")
    });
    assert!(matches!(kv.op(absent), Err(KvError::KeyNotFound)));
}

/// Numbers and times are bounded as etcd bounds them.
#[test]
fn grants_are_bounded() {
    let mut kv = Driven::new();
    kv.grant(1, LEASE_TTL_MAX_S).unwrap();
    assert!(matches!(kv.grant(1, 60), Err(KvError::LeaseExists(LeaseId(1)))));
    assert!(matches!(
        kv.grant(2, LEASE_TTL_MAX_S + 1),
        Err(KvError::LeaseTtl(_))
    ));
    assert!(matches!(kv.grant(2, 0), Err(KvError::LeaseTtl(0))));
    assert!(matches!(kv.grant(0, 60), Err(KvError::LeaseNotFound(_))));
    assert!(kv.grant(-5, 60).is_ok(), "clients choose negative numbers, too");
}

/// After a restart the keys still live by their leases.
#[test]
fn a_restart_keeps_leases_and_keys() {
    let mut kv = Driven::new();
    kv.grant(1, 60).unwrap();
    kv.grant(2, 70).unwrap();
    kv.put_leased("a", 1).unwrap();
    kv.put_leased("a", 2).unwrap();
    kv.put_leased("b", 1).unwrap();
    kv.revoke(1).unwrap();
    kv.restart();
    assert_eq!(kv.space().leases().collect::<Vec<_>>(), [(LeaseId(2), 70)]);
    assert_eq!(keys_of(&kv, 2), "a");
    let plan = kv.revoke(2).unwrap();
    assert_eq!(told(&plan.records), "6.0 -a");
}

/// The lease is part of what a read answers, with and without values.
#[test]
fn reads_show_the_lease() {
    let mut kv = Driven::new();
    kv.grant(9, 60).unwrap();
    kv.put_leased("a", 9).unwrap();
    for keys_only in [false, true] {
        let answer = kv
            .range(&koinon_core_kv::Range {
                keys_only,
                ..range(one("a"))
            })
            .unwrap();
        let koinon_core_kv::Record::Put(found) = answer.records[0].as_ref() else {
            panic!("it exists")
        };
        assert_eq!(found.lease, LeaseId(9));
        assert_eq!(found.value, if keys_only { bytes("") } else { bytes("v") });
    }
}
