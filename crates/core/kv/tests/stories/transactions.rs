//! Transactions.

use koinon_core_kv::{
    Answer, Command, Compare, CompareTarget, Keys, KvError, NESTING_MAX, Op, OpResponse, Ordering, Put,
    Range, Txn,
};

use crate::support::{Driven, SPACE, between, bytes, delete, everything, one, put, range, shown, told};

fn compare(keys: Keys, ordering: Ordering, target: CompareTarget) -> Compare {
    Compare {
        keys,
        ordering,
        target,
    }
}

fn then(ops: Vec<Op>) -> Txn {
    Txn {
        then: ops,
        ..Txn::default()
    }
}

fn holds(kv: &mut Driven, keys: Keys, ordering: Ordering, target: CompareTarget) -> bool {
    let compare = vec![compare(keys, ordering, target)];
    kv.txn(Txn {
        compare,
        ..Txn::default()
    })
    .unwrap()
    .succeeded
}

/// All that a transaction writes has one main revision, numbered within; one that writes nothing has none.
#[test]
fn a_transaction_is_one_revision() {
    let mut kv = Driven::new();
    let txn = then(vec![Op::Put(put("b", "1")), Op::Put(put("a", "2"))]);
    let plan = kv.apply(&Command::Txn { space: SPACE, txn }).unwrap();
    assert_eq!(told(&plan.records), "2.0 b=1, 2.1 a=2");
    kv.op(Op::Delete(delete(one("x")))).unwrap();
    kv.txn(then(vec![Op::Range(range(everything()))])).unwrap();
    assert_eq!(kv.revision(), 2);
}

/// A key that does not exist compares as zeros, and its value compares as nothing at all.
#[test]
fn a_missing_key_is_zeros_without_a_value() {
    let mut kv = Driven::new();
    for target in [
        CompareTarget::Version(0),
        CompareTarget::Create(0),
        CompareTarget::Mod(0),
        CompareTarget::Lease(0),
    ] {
        assert!(
            holds(&mut kv, one("x"), Ordering::Equal, target.clone()),
            "{target:?}"
        );
        assert!(
            !holds(&mut kv, one("x"), Ordering::Greater, target.clone()),
            "{target:?}"
        );
        assert!(
            holds(&mut kv, between("x", "z"), Ordering::Equal, target),
            "a range without keys"
        );
    }
    for ordering in [
        Ordering::Equal,
        Ordering::NotEqual,
        Ordering::Less,
        Ordering::Greater,
    ] {
        assert!(
            !holds(&mut kv, one("x"), ordering, CompareTarget::Value(bytes(""))),
            "{ordering:?}"
        );
    }
}

/// A condition on a range must hold for each of its keys.
#[test]
fn a_condition_holds_for_every_key() {
    let mut kv = Driven::new();
    kv.put("a", "1");
    kv.put("b", "2");
    kv.put("b", "2");
    let both = || between("a", "c");
    assert!(holds(
        &mut kv,
        both(),
        Ordering::Greater,
        CompareTarget::Version(0)
    ));
    assert!(!holds(
        &mut kv,
        both(),
        Ordering::Equal,
        CompareTarget::Version(1)
    ));
    assert!(holds(
        &mut kv,
        both(),
        Ordering::Less,
        CompareTarget::Value(bytes("3"))
    ));
    assert!(!holds(
        &mut kv,
        both(),
        Ordering::NotEqual,
        CompareTarget::Value(bytes("2"))
    ));
}

/// Reads see what the same transaction wrote before them, at its own revision, and not what comes after.
#[test]
fn reads_see_earlier_writes() {
    let mut kv = Driven::new();
    kv.put("a", "1");
    let all = || Op::Range(range(everything()));
    let ops = vec![
        all(),
        Op::Put(put("b", "2")),
        all(),
        Op::Delete(delete(one("a"))),
        all(),
    ];
    let done = kv.txn(then(ops)).unwrap();
    let seen = done.responses.iter().filter_map(|response| match response {
        OpResponse::Range(ranged) => Some((shown(ranged), ranged.revision)),
        OpResponse::Put(_) | OpResponse::Delete(_) | OpResponse::Txn(_) => None,
    });
    let seen: Vec<_> = seen.collect();
    assert_eq!(
        seen,
        [("a=1".into(), 2), ("a=1 b=2".into(), 3), ("b=2".into(), 3)]
    );
}

/// Conditions of nested transactions see what was before all of it, as in etcd; their writes are in the same revision.
#[test]
fn nested_conditions_see_the_time_before() {
    let mut kv = Driven::new();
    let nested = Txn {
        compare: vec![compare(one("a"), Ordering::Equal, CompareTarget::Version(0))],
        then: vec![Op::Put(put("b", "a was not there"))],
        or_else: vec![Op::Put(put("b", "a was there"))],
    };
    kv.txn(then(vec![Op::Put(put("a", "1")), Op::Txn(nested)]))
        .unwrap();
    assert_eq!(kv.dump(2).unwrap(), "a=1 b=a was not there");
}

/// A key cannot be put twice, nor put where it is deleted, on one path; on two that exclude each other it can.
#[test]
fn keys_are_changed_once() {
    let mut kv = Driven::new();
    let put_a = || Op::Put(put("a", "1"));
    let nested = |ops| Op::Txn(then(ops));
    let twice = |ops: Vec<Op>| matches!(then(ops).check_duplicates(), Err(KvError::DuplicateKey));
    assert!(twice(vec![put_a(), put_a()]));
    assert!(twice(vec![put_a(), nested(vec![put_a()])]));
    assert!(twice(vec![nested(vec![put_a()]), nested(vec![put_a()])]));
    assert!(twice(vec![put_a(), Op::Delete(delete(one("a")))]));
    assert!(twice(vec![Op::Delete(delete(between("A", "b"))), put_a()]));
    assert!(twice(vec![
        nested(vec![Op::Delete(delete(between("A", "b")))]),
        put_a()
    ]));
    let either = Txn {
        then: vec![put_a()],
        or_else: vec![put_a()],
        ..Txn::default()
    };
    assert!(!twice(vec![Op::Txn(either)]));
    assert!(!twice(vec![Op::Delete(delete(between("b", "c"))), put_a()]));
    let refused = kv.txn(then(vec![put_a(), put_a()]));
    assert!(matches!(refused, Err(KvError::DuplicateKey)));
    assert_eq!(kv.revision(), 1);
}

/// Where etcd does not look, neither do we: clients that rely on it keep working. A deletion from a key on, and one that
/// comes in a later nested transaction, may meet a put.
#[test]
fn keys_are_changed_twice_where_etcd_lets_them() {
    let mut kv = Driven::new();
    kv.put("b", "1");
    let from_a = Keys::From(bytes("a"));
    kv.txn(then(vec![Op::Delete(delete(from_a)), Op::Put(put("b", "2"))]))
        .unwrap();
    assert_eq!(kv.dump(3).unwrap(), "b=2");
    let put_b = Op::Txn(then(vec![Op::Put(put("b", "3"))]));
    let delete_b = Op::Txn(then(vec![Op::Delete(delete(one("b")))]));
    let plan = kv
        .apply(&Command::Txn {
            space: SPACE,
            txn: then(vec![put_b, delete_b]),
        })
        .unwrap();
    assert_eq!(told(&plan.records), "4.0 b=3, 4.1 -b");
    assert_eq!(kv.dump(4).unwrap(), "");
}

/// A refused step undoes the steps before it: nothing of the transaction happens.
#[test]
fn all_or_nothing() {
    let mut kv = Driven::new();
    let keeps = Put {
        value: None,
        ..put("missing", "")
    };
    let refused = kv.txn(then(vec![Op::Put(put("a", "1")), Op::Put(keeps)]));
    assert!(matches!(refused, Err(KvError::KeyNotFound)));
    let future = Range {
        revision: 9,
        ..range(everything())
    };
    let refused = kv.txn(then(vec![Op::Put(put("a", "1")), Op::Range(future)]));
    assert!(matches!(refused, Err(KvError::FutureRevision { .. })));
    assert_eq!((kv.revision(), kv.dump(0).unwrap()), (1, String::new()));
}

/// What was there before comes with the answer, if asked for; a put can keep the value.
#[test]
fn answers_tell_what_was_there() {
    let mut kv = Driven::new();
    kv.put("a", "1");
    let keep = Put {
        value: None,
        prev_kv: true,
        ..put("a", "")
    };
    let OpResponse::Put(done) = kv.op(Op::Put(keep)).unwrap() else {
        panic!("a put")
    };
    assert_eq!(done.prev.unwrap().value, "1");
    let all = koinon_core_kv::Delete {
        keys: everything(),
        prev_kv: true,
    };
    let OpResponse::Delete(done) = kv.op(Op::Delete(all)).unwrap() else {
        panic!("a deletion")
    };
    assert_eq!(
        (done.count, done.prev[0].version, done.prev[0].value.clone()),
        (1, 2, bytes("1"))
    );
}

/// Lists that are too long, levels that are too many and keys that are missing are refused before anything is looked at.
#[test]
fn requests_are_bounded() {
    let flat = then(vec![Op::Range(range(one("a"))); 4]);
    assert!(flat.check_size(4).is_ok());
    assert!(matches!(flat.check_size(3), Err(KvError::TooManyOps(3))));
    let below = then(vec![Op::Txn(flat)]);
    assert!(
        matches!(below.check_size(4), Err(KvError::TooManyOps(4))),
        "levels add up"
    );
    let deep = (0..NESTING_MAX).fold(Txn::default(), |inner, _| then(vec![Op::Txn(inner)]));
    assert!(matches!(
        deep.check_size(usize::MAX),
        Err(KvError::TooManyOps(NESTING_MAX))
    ));
    assert!(matches!(
        then(vec![Op::Put(put("", "1"))]).check_size(4),
        Err(KvError::EmptyKey)
    ));
}

/// A read within a transaction that only reads needs no entry of the log.
#[test]
fn reads_need_no_entry() {
    let mut kv = Driven::new();
    kv.put("a", "1");
    let txn = then(vec![
        Op::Range(range(one("a"))),
        Op::Txn(then(vec![Op::Range(range(one("b")))])),
    ]);
    assert!(txn.is_read_only());
    let read = kv.space().read_txn(&txn, &kv.kept).unwrap();
    let plan = kv.apply(&Command::Txn { space: SPACE, txn }).unwrap();
    assert_eq!(plan.answer, Answer::Txn(read));
    assert!(!then(vec![Op::Txn(then(vec![Op::Delete(delete(one("a")))]))]).is_read_only());
}
