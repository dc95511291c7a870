//! How much there is in a keyspace, for operators and for clients that ask.

/// A keyspace's figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Figures {
    /// The present main revision.
    pub revision: i64,
    /// The oldest main revision that can be read; negative if all can.
    pub compacted: i64,
    /// Keys that exist.
    pub keys: usize,
    /// Leases that exist.
    pub leases: usize,
    /// Bytes of all records that can be read, present and past, and of the leases: what the quota is of.
    pub live_bytes: u64,
}
