//! What the log's owner decides.

/// Whose log it is: opening another member's is refused.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Identity {
    /// The cluster, drawn when it was founded.
    pub cluster: u64,
    /// The member, drawn anew whenever one starts with an empty directory.
    pub member: u64,
}

/// How the log is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Whose log it is.
    pub identity: Identity,
    /// Bytes of the first segment. Default 1 MiB, so that a node that stores little takes little. Each new one is four
    /// times as long, up to `segment_bytes`.
    pub first_segment_bytes: u64,
    /// Bytes of a full-grown segment. Default 64 MiB: some 190,000 entries of 300 bytes, a third of a second at a million
    /// a second. Space is given back in whole segments, so the log takes up to three more than its entries need.
    pub segment_bytes: u64,
    /// The index of the first entry of a log that does not exist yet. Default 1; another after a snapshot was restored.
    pub first_index: u64,
    /// Whether a thread of the log's own prepares and recycles segments. Default yes; a simulation says no, and the
    /// same work is then done where it is asked for.
    pub background: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            identity: Identity::default(),
            first_segment_bytes: 1_024 * 1_024,
            segment_bytes: 64 * 1_024 * 1_024,
            first_index: 1,
            background: true,
        }
    }
}

impl Settings {
    /// How long the segment after one of `len` bytes is to be.
    pub(crate) fn len_after(&self, len: u64) -> u64 {
        let most = self.segment_bytes.max(self.first_segment_bytes);
        len.saturating_mul(4)
            .clamp(self.first_segment_bytes.min(most), most)
    }
}
