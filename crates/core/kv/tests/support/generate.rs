//! Generated requests: few keys, few leases and few revisions, so that they meet.

use bytes::Bytes;
use koinon_core_kv::{
    Command, Compare, CompareTarget, Delete, Keys, LeaseId, Op, Ordering, Put, Range, Sort, SortBy, Txn,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::SPACE;

pub(crate) fn key() -> impl Strategy<Value = Bytes> {
    let keys: [&'static [u8]; 8] = [b"a", b"a\0", b"ab", b"b", b"bb", b"c", b"\xff", b"\xff\xff"];
    select(keys.to_vec()).prop_map(Bytes::from_static)
}

pub(crate) fn value() -> impl Strategy<Value = Bytes> {
    let values: [&'static [u8]; 4] = [b"", b"1", b"2", b"three"];
    select(values.to_vec()).prop_map(Bytes::from_static)
}

pub(crate) fn keys() -> impl Strategy<Value = Keys> {
    prop_oneof![
        4 => key().prop_map(Keys::One),
        2 => (key(), key()).prop_map(|(first, end)| Keys::Between(first, end)),
        1 => key().prop_map(|prefix| Keys::prefixed(&prefix)),
        1 => key().prop_map(Keys::From),
        1 => Just(Keys::prefixed(&[])),
    ]
}

pub(crate) fn lease() -> impl Strategy<Value = LeaseId> {
    prop_oneof![3 => Just(LeaseId::NONE), 2 => (1..4_i64).prop_map(LeaseId)]
}

fn revision() -> impl Strategy<Value = i64> {
    prop_oneof![3 => Just(0), 2 => 1..30_i64, 1 => -2..0_i64]
}

pub(crate) fn range() -> impl Strategy<Value = Range> {
    let bounds = || prop_oneof![3 => Just((0, 0)), 1 => (0..20_i64, 0..20_i64)];
    let shape = (any::<bool>(), prop::bool::weighted(0.2));
    (
        keys(),
        revision(),
        -1..5_i64,
        option::of(sort()),
        shape,
        bounds(),
        bounds(),
    )
        .prop_map(
            |(keys, revision, limit, sort, (keys_only, count_only), mod_revision, create_revision)| Range {
                keys,
                revision,
                limit,
                sort,
                keys_only,
                count_only,
                mod_revision,
                create_revision,
            },
        )
}

fn sort() -> impl Strategy<Value = Sort> {
    let fields = vec![
        SortBy::Key,
        SortBy::Version,
        SortBy::Create,
        SortBy::Mod,
        SortBy::Value,
    ];
    (select(fields), any::<bool>(), any::<bool>()).prop_map(|(by, descending, after_limit)| Sort {
        by,
        descending,
        after_limit,
    })
}

pub(crate) fn put() -> impl Strategy<Value = Put> {
    let kept = |it| prop_oneof![4 => it, 1 => Just(None)];
    let value = kept(value().prop_map(Some).boxed());
    let lease = prop_oneof![4 => lease().prop_map(Some), 1 => Just(None)];
    (key(), value, lease, any::<bool>()).prop_map(|(key, value, lease, prev_kv)| Put {
        key,
        value,
        lease,
        prev_kv,
    })
}

pub(crate) fn delete() -> impl Strategy<Value = Delete> {
    (keys(), any::<bool>()).prop_map(|(keys, prev_kv)| Delete { keys, prev_kv })
}

pub(crate) fn compare() -> impl Strategy<Value = Compare> {
    let orderings = vec![
        Ordering::Equal,
        Ordering::Greater,
        Ordering::Less,
        Ordering::NotEqual,
    ];
    let target = prop_oneof![
        (0..4_i64).prop_map(CompareTarget::Version),
        (0..20_i64).prop_map(CompareTarget::Create),
        (0..20_i64).prop_map(CompareTarget::Mod),
        (0..4_i64).prop_map(CompareTarget::Lease),
        value().prop_map(CompareTarget::Value),
    ];
    (keys(), select(orderings), target).prop_map(|(keys, ordering, target)| Compare {
        keys,
        ordering,
        target,
    })
}

/// Transactions, up to three deep.
pub(crate) fn txn() -> impl Strategy<Value = Txn> {
    let flat = txn_of(op().boxed(), 4);
    let nested =
        |inner: BoxedStrategy<Txn>| txn_of(prop_oneof![3 => op(), 1 => inner.prop_map(Op::Txn)].boxed(), 3);
    let deep = nested(nested(flat.clone()));
    prop_oneof![
        3 => op().prop_map(Txn::of),
        2 => flat,
        2 => deep,
    ]
}

fn txn_of(op: BoxedStrategy<Op>, most: usize) -> BoxedStrategy<Txn> {
    let ops = || vec(op.clone(), 0..most);
    (vec(compare(), 0..3), ops(), ops())
        .prop_map(|(compare, then, or_else)| Txn {
            compare,
            then,
            or_else,
        })
        .boxed()
}

fn op() -> impl Strategy<Value = Op> + Clone {
    prop_oneof![
        5 => put().prop_map(Op::Put),
        2 => delete().prop_map(Op::Delete),
        2 => range().prop_map(Op::Range),
    ]
    .boxed()
}

pub(crate) fn command() -> impl Strategy<Value = Command> {
    let space = SPACE;
    let ttl_s = prop_oneof![4 => 1..100_i64, 1 => select(vec![-1, 0, 9_000_000_000, 9_000_000_001])];
    prop_oneof![
        12 => txn().prop_map(move |txn| Command::Txn { space, txn }),
        1 => (-1..30_i64).prop_map(move |revision| Command::Compact { space, revision }),
        2 => (lease(), ttl_s).prop_map(move |(id, ttl_s)| Command::LeaseGrant { space, id, ttl_s }),
        1 => lease().prop_map(move |id| Command::LeaseRevoke { space, id }),
    ]
}
