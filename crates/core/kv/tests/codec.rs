//! The laws of the encodings.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test code")]

#[path = "support/mod.rs"]
mod support;

use bytes::Bytes;
use koinon_core_kv::{CodecError, Command, KeyValue, LeaseId, NESTING_MAX, Op, Record, SpaceId, Txn};
use proptest::prelude::*;

use support::{SPACE, generate};

fn encoded(command: &Command) -> Bytes {
    let mut bytes = Vec::new();
    command.encode(&mut bytes);
    bytes.into()
}

fn encoded_record(record: &Record) -> Bytes {
    let mut bytes = Vec::new();
    record.encode(&mut bytes);
    bytes.into()
}

fn record() -> impl Strategy<Value = Record> {
    let figures = (1..i64::MAX, any::<i64>(), 1..i64::MAX);
    let put = (generate::key(), generate::value(), figures, 0..50_i64).prop_map(
        |(key, value, (version, lease, create), later)| {
            Record::Put(KeyValue {
                key,
                value,
                create_revision: create,
                mod_revision: create.saturating_add(later),
                version,
                lease: LeaseId(lease),
            })
        },
    );
    let tombstone = (generate::key(), any::<i64>())
        .prop_map(|(key, mod_revision)| Record::Tombstone { key, mod_revision });
    prop_oneof![put, tombstone]
}

proptest! {
    /// A command that was encoded decodes to the same, and no part of it alone is a command.
    #[test]
    fn commands_survive(command in generate::command(), cut in any::<prop::sample::Index>()) {
        let bytes = encoded(&command);
        prop_assert_eq!(Command::decode(bytes.clone()).unwrap(), command);
        let cut = cut.index(bytes.len());
        prop_assert!(Command::decode(bytes.slice(..cut)).is_err(), "{} bytes of {}", cut, bytes.len());
        prop_assert_eq!(Command::decode([&bytes[..], &[0]].concat().into()), Err(CodecError::Trailing(1)));
    }

    /// Damaged commands are refused or decode to something that has exactly these bytes; nothing panics.
    #[test]
    fn damaged_commands_have_one_encoding(command in generate::command(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = encoded(&command).to_vec();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(decoded) = Command::decode(bytes.clone().into()) {
            prop_assert_eq!(encoded(&decoded), bytes);
        }
    }

    /// The same for records.
    #[test]
    fn records_survive(record in record(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let bytes = encoded_record(&record);
        prop_assert_eq!(record.encoded_len(), bytes.len());
        prop_assert_eq!(Record::decode(bytes.clone()).unwrap(), record);
        let mut damaged = bytes.to_vec();
        damaged[at.index(bytes.len())] = byte;
        if let Ok(decoded) = Record::decode(damaged.clone().into()) {
            prop_assert_eq!(encoded_record(&decoded), damaged);
        }
    }

    /// No bytes whatever make a decoder panic.
    #[test]
    fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(decoded) = Command::decode(bytes.clone().into()) {
            prop_assert_eq!(encoded(&decoded), bytes.clone());
        }
        if let Ok(decoded) = Record::decode(bytes.clone().into()) {
            prop_assert_eq!(encoded_record(&decoded), bytes);
        }
    }
}

/// The bytes of today stay readable for ever: they are on disks. A change of these lines needs a new version byte.
#[test]
fn the_bytes_are_these() {
    let put = Command::Txn {
        space: SpaceId::ETCD,
        txn: Txn::of(Op::Put(support::put("k", "v"))),
    };
    assert_eq!(
        encoded(&put)[..],
        [1, 1, 1, 0, 1, 2, 1, b'k', 1, 1, b'v', 1, 0, 0, 0]
    );
    let (space, id) = (SPACE, LeaseId(-1));
    assert_eq!(
        encoded(&Command::Compact { space, revision: 300 })[..],
        [1, 2, 1, 0xd8, 4]
    );
    assert_eq!(
        encoded(&Command::LeaseGrant { space, id, ttl_s: 60 })[..],
        [1, 3, 1, 1, 120]
    );
    assert_eq!(encoded(&Command::LeaseRevoke { space, id })[..], [1, 4, 1, 1]);
    let deleted = Record::Tombstone {
        key: support::bytes("k"),
        mod_revision: 258,
    };
    assert_eq!(encoded_record(&deleted)[..], [2, 2, 1, 0, 0, 0, 0, 0, 0, b'k']);
}

/// Values are not copied: what was decoded lies in the bytes it came in.
#[test]
fn values_are_not_copied() {
    let record = Record::Put(KeyValue {
        key: support::bytes("k"),
        value: support::bytes("value"),
        create_revision: 2,
        mod_revision: 2,
        version: 1,
        lease: LeaseId::NONE,
    });
    let bytes = encoded_record(&record);
    let Ok(Record::Put(kv)) = Record::decode(bytes.clone()) else {
        panic!("it is a put")
    };
    assert!(bytes.as_ptr_range().contains(&kv.value.as_ptr()));
    assert!(bytes.as_ptr_range().contains(&kv.key.as_ptr()));
}

/// Nesting is bounded where it is read: bytes cannot make the stack overflow, however many levels they claim.
#[test]
fn nesting_is_bounded() {
    let nested = |levels: usize| {
        let innermost = Txn::default();
        let txn = (1..levels).fold(innermost, |inner, _| Txn::of(Op::Txn(inner)));
        encoded(&Command::Txn { space: SPACE, txn })
    };
    assert!(Command::decode(nested(NESTING_MAX)).is_ok());
    assert_eq!(
        Command::decode(nested(NESTING_MAX + 1)),
        Err(CodecError::OutOfBounds("depth of transactions"))
    );
    let endless = [&[1, 1, 1][..], &[0, 1, 4].repeat(1_000_000)].concat();
    assert!(Command::decode(endless.into()).is_err());
}

/// A put of version 0 would be taken for a deletion, and a key must not be empty: such records are damaged.
#[test]
fn impossible_records_are_refused() {
    let mut bytes = vec![1];
    for figure in [5_i64, 5, 0, 0] {
        bytes.extend(figure.to_le_bytes());
    }
    bytes.extend([1, 0, 0, 0, b'k']);
    assert_eq!(
        Record::decode(bytes.clone().into()),
        Err(CodecError::OutOfBounds("record version"))
    );
    bytes[17] = 1;
    assert!(Record::decode(bytes.clone().into()).is_ok());
    bytes[33] = 2;
    assert_eq!(
        Record::decode(bytes.into()),
        Err(CodecError::Truncated("record key"))
    );
    assert_eq!(
        Record::decode(vec![2, 1, 0, 0, 0, 0, 0, 0, 0].into()),
        Err(CodecError::OutOfBounds("record key"))
    );
}
