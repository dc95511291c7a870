//! What a keyspace refuses, and why. A refused command changes nothing, on every member alike.

use koinon_base::ErrorKind;

use crate::records::RecordsError;
use crate::request::LeaseId;
use crate::space::SpaceId;
use crate::v2::Refusal;

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KvError {
    /// History before `compacted` is forgotten.
    #[error("revision {asked} is compacted; the oldest readable one is {compacted}")]
    Compacted {
        /// What was asked for.
        asked: i64,
        /// The oldest main revision that is readable.
        compacted: i64,
    },
    /// There is no such revision yet.
    #[error("revision {asked} is in the future; the present one is {current}")]
    FutureRevision {
        /// What was asked for.
        asked: i64,
        /// The present main revision.
        current: i64,
    },
    /// A put that keeps value or lease needs a key to keep them of.
    #[error("there is no such key, and the put keeps its value or lease")]
    KeyNotFound,
    /// A key was empty.
    #[error("a key must not be empty")]
    EmptyKey,
    /// A transaction would write a key twice.
    #[error("the transaction changes a key twice")]
    DuplicateKey,
    /// A transaction is too large, or too deeply nested.
    #[error("the transaction has more than {0} operations in one level or on one path")]
    TooManyOps(usize),
    /// There is no such lease.
    #[error("there is no lease {0}")]
    LeaseNotFound(LeaseId),
    /// The lease's number is taken.
    #[error("lease {0} exists")]
    LeaseExists(LeaseId),
    /// A lease must live a positive time, and at most as long as etcd allows.
    #[error("a lease of {0} s is out of bounds")]
    LeaseTtl(i64),
    /// The keyspace has no room for more.
    #[error(
        "keyspace {space} is full: {used} of {quota} bytes are live; delete keys or compact, or raise the quota"
    )]
    NoSpace {
        /// Which keyspace.
        space: SpaceId,
        /// Live bytes.
        used: u64,
        /// Its bound.
        quota: u64,
    },
    /// There is no such keyspace.
    #[error("there is no {0}")]
    UnknownSpace(SpaceId),
    /// The tree of etcd v2 refuses it.
    #[error(transparent)]
    V2(Refusal),
    /// A record that the index knows cannot be read.
    #[error("the store cannot read its own records")]
    Records(#[from] RecordsError),
}

impl KvError {
    /// What the caller must do.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Compacted { .. }
            | Self::FutureRevision { .. }
            | Self::EmptyKey
            | Self::DuplicateKey
            | Self::TooManyOps(_)
            | Self::LeaseTtl(_) => ErrorKind::Invalid,
            Self::KeyNotFound | Self::LeaseNotFound(_) | Self::UnknownSpace(_) => ErrorKind::NotFound,
            Self::LeaseExists(_) => ErrorKind::AlreadyExists,
            Self::NoSpace { .. } => ErrorKind::Unavailable,
            Self::V2(refusal) => refusal.code.kind(),
            Self::Records(_) => ErrorKind::Corrupt,
        }
    }
}
