//! What a backend holds besides records: how far it is, each keyspace's marks and figures, leases, notes.

use std::collections::BTreeMap;

use bytes::Bytes;
use koinon_core_kv::{LeaseId, SpaceId};

/// The last log entry whose effect is in the backend; index 0 and term 0 before the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Applied {
    /// Its index.
    pub index: u64,
    /// Its term.
    pub term: u64,
}

/// A keyspace's marks in its history, as the state machine sets them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpaceMarks {
    /// The present main revision.
    pub revision: i64,
    /// The oldest main revision that is readable.
    pub compacted: i64,
}

/// What a keyspace's records amount to, counted by the backend with every batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SpaceFigures {
    /// How many records.
    pub records: u64,
    /// Their bytes as they were handed over; what the disk adds is not in it.
    pub bytes: u64,
}

/// A keyspace as a backend knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HeldSpace {
    /// Its marks, once a batch has set them.
    pub marks: Option<SpaceMarks>,
    /// Its records in figures.
    pub figures: SpaceFigures,
}

/// Everything but the records, as of one moment: what a start reads first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Held {
    /// How far the backend is.
    pub applied: Applied,
    /// The keyspaces that any batch has touched.
    pub spaces: BTreeMap<SpaceId, HeldSpace>,
    /// Each lease's time to live in seconds.
    pub leases: BTreeMap<(SpaceId, LeaseId), i64>,
    /// The notes that others keep here.
    pub meta: BTreeMap<String, Bytes>,
}
