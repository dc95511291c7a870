//! What frames carry: the records a caller appends, and the two kinds that the log keeps for itself.
//!
//! A kind's number and its payload's layout never change; a new meaning is a new kind. A frame of a kind that this
//! version does not know was written by a newer one, and is refused: skipping it could skip what others rest on.

/// The head of a segment (`segment.rs`).
pub(crate) const HEAD: u8 = 1;
/// The beginning of a batch.
pub(crate) const BATCH: u8 = 2;
const ENTRY: u8 = 3;
const HARD_STATE: u8 = 4;

/// Before an entry's own bytes: term and index.
const ENTRY_PREFIX_LEN: usize = 16;
const HARD_STATE_LEN: usize = 24;
pub(crate) const BATCH_LEN: usize = 12;

/// What a caller appends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Record<'a> {
    /// An entry of the replicated log. An index that the log has already replaces that entry and all behind it.
    Entry {
        /// The leader's term that made it.
        term: u64,
        /// Its place in the log; the first is 1.
        index: u64,
        /// What it says; the log does not look inside.
        payload: &'a [u8],
    },
    /// What a member must not forget between two lives; the last one counts.
    HardState(HardState),
}

/// A member's term, vote and commit index.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HardState {
    /// The latest term seen.
    pub term: u64,
    /// For whom this member voted in that term; 0 for nobody.
    pub vote: u64,
    /// Entries up to this index are committed.
    pub commit: u64,
}

impl HardState {
    pub(crate) fn bytes(self) -> [u8; HARD_STATE_LEN] {
        let mut bytes = [0; HARD_STATE_LEN];
        bytes[..8].copy_from_slice(&self.term.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.vote.to_le_bytes());
        bytes[16..].copy_from_slice(&self.commit.to_le_bytes());
        bytes
    }

    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        (bytes.len() == HARD_STATE_LEN).then(|| Self {
            term: number(bytes, 0),
            vote: number(bytes, 8),
            commit: number(bytes, 16),
        })
    }
}

impl<'a> Record<'a> {
    pub(crate) fn payload_len(&self) -> usize {
        match self {
            Self::Entry { payload, .. } => ENTRY_PREFIX_LEN + payload.len(),
            Self::HardState(_) => HARD_STATE_LEN,
        }
    }

    /// Hands kind and payload, in parts, to `write`.
    pub(crate) fn with_parts<T>(&self, write: impl FnOnce(u8, &[&[u8]]) -> T) -> T {
        match self {
            Self::Entry { term, index, payload } => {
                let mut prefix = [0; ENTRY_PREFIX_LEN];
                prefix[..8].copy_from_slice(&term.to_le_bytes());
                prefix[8..].copy_from_slice(&index.to_le_bytes());
                write(ENTRY, &[&prefix, payload])
            }
            Self::HardState(state) => write(HARD_STATE, &[&state.bytes()]),
        }
    }

    /// `None` when no record of this kind has such a payload, or there is no such kind.
    pub(crate) fn parse(kind: u8, payload: &'a [u8]) -> Option<Self> {
        match kind {
            ENTRY if payload.len() >= ENTRY_PREFIX_LEN => Some(Self::Entry {
                term: number(payload, 0),
                index: number(payload, 8),
                payload: &payload[ENTRY_PREFIX_LEN..],
            }),
            HARD_STATE => HardState::parse(payload).map(Self::HardState),
            _ => None,
        }
    }
}

/// The first frame of every batch but a segment's first, whose beginning is the head.
///
/// It is found without knowing what is before it (its checksum needs no more than its own payload), and says what
/// was durable when it was written. So whatever does not verify before `durable` rotted; it was not cut by a crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Batch {
    /// Everything before this position of the segment was durable when the batch was written.
    pub(crate) durable: u64,
    /// The checksum of the frame before.
    pub(crate) chain: u32,
}

impl Batch {
    pub(crate) fn bytes(self) -> [u8; BATCH_LEN] {
        let mut bytes = [0; BATCH_LEN];
        bytes[..8].copy_from_slice(&self.durable.to_le_bytes());
        bytes[8..].copy_from_slice(&self.chain.to_le_bytes());
        bytes
    }

    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        (bytes.len() == BATCH_LEN).then(|| Self {
            durable: number(bytes, 0),
            chain: u32::from_le_bytes([bytes[8], bytes[9], bytes[10], bytes[11]]),
        })
    }
}

/// The eight bytes at `at`, which the caller knows to be there.
pub(crate) fn number(bytes: &[u8], at: usize) -> u64 {
    bytes[at..at + 8]
        .iter()
        .rev()
        .fold(0, |number, byte| number << 8 | u64::from(*byte))
}
