//! Reads.

use koinon_core_kv::{KvError, Op, Range, Sort, SortBy};

use crate::support::{Driven, Untouched, between, delete, everything, one, range, shown};

/// b=1 (written twice), a=3, c=2.
fn three() -> Driven {
    let mut kv = Driven::new();
    kv.put("b", "0");
    kv.put("a", "3");
    kv.put("c", "2");
    kv.put("b", "1");
    kv
}

fn sorted(by: SortBy, descending: bool) -> Range {
    let sort = Some(Sort {
        by,
        descending,
        after_limit: false,
    });
    Range {
        sort,
        ..range(everything())
    }
}

/// Ranges hold their first key and not their end; one that ends before it begins holds nothing.
#[test]
fn ranges_are_half_open() {
    let kv = three();
    let read = |keys| shown(&kv.range(&range(keys)).unwrap());
    assert_eq!(read(between("a", "c")), "a=3 b=1");
    assert_eq!(read(between("a", "a")), "");
    assert_eq!(read(between("c", "a")), "");
    assert_eq!(read(koinon_core_kv::Keys::From("b".into())), "b=1 c=2");
    assert_eq!(read(one("b")), "b=1");
    assert_eq!(read(one("bb")), "");
}

/// The limit cuts the answer and says so; the count is of the whole range.
#[test]
fn the_limit_cuts_and_the_count_does_not() {
    let kv = three();
    let answer = kv
        .range(&Range {
            limit: 2,
            ..range(everything())
        })
        .unwrap();
    assert_eq!(
        (shown(&answer).as_str(), answer.more, answer.count),
        ("a=3 b=1", true, 3)
    );
    let answer = kv
        .range(&Range {
            limit: 3,
            ..range(everything())
        })
        .unwrap();
    assert_eq!((answer.records.len(), answer.more), (3, false));
}

/// What is sorted is sorted before it is cut, by every field and both ways.
#[test]
fn sorting_comes_before_the_limit() {
    let kv = three();
    let first = |by, descending| {
        shown(
            &kv.range(&Range {
                limit: 1,
                ..sorted(by, descending)
            })
            .unwrap(),
        )
    };
    assert_eq!(
        (first(SortBy::Key, false), first(SortBy::Key, true)),
        ("a=3".into(), "c=2".into())
    );
    assert_eq!(
        (first(SortBy::Version, false), first(SortBy::Version, true)),
        ("a=3".into(), "b=1".into())
    );
    assert_eq!(
        (first(SortBy::Create, false), first(SortBy::Create, true)),
        ("b=1".into(), "c=2".into())
    );
    assert_eq!(
        (first(SortBy::Mod, false), first(SortBy::Mod, true)),
        ("a=3".into(), "b=1".into())
    );
    assert_eq!(
        (first(SortBy::Value, false), first(SortBy::Value, true)),
        ("b=1".into(), "a=3".into())
    );
}

/// A client of etcd that names a field and no direction gets the first keys of the range, sorted: the limit comes first.
#[test]
fn an_order_without_direction_sorts_what_the_limit_left() {
    let kv = three();
    let sort = Some(Sort {
        by: SortBy::Value,
        descending: false,
        after_limit: true,
    });
    let answer = kv
        .range(&Range {
            limit: 1,
            sort,
            ..range(everything())
        })
        .unwrap();
    assert_eq!(
        (shown(&answer).as_str(), answer.more),
        ("b=1", true),
        "a and b were read, c was not"
    );
}

/// Bounds on revisions drop keys before the limit, and do not change the count.
#[test]
fn bounds_drop_keys_and_not_the_count() {
    let kv = three();
    let bounds = Range {
        mod_revision: (4, 5),
        create_revision: (0, 3),
        limit: 1,
        ..range(everything())
    };
    let answer = kv.range(&bounds).unwrap();
    assert_eq!(
        (shown(&answer).as_str(), answer.more, answer.count),
        ("b=1", false, 3)
    );
}

/// Counting and listing keys reads no record.
#[test]
fn no_record_is_read_without_need() {
    let kv = three();
    for range in [
        Range {
            count_only: true,
            ..range(everything())
        },
        Range {
            keys_only: true,
            ..range(everything())
        },
        Range {
            keys_only: true,
            ..sorted(SortBy::Mod, true)
        },
        Range {
            keys_only: true,
            revision: 3,
            ..range(one("b"))
        },
    ] {
        let answer = kv.space().range(&range, &Untouched).unwrap();
        assert!(answer.count > 0, "{range:?}");
    }
}

/// The past is read as it was, also of keys deleted since; the future is refused.
#[test]
fn the_past_stays() {
    let mut kv = three();
    kv.op(Op::Delete(delete(everything()))).unwrap();
    assert_eq!(kv.dump(0).unwrap(), "");
    assert_eq!(kv.dump(5).unwrap(), "a=3 b=1 c=2");
    assert_eq!(kv.dump(3).unwrap(), "a=3 b=0");
    assert_eq!(kv.dump(1).unwrap(), "");
    assert!(matches!(
        kv.dump(7),
        Err(KvError::FutureRevision { asked: 7, current: 6 })
    ));
}

/// A read in pieces answers as of when it began, whatever happens in between.
#[test]
fn a_read_in_pieces_is_of_one_moment() {
    let mut kv = three();
    let mut reading = kv.space().begin(&range(everything())).unwrap();
    assert!(!kv.space().collect(&mut reading, 1));
    kv.put("b", "late");
    kv.put("bb", "late");
    kv.delete("c");
    while !kv.space().collect(&mut reading, 1) {}
    let answer = reading.load(crate::support::SPACE, &kv.kept).unwrap();
    assert_eq!(
        (shown(&answer).as_str(), answer.revision, answer.count),
        ("a=3 b=1 c=2", 5, 3)
    );
}
