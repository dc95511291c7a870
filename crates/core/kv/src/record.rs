//! What one revision holds: a key's value from then on, or that it was deleted then.

use bytes::Bytes;

use crate::request::LeaseId;

/// A key with its value and its history's figures: what clients get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyValue {
    /// The key; never empty.
    pub key: Bytes,
    /// The value; may be empty.
    pub value: Bytes,
    /// The main revision that created the key (since its last deletion).
    pub create_revision: i64,
    /// The main revision of this value.
    pub mod_revision: i64,
    /// How many times the key was written since it was created; the first is 1.
    pub version: i64,
    /// The lease that the key lives by, [`LeaseId::NONE`] for none.
    pub lease: LeaseId,
}

/// What is kept at a revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// The key was written.
    Put(KeyValue),
    /// The key was deleted.
    Tombstone {
        /// Which key.
        key: Bytes,
        /// The main revision of the deletion.
        mod_revision: i64,
    },
}

impl Record {
    /// The key that the record is of.
    #[must_use]
    pub fn key(&self) -> &Bytes {
        match self {
            Self::Put(kv) => &kv.key,
            Self::Tombstone { key, .. } => key,
        }
    }
}
