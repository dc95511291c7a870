//! A moment in a keyspace's history: which transaction, and which of its changes.

use std::fmt;

/// Where a record was written. Ordered as history is.
///
/// Every transaction that changes something takes the next `main`; its changes are numbered by `sub` from 0. An empty
/// keyspace is at main revision 1, as etcd is, so the first change has 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision {
    /// The transaction: what clients call the revision.
    pub main: i64,
    /// The change within it.
    pub sub: u32,
}

impl Revision {
    /// The revision of an empty keyspace.
    pub const EMPTY: i64 = 1;

    /// The `sub`th change of transaction `main`.
    #[must_use]
    pub fn new(main: i64, sub: u32) -> Self {
        Self { main, sub }
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.main, self.sub)
    }
}
