//! Records: a fixed head, the key, and the value to the end.
//!
//! ```text
//! kind u8 | mod i64 | create i64 | version i64 | lease i64 | key length u32 | key | value     (kind 1, a put)
//! kind u8 | mod i64 | key to the end                                                          (kind 2, a tombstone)
//! ```
//! Numbers are little-endian.

use bytes::{Buf, BufMut, Bytes};

use super::CodecError;
use crate::record::{KeyValue, Record};
use crate::request::LeaseId;

const PUT: u8 = 1;
const TOMBSTONE: u8 = 2;
const PUT_HEAD: usize = 4 * 8 + 4;
const TOMBSTONE_HEAD: usize = 8;

impl Record {
    /// How many bytes [`Self::encode`] appends.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        match self {
            Self::Put(kv) => 1 + PUT_HEAD + kv.key.len() + kv.value.len(),
            Self::Tombstone { key, .. } => 1 + TOMBSTONE_HEAD + key.len(),
        }
    }

    /// Appends the record's bytes. Keys are shorter than 4 GiB; what bounds requests bounds them long before.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.reserve(self.encoded_len());
        match self {
            Self::Put(kv) => {
                out.put_u8(PUT);
                out.put_i64_le(kv.mod_revision);
                out.put_i64_le(kv.create_revision);
                out.put_i64_le(kv.version);
                out.put_i64_le(kv.lease.0);
                out.put_u32_le(u32::try_from(kv.key.len()).unwrap_or(u32::MAX));
                out.extend_from_slice(&kv.key);
                out.extend_from_slice(&kv.value);
            }
            Self::Tombstone { key, mod_revision } => {
                out.put_u8(TOMBSTONE);
                out.put_i64_le(*mod_revision);
                out.extend_from_slice(key);
            }
        }
    }

    /// The record that `bytes` are, whole. Key and value share them.
    ///
    /// # Errors
    /// When they are no record that [`Self::encode`] writes.
    pub fn decode(mut bytes: Bytes) -> Result<Self, CodecError> {
        let kind = bytes.first().copied().ok_or(CodecError::Truncated("record"))?;
        bytes.advance(1);
        let record = match kind {
            PUT => put(bytes)?,
            TOMBSTONE => tombstone(bytes)?,
            number => {
                return Err(CodecError::Unknown {
                    what: "record kind",
                    number,
                });
            }
        };
        if record.key().is_empty() {
            return Err(CodecError::OutOfBounds("record key"));
        }
        Ok(record)
    }
}

fn put(mut bytes: Bytes) -> Result<Record, CodecError> {
    if bytes.len() < PUT_HEAD {
        return Err(CodecError::Truncated("record head"));
    }
    let mod_revision = bytes.get_i64_le();
    let create_revision = bytes.get_i64_le();
    let version = bytes.get_i64_le();
    let lease = LeaseId(bytes.get_i64_le());
    let key_len = bytes.get_u32_le() as usize;
    if key_len > bytes.len() {
        return Err(CodecError::Truncated("record key"));
    }
    if version < 1 || create_revision > mod_revision {
        // The index takes version 0 for a deletion.
        return Err(CodecError::OutOfBounds("record version"));
    }
    let key = bytes.split_to(key_len);
    Ok(Record::Put(KeyValue {
        key,
        value: bytes,
        create_revision,
        mod_revision,
        version,
        lease,
    }))
}

fn tombstone(mut bytes: Bytes) -> Result<Record, CodecError> {
    if bytes.len() < TOMBSTONE_HEAD {
        return Err(CodecError::Truncated("record head"));
    }
    let mod_revision = bytes.get_i64_le();
    Ok(Record::Tombstone {
        key: bytes,
        mod_revision,
    })
}
