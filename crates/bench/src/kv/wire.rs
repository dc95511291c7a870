//! The few etcd messages that the load needs, written and read by hand.
//!
//! Why by hand: a load generator shares the machine with the server it measures, and a message whose bytes are known but for
//! a key and a value costs almost nothing this way. Field numbers are the protocol's.

use crate::error::{Error, Result};

pub(super) const RANGE: &str = "/etcdserverpb.KV/Range";
pub(super) const PUT: &str = "/etcdserverpb.KV/Put";
pub(super) const TXN: &str = "/etcdserverpb.KV/Txn";
pub(super) const LEASE_GRANT: &str = "/etcdserverpb.Lease/LeaseGrant";
pub(super) const WATCH: &str = "/etcdserverpb.Watch/Watch";
pub(super) const SNAPSHOT: &str = "/etcdserverpb.Maintenance/Snapshot";

/// How a range is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Read {
    Linearizable,
    Serializable,
}

/// Appends a field of a number; zero is not written, as everywhere in proto3.
fn number(out: &mut Vec<u8>, field: u32, value: u64) {
    if value != 0 {
        varint(out, u64::from(field) << 3);
        varint(out, value);
    }
}

/// Appends a field of bytes, a text or a message.
fn bytes(out: &mut Vec<u8>, field: u32, value: &[u8]) {
    varint(out, u64::from(field) << 3 | 2);
    varint(out, value.len() as u64);
    out.extend_from_slice(value);
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn message(field: u32, inner: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(inner.len() + 8);
    bytes(&mut out, field, inner);
    out
}

pub(super) fn put(key: &[u8], value: &[u8], lease: u64) -> Vec<u8> {
    let mut out = Vec::with_capacity(key.len() + value.len() + 24);
    bytes(&mut out, 1, key);
    bytes(&mut out, 2, value);
    number(&mut out, 3, lease);
    out
}

pub(super) fn get(key: &[u8], read: Read) -> Vec<u8> {
    let mut out = Vec::with_capacity(key.len() + 8);
    bytes(&mut out, 1, key);
    number(&mut out, 7, u64::from(read == Read::Serializable));
    out
}

/// All keys from one to before another.
pub(super) fn range(from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    bytes(&mut out, 1, from);
    bytes(&mut out, 2, to);
    out
}

/// If there is `key`: put it, and read another.
pub(super) fn put_and_get_if_there(key: &[u8], value: &[u8], other: &[u8]) -> Vec<u8> {
    const GREATER: u64 = 1;
    const CREATE_REVISION: u64 = 1;
    let mut compare = Vec::new();
    number(&mut compare, 1, GREATER);
    number(&mut compare, 2, CREATE_REVISION);
    bytes(&mut compare, 3, key);
    // One of several that may be there, so it is written although it is zero.
    compare.extend([5 << 3, 0]);
    let mut out = message(1, &compare);
    bytes(&mut out, 2, &message(2, &put(key, value, 0)));
    bytes(&mut out, 2, &message(1, &get(other, Read::Linearizable)));
    out
}

/// Puts all of these in one transaction.
pub(super) fn put_all<'a>(keys: impl Iterator<Item = &'a [u8]>, value: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for key in keys {
        bytes(&mut out, 2, &message(2, &put(key, value, 0)));
    }
    out
}

pub(super) fn lease_grant(ttl_s: u64) -> Vec<u8> {
    let mut out = Vec::new();
    number(&mut out, 1, ttl_s);
    out
}

/// Makes a watcher of all keys from one to before another.
pub(super) fn watch_create(from: &[u8], to: &[u8]) -> Vec<u8> {
    message(1, &range(from, to))
}

/// A field of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

impl<'a> Value<'a> {
    fn bytes(self) -> Option<&'a [u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            Self::Number(_) => None,
        }
    }

    fn number(self) -> Option<u64> {
        match self {
            Self::Number(number) => Some(number),
            Self::Bytes(_) => None,
        }
    }
}

/// The fields of a message, until its end or until what is none.
pub(super) fn fields(mut rest: &[u8]) -> impl Iterator<Item = (u64, Value<'_>)> {
    std::iter::from_fn(move || {
        let tag = take_varint(&mut rest)?;
        let value = match tag & 7 {
            0 => Value::Number(take_varint(&mut rest)?),
            2 => {
                let len = usize::try_from(take_varint(&mut rest)?).ok()?;
                let (value, after) = rest.split_at_checked(len)?;
                rest = after;
                Value::Bytes(value)
            }
            _ => return None,
        };
        Some((tag >> 3, value))
    })
}

fn take_varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn find(message: &[u8], field: u64) -> Option<Value<'_>> {
    fields(message)
        .find(|(number, _)| *number == field)
        .map(|(_, value)| value)
}

/// The lease that was granted.
pub(super) fn lease_of(message: &[u8]) -> Result<u64> {
    let id = find(message, 2).and_then(Value::number);
    id.ok_or_else(|| unexpected("LeaseGrant", "a lease's id"))
}

/// Ends the run unless the comparison held.
pub(super) fn expect_succeeded(message: &[u8]) -> Result<()> {
    match find(message, 2).and_then(Value::number) {
        Some(1) => Ok(()),
        _ => Err(unexpected("Txn", "a comparison that holds")),
    }
}

/// Ends the run unless so many keys were found.
pub(super) fn expect_keys(message: &[u8], count: usize) -> Result<()> {
    let found = fields(message).filter(|(number, _)| *number == 2).count();
    if found == count {
        Ok(())
    } else {
        Err(Error::Answer {
            request: "Range".into(),
            expected: format!("{count} keys"),
            got: found.to_string(),
        })
    }
}

/// The values of the events in a watcher's message.
pub(super) fn event_values(message: &[u8]) -> impl Iterator<Item = &[u8]> {
    fields(message)
        .filter(|(number, _)| *number == 11)
        .filter_map(|(_, event)| find(find(event.bytes()?, 2)?.bytes()?, 5)?.bytes())
}

/// Whether a watcher's message says that it was made.
pub(super) fn is_created(message: &[u8]) -> bool {
    find(message, 3) == Some(Value::Number(1)) && find(message, 4).is_none()
}

/// The length of a snapshot's piece.
pub(super) fn piece_len(message: &[u8]) -> usize {
    find(message, 3).and_then(Value::bytes).map_or(0, <[u8]>::len)
}

fn unexpected(request: &str, expected: &str) -> Error {
    Error::Answer {
        request: request.into(),
        expected: expected.into(),
        got: "another answer".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects: the server is asked for what the figure says; these bytes are what etcd's own client sends.
    #[test]
    fn requests_are_written_as_the_protocol_says() {
        assert_eq!(put(b"k", b"v", 300), b"\x0a\x01k\x12\x01v\x18\xac\x02");
        assert_eq!(get(b"k", Read::Linearizable), b"\x0a\x01k");
        assert_eq!(get(b"k", Read::Serializable), b"\x0a\x01k\x38\x01");
        assert_eq!(watch_create(b"a", b"b"), b"\x0a\x06\x0a\x01a\x12\x01b");
        let txn = put_and_get_if_there(b"k", b"v", b"o");
        let compare = b"\x0a\x09\x08\x01\x10\x01\x1a\x01k\x28\x00".as_slice();
        let then = b"\x12\x08\x12\x06\x0a\x01k\x12\x01v\x12\x05\x0a\x03\x0a\x01o".as_slice();
        assert_eq!(txn, [compare, then].concat());
    }

    /// Protects: events are counted and timed by their values, and a watcher that was refused is not taken for one.
    #[test]
    fn answers_are_read() {
        let event = message(2, &put(b"key", b"", 0));
        let mut watch = message(1, b"");
        bytes(&mut watch, 11, &event);
        assert_eq!(event_values(&watch).count(), 0);
        let mut kv = message(1, b"key");
        bytes(&mut kv, 5, b"value");
        bytes(&mut watch, 11, &message(2, &kv));
        assert_eq!(event_values(&watch).collect::<Vec<_>>(), [b"value"]);
        assert!(is_created(b"\x18\x01") && !is_created(b"\x18\x01\x20\x01") && !is_created(b"\x10\x05"));
        assert_eq!(lease_of(b"\x0a\x00\x10\xac\x02\x18\x05").unwrap(), 300);
        assert!(expect_succeeded(b"\x10\x01").is_ok() && expect_succeeded(b"\x0a\x00").is_err());
        assert!(expect_keys(b"\x12\x00\x12\x00", 2).is_ok() && expect_keys(b"", 1).is_err());
        assert_eq!(piece_len(b"\x10\x05\x1a\x02xy"), 2);
    }

    /// Protects: an answer that is cut short is an end, not a panic.
    #[test]
    fn broken_messages_end() {
        for broken in [b"\x12\x05ab".as_slice(), b"\x80", b"\x0d\x00", b"\xff"] {
            assert_eq!(fields(broken).count(), 0, "{broken:?}");
        }
    }
}
