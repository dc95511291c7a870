//! What clients ask: one operation is one request or, where a lease is granted first, two.

use std::time::Instant;

use super::wire::{self, Read};
use crate::error::Result;

/// A prime, so that walking in its steps visits every key once and neighbours in time are strangers in memory.
const STRIDE: usize = 7_919;
/// No lease runs out while it is measured.
const LEASE_TTL_S: u64 = 3_600;
pub(super) const VALUE_LEN: usize = 256;
/// Keys of one range.
pub(super) const RANGE_KEYS: usize = 1_000;
/// Keys of one transaction while filling: as many as fit a frame.
const FILL_KEYS: usize = 40;
/// The first bytes of a value say when it was put.
const STAMP_LEN: usize = 8;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Put,
    Get(Read),
    /// If the key is there, put it and read another.
    Txn,
    LeaseAndPut,
    Range,
    /// Puts keys in their order, many in a transaction.
    Fill,
}

/// A path and a message.
pub(super) type Request = (&'static str, Vec<u8>);

#[derive(Debug)]
pub(super) struct Work {
    kind: Kind,
    keys: usize,
    turn: usize,
    value: Vec<u8>,
    epoch: Instant,
}

impl Work {
    /// Work on so many keys.
    pub(super) fn new(kind: Kind, keys: usize) -> Self {
        Self {
            kind,
            keys,
            turn: 0,
            value: value(),
            epoch: Instant::now(),
        }
    }

    /// The first request of the next operation, which is due at `from`.
    pub(super) fn begin(&mut self, from: Instant) -> Request {
        self.turn += 1;
        let key = key(self.turn * STRIDE % self.keys);
        match self.kind {
            Kind::Put => (wire::PUT, wire::put(&key, self.stamped(from), 0)),
            Kind::Get(read) => (wire::RANGE, wire::get(&key, read)),
            Kind::Txn => {
                let other = self::key((self.turn + 1) * STRIDE % self.keys);
                let txn = wire::put_and_get_if_there(&key, &self.value, &other);
                (wire::TXN, txn)
            }
            Kind::LeaseAndPut => (wire::LEASE_GRANT, wire::lease_grant(LEASE_TTL_S)),
            Kind::Range => {
                let first = self.turn * STRIDE % (self.keys - RANGE_KEYS);
                let (from, to) = (self::key(first), self::key(first + RANGE_KEYS));
                (wire::RANGE, wire::range(&from, &to))
            }
            Kind::Fill => {
                let first = (self.turn - 1) * FILL_KEYS;
                let keys: Vec<Vec<u8>> = (first..first + FILL_KEYS)
                    .map(|number| self::key(number % self.keys))
                    .collect();
                let keys = keys.iter().map(Vec::as_slice);
                (wire::TXN, wire::put_all(keys, &self.value))
            }
        }
    }

    /// The operation's next request, after its `step`th was answered; `None` at its end.
    pub(super) fn go_on(&mut self, step: u8, message: &[u8]) -> Result<Option<Request>> {
        match (self.kind, step) {
            (Kind::LeaseAndPut, 0) => {
                let lease = wire::lease_of(message)?;
                let key = key(self.turn * STRIDE % self.keys);
                return Ok(Some((wire::PUT, wire::put(&key, &self.value, lease))));
            }
            (Kind::Txn | Kind::Fill, _) => wire::expect_succeeded(message)?,
            (Kind::Get(_), _) => wire::expect_keys(message, 1)?,
            (Kind::Range, _) => wire::expect_keys(message, RANGE_KEYS)?,
            (Kind::Put | Kind::LeaseAndPut, _) => {}
        }
        Ok(None)
    }

    fn stamped(&mut self, from: Instant) -> &[u8] {
        let nanos = from.saturating_duration_since(self.epoch).as_nanos() as u64;
        self.value[..STAMP_LEN].copy_from_slice(&nanos.to_le_bytes());
        &self.value
    }

    /// When a value of this work was due.
    pub(super) fn due_of(&self, value: &[u8]) -> Option<Instant> {
        let nanos = u64::from_le_bytes(*value.first_chunk::<STAMP_LEN>()?);
        self.epoch.checked_add(std::time::Duration::from_nanos(nanos))
    }
}

/// How many transactions fill so many keys.
pub(super) fn fillings(keys: usize) -> usize {
    keys.div_ceil(FILL_KEYS)
}

pub(super) fn key(number: usize) -> Vec<u8> {
    format!("/bench/keys/{number:012}").into_bytes()
}

/// Behind every key.
pub(super) fn keys_end() -> &'static [u8] {
    b"/bench/keys0"
}

/// A value that does not compress.
pub(super) fn value() -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        // xorshift64
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    (0..VALUE_LEN).map(|_| next()).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Protects: keys are visited evenly, and a range of a thousand keys is one in the order of their names.
    #[test]
    fn keys_are_visited_once_and_sorted() {
        let keys = 1_000;
        let visited: std::collections::HashSet<usize> = (0..keys).map(|turn| turn * STRIDE % keys).collect();
        assert_eq!(visited.len(), keys);
        assert!(key(9) < key(10) && key(999_999) < key(1_000_000) && key(1_000_000).as_slice() < keys_end());
    }

    /// Protects: what a watcher is told is timed from when its put was due.
    #[test]
    fn values_say_when_they_were_due() {
        let mut work = Work::new(Kind::Put, 10);
        let due = work.epoch + Duration::from_micros(1_234);
        let value = work.stamped(due).to_vec();
        assert_eq!(value.len(), VALUE_LEN);
        assert_eq!(work.due_of(&value), Some(due));
        assert_eq!(work.due_of(b"short"), None);
    }

    /// Protects: an operation with a lease is two requests, the others one, and a wrong answer ends the run.
    #[test]
    fn operations_have_their_steps() {
        let mut lease = Work::new(Kind::LeaseAndPut, 10);
        assert_eq!(lease.begin(Instant::now()).0, wire::LEASE_GRANT);
        let (path, _) = lease.go_on(0, b"\x10\x07").unwrap().unwrap();
        assert_eq!(path, wire::PUT);
        assert!(lease.go_on(1, b"").unwrap().is_none());
        assert!(lease.go_on(0, b"").is_err());
        assert!(
            Work::new(Kind::Get(Read::Linearizable), 10)
                .go_on(0, b"")
                .is_err()
        );
        assert!(Work::new(Kind::Put, 10).go_on(0, b"").unwrap().is_none());
    }
}
