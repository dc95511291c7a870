//! Whose watch a key is in, and what there is to tell.

use bytes::Bytes;
use koinon_core_kv::{Keys, Op, Txn, Watchers};
use proptest::prelude::*;

use crate::support::{Driven, SPACE, between, bytes, delete, everything, generate, one, put, told};

fn matching(watchers: &Watchers<u32>, key: &[u8]) -> Vec<u32> {
    let mut found = Vec::new();
    watchers.matching(key, |watch| found.push(*watch));
    found.sort_unstable();
    found
}

/// Single keys, prefixes, all keys and other ranges are found side by side, and are gone once removed.
#[test]
fn every_kind_of_watch_is_found() {
    let mut watchers = Watchers::new();
    let watches = [
        one("ab"),
        Keys::prefixed(b"a"),
        Keys::prefixed(b"ab"),
        everything(),
        between("aa", "az"),
        Keys::From(bytes("b")),
        one("ab"),
        between("ab", "ab"),
    ];
    for (nth, keys) in (0..).zip(&watches) {
        watchers.insert(keys, nth);
    }
    assert_eq!(matching(&watchers, b"ab"), [0, 1, 2, 3, 4, 6]);
    assert_eq!(matching(&watchers, b"abc"), [1, 2, 3, 4]);
    assert_eq!(matching(&watchers, b"b"), [3, 5]);
    assert!(watchers.remove(&one("ab"), &0));
    assert!(!watchers.remove(&one("ab"), &0), "it is gone");
    assert!(watchers.remove(&Keys::prefixed(b"ab"), &2));
    assert_eq!(matching(&watchers, b"ab"), [1, 3, 4, 6]);
    assert_eq!(watchers.len(), 6);
}

/// A prefix that ends in 0xff bytes ends where the longest shorter one does; one of them alone has no end.
#[test]
fn prefixes_end_where_they_should() {
    let raw = |key: &'static [u8]| Bytes::from_static(key);
    assert_eq!(Keys::prefixed(b"a\xff"), Keys::Between(raw(b"a\xff"), raw(b"b")));
    assert_eq!(Keys::prefixed(b"\xff"), Keys::From(raw(b"\xff")));
}

proptest! {
    /// Whatever is watched and no more watched, a key is in exactly the watches whose range holds it, in each once.
    #[test]
    fn a_key_is_in_the_watches_that_hold_it(
        added in proptest::collection::vec((generate::keys(), any::<bool>()), 0..30),
        keys in proptest::collection::vec(generate::key(), 1..10),
    ) {
        let mut watchers = Watchers::new();
        for (nth, (range, _)) in (0..).zip(&added) {
            watchers.insert(range, nth);
        }
        let mut left = Vec::new();
        for (nth, (range, removed)) in (0..).zip(&added) {
            if *removed {
                prop_assert!(watchers.remove(range, &nth));
            } else {
                left.push((nth, range));
            }
        }
        prop_assert_eq!(watchers.len(), left.len());
        for key in keys {
            let held: Vec<u32> = left.iter().filter(|(_, range)| range.contain(&key)).map(|(nth, _)| *nth).collect();
            prop_assert_eq!(matching(&watchers, &key), held);
        }
    }
}

/// What a plan writes is what there is to tell, in the order in which it happened, deletions of a lease included.
#[test]
fn a_plan_tells_what_happened() {
    let mut kv = Driven::new();
    kv.grant(5, 60).unwrap();
    kv.put("a", "1");
    kv.put_leased("l", 5).unwrap();
    let then = vec![
        Op::Put(put("c", "2")),
        Op::Delete(delete(one("a"))),
        Op::Delete(delete(one("a"))),
    ];
    let txn = Txn {
        then,
        ..Txn::default()
    };
    let plan = kv
        .apply(&koinon_core_kv::Command::Txn { space: SPACE, txn })
        .unwrap();
    assert_eq!(told(&plan.records), "4.0 c=2, 4.1 -a");
    assert_eq!(told(&kv.revoke(5).unwrap().records), "5.0 -l");
}

/// What was there before a change is found one revision before it, as long as that is not compacted.
#[test]
fn the_value_before_is_found() {
    let mut kv = Driven::new();
    let first = kv.put("a", "1");
    let second = kv.put("a", "2");
    let gone = kv.delete("a");
    let before = |kv: &Driven, main: i64| kv.space().find(b"a", main - 1).map(|at| at.map(|at| at.main));
    assert_eq!(before(&kv, second).unwrap(), Some(first));
    assert_eq!(before(&kv, gone).unwrap(), Some(second));
    assert_eq!(before(&kv, first).unwrap(), None);
    kv.compact(gone).unwrap();
    assert!(before(&kv, gone).is_err());
}
