//! How a record lies in the table: its key, and the seal that tells whether it is what was written.
//!
//! A key is the keyspace, then the revision, big-endian, so that the table's order is history's order. A stored value is
//! the CRC of key and bytes, then the bytes: the database checks its pages when it repairs, not when it reads, and a
//! damaged record must not pass as a client's data.

use bytes::Bytes;
use koinon_core_kv::{Revision, SpaceId};

/// A keyspace, a main and a sub revision.
pub(crate) const KEY_LEN: usize = 1 + 8 + 4;
/// The seal before a record's bytes.
pub(crate) const SEAL_LEN: usize = 4;

/// A record's key in the table.
pub(crate) type Key = [u8; KEY_LEN];

/// The key of a record.
pub(crate) fn encode(space: SpaceId, at: Revision) -> Key {
    let mut key = [0; KEY_LEN];
    key[0] = space.0;
    key[1..9].copy_from_slice(&sortable(at.main).to_be_bytes());
    key[9..].copy_from_slice(&at.sub.to_be_bytes());
    key
}

/// The keyspace and revision of a key.
pub(crate) fn decode(key: &Key) -> (SpaceId, Revision) {
    let [space, m0, m1, m2, m3, m4, m5, m6, m7, sub @ ..] = *key;
    let main = u64::from_be_bytes([m0, m1, m2, m3, m4, m5, m6, m7]);
    let at = Revision::new(unsortable(main), u32::from_be_bytes(sub));
    (SpaceId(space), at)
}

/// Integers below zero sort before the others, as bytes too.
fn sortable(main: i64) -> u64 {
    main.cast_unsigned() ^ (1 << 63)
}

fn unsortable(main: u64) -> i64 {
    (main ^ (1 << 63)).cast_signed()
}

/// Writes what is stored for a record into `stored`.
pub(crate) fn seal(key: &Key, bytes: &[u8], stored: &mut Vec<u8>) {
    stored.clear();
    stored.extend_from_slice(&crc(key, bytes).to_be_bytes());
    stored.extend_from_slice(bytes);
}

/// The record's bytes, if they are what was written under this key.
pub(crate) fn unseal<'a>(key: &Key, stored: &'a [u8]) -> Option<&'a [u8]> {
    let (seal, bytes) = stored.split_first_chunk::<SEAL_LEN>()?;
    (u32::from_be_bytes(*seal) == crc(key, bytes)).then_some(bytes)
}

/// As [`unseal`], into memory of its own.
pub(crate) fn unseal_owned(key: &Key, stored: &[u8]) -> Option<Bytes> {
    unseal(key, stored).map(Bytes::copy_from_slice)
}

fn crc(key: &Key, bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(key);
    hasher.update(bytes);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Protects: a scan in the table's order is history's order, and a key tells which record it is.
        #[test]
        fn keys_sort_as_revisions(a in any::<(u8, i64, u32)>(), b in any::<(u8, i64, u32)>()) {
            let whole = |(space, main, sub)| (SpaceId(space), Revision::new(main, sub));
            let ((space_a, at_a), (space_b, at_b)) = (whole(a), whole(b));
            prop_assert_eq!(
                encode(space_a, at_a).cmp(&encode(space_b, at_b)),
                (space_a, at_a).cmp(&(space_b, at_b))
            );
            prop_assert_eq!(decode(&encode(space_a, at_a)), (space_a, at_a));
        }

        /// Protects: one flipped bit anywhere in a stored record, or in its key, is found.
        #[test]
        fn a_flipped_bit_breaks_the_seal(bytes in proptest::collection::vec(any::<u8>(), 0..64), flip in any::<prop::sample::Index>()) {
            let key = encode(SpaceId::ETCD, Revision::new(7, 1));
            let mut stored = Vec::new();
            seal(&key, &bytes, &mut stored);
            prop_assert_eq!(unseal(&key, &stored), Some(&bytes[..]));
            let bit = flip.index((stored.len() + KEY_LEN) * 8);
            let mut other_key = key;
            match (bit / 8).checked_sub(KEY_LEN) {
                Some(at) => stored[at] ^= 1 << (bit % 8),
                None => other_key[bit / 8] ^= 1 << (bit % 8),
            }
            prop_assert_eq!(unseal(&other_key, &stored), None);
        }
    }
}
