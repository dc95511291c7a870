//! Forgetting history.

use koinon_core_kv::{KvError, Op, Revision, Txn};

use crate::support::{Driven, delete, everything, one, put, range};

/// Five revisions of `a` and `b`: a=1 @2, b=1 @3, a=2 @4, a deleted @5, b=2 @6.
fn history() -> Driven {
    let mut kv = Driven::new();
    kv.put("a", "1");
    kv.put("b", "1");
    kv.put("a", "2");
    kv.delete("a");
    kv.put("b", "2");
    kv
}

fn at(main: i64) -> Revision {
    Revision::new(main, 0)
}

/// What is compacted is refused at once, before anything is removed; the compacted revision itself stays readable.
#[test]
fn compaction_holds_at_once() {
    let mut kv = history();
    kv.compact(4).unwrap();
    assert!(matches!(
        kv.dump(3),
        Err(KvError::Compacted {
            asked: 3,
            compacted: 4
        })
    ));
    assert_eq!(kv.dump(4).unwrap(), "a=2 b=1");
    assert_eq!(kv.dump(0).unwrap(), "b=2");
}

/// Compacting twice at a revision, before it, or beyond the present is refused in etcd's two ways. A fresh keyspace can be
/// compacted at 0 once.
#[test]
fn compaction_out_of_bounds_is_refused() {
    let mut kv = history();
    kv.compact(0).unwrap();
    assert!(matches!(kv.compact(0), Err(KvError::Compacted { .. })));
    kv.compact(4).unwrap();
    assert!(matches!(
        kv.compact(4),
        Err(KvError::Compacted {
            asked: 4,
            compacted: 4
        })
    ));
    assert!(matches!(
        kv.compact(7),
        Err(KvError::FutureRevision { asked: 7, current: 6 })
    ));
    kv.compact(6).unwrap();
}

/// A pass removes what nobody can read, and no more: the value that holds at the compacted revision stays.
#[test]
fn a_pass_removes_what_nobody_can_read() {
    let mut kv = history();
    kv.compact(4).unwrap();
    assert_eq!(kv.sweep(None, 1), [at(2)], "a=1, replaced at 4");
    assert_eq!(kv.dump(4).unwrap(), "a=2 b=1");
    assert!(kv.space().sweep(None).is_none(), "nothing is left to do");
}

/// A deletion at the compacted revision can still be watched, so it stays; a later compaction removes it.
#[test]
fn a_deletion_stays_while_it_can_be_watched() {
    let mut kv = history();
    kv.compact(5).unwrap();
    assert_eq!(kv.sweep(None, 100), [at(2), at(4)], "a's values");
    kv.compact(6).unwrap();
    assert_eq!(kv.sweep(None, 100), [at(5), at(3)], "a's deletion, and b=1");
    assert_eq!(kv.space().find(b"a", 6).unwrap(), None);
}

/// Who reads in the past keeps it from being removed, not from being compacted; when he is done, it goes.
#[test]
fn a_pin_holds_removal_back() {
    let mut kv = history();
    let mut reading = kv
        .space()
        .begin(&koinon_core_kv::Range {
            revision: 3,
            ..range(everything())
        })
        .unwrap();
    kv.compact(6).unwrap();
    assert_eq!(kv.sweep(Some(3), 1), [], "a=1 and b=1 hold at 3");
    assert!(kv.dump(3).is_err(), "nobody new gets there");
    while !kv.space().collect(&mut reading, 1) {}
    let answer = reading.load(crate::support::SPACE, &kv.kept).unwrap();
    assert_eq!(crate::support::shown(&answer), "a=1 b=1");
    assert_eq!(answer.revision, 6);
    assert_eq!(kv.sweep(None, 1), [at(2), at(4), at(5), at(3)]);
}

/// The revision does not go back when the youngest record is compacted away and the machine starts anew.
#[test]
fn a_restart_keeps_the_revision() {
    let mut kv = Driven::new();
    kv.put("a", "1");
    kv.delete("a");
    kv.put("b", "1");
    kv.delete("b");
    kv.put("c", "1");
    kv.op(Op::Delete(delete(everything()))).unwrap();
    kv.compact(7).unwrap();
    kv.sweep(None, 1);
    kv.restart();
    assert_eq!((kv.revision(), kv.space().compacted()), (7, 7));
    assert_eq!(kv.put("a", "2"), 8);
    assert_eq!(
        kv.op(Op::Range(range(one("a")))).unwrap(),
        kv.op(Op::Range(range(everything()))).unwrap()
    );
}

/// A key created anew counts its versions and its creation anew, and its earlier life stays readable.
#[test]
fn a_key_lives_twice() {
    let mut kv = history();
    kv.put("a", "3");
    assert_eq!(kv.dump(2).unwrap(), "a=1");
    assert_eq!(kv.dump(5).unwrap(), "b=1");
    let answer = kv.range(&range(one("a"))).unwrap();
    let [record] = &answer.records[..] else {
        panic!("one key")
    };
    let koinon_core_kv::Record::Put(kv) = record.as_ref() else {
        panic!("it exists")
    };
    assert_eq!((kv.create_revision, kv.mod_revision, kv.version), (7, 7, 1));
}

/// A key that one transaction deletes and puts again is there afterwards, with its life begun anew.
#[test]
fn deleted_and_put_in_one_revision() {
    let mut kv = history();
    let from_a = koinon_core_kv::Keys::From(crate::support::bytes("a"));
    let then = vec![Op::Delete(delete(from_a)), Op::Put(put("b", "3"))];
    kv.txn(Txn {
        then,
        ..Txn::default()
    })
    .unwrap();
    assert_eq!(kv.dump(0).unwrap(), "b=3");
    kv.compact(7).unwrap();
    kv.sweep(None, 1);
    kv.restart();
    assert_eq!(kv.dump(7).unwrap(), "b=3");
}
