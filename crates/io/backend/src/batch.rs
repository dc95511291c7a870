//! What one transaction changes. All of it becomes durable, or nothing.

use bytes::Bytes;
use koinon_core_kv::{LeaseId, Revision, SpaceId};

use crate::error::BackendError;
use crate::held::{Applied, SpaceMarks};

/// The longest record: well above what any front door lets pass (etcd recommends at most 10 MiB for a request), and
/// what a snapshot's reader must be ready to hold.
pub const RECORD_LEN_MAX: usize = 32 << 20;
/// The longest name of a note, in bytes.
pub const META_KEY_LEN_MAX: usize = 256;
/// The longest note, in bytes: notes are small, and a snapshot carries each in one chunk.
pub const META_VALUE_LEN_MAX: usize = 256 << 10;

/// Changes that belong together. Where two of them concern the same thing, the later in its list holds; removals come
/// after writes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Batch {
    /// How far the backend is with this batch; never less than before.
    pub applied: Applied,
    /// Records written; in the order of revisions they cost least.
    pub put: Vec<(SpaceId, Revision, Bytes)>,
    /// Records removed; one that is not there is no error.
    pub remove: Vec<(SpaceId, Revision)>,
    /// Keyspaces whose marks changed.
    pub spaces: Vec<(SpaceId, SpaceMarks)>,
    /// Leases with their time to live in seconds; `None` ends one.
    pub leases: Vec<(SpaceId, LeaseId, Option<i64>)>,
    /// Notes by name; `None` removes one.
    pub meta: Vec<(String, Option<Bytes>)>,
}

impl Batch {
    /// Whether everything is within its bounds.
    pub(crate) fn check(&self) -> Result<(), BackendError> {
        let long = |what, len, max| Err(BackendError::TooLong { what, len, max });
        for (_, _, bytes) in &self.put {
            if bytes.len() > RECORD_LEN_MAX {
                return long("record", bytes.len(), RECORD_LEN_MAX);
            }
        }
        for (key, value) in &self.meta {
            let value_len = value.as_ref().map_or(0, Bytes::len);
            if key.len() > META_KEY_LEN_MAX {
                return long("note's name", key.len(), META_KEY_LEN_MAX);
            }
            if value_len > META_VALUE_LEN_MAX {
                return long("note", value_len, META_VALUE_LEN_MAX);
            }
        }
        Ok(())
    }
}
