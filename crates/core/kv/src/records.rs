//! Where the records are: the machine knows revisions, somebody else keeps what was written at them.

use std::sync::Arc;

use crate::record::Record;
use crate::revision::Revision;
use crate::space::SpaceId;

/// Finds records by where they were written.
pub trait Records {
    /// The record written at `at`.
    ///
    /// # Errors
    /// When it cannot be read, or is not there although the index says so.
    fn get(&self, space: SpaceId, at: Revision) -> Result<Arc<Record>, RecordsError>;
}

/// A record that the index knows could not be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read revision {at} of keyspace {space}")]
pub struct RecordsError {
    /// In which keyspace.
    pub space: SpaceId,
    /// Written where.
    pub at: Revision,
    /// Why.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}
