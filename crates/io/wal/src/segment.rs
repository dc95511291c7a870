//! Segments: the log's files, their names, and the head that each begins with.
//!
//! A segment is filled with zeros before it gets its name, and its name is durable before it is used. `N.wal` is
//! segment N (16 hexadecimal digits), used or prepared; `N.old` was purged and waits to be used again; `N.new` is
//! being made. Only the first kind is ever read for frames.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use koinon_io_disk::DiskFile;

use crate::record::{HardState, number};
use crate::settings::Identity;

/// The format of heads and frames.
pub(crate) const VERSION: u32 = 1;
/// The head's payload: magic, version, chain, then seven numbers.
pub(crate) const HEAD_LEN: usize = 8 + 4 + 4 + 7 * 8;

const MAGIC: [u8; 8] = *b"koinwal\n";

/// What a file in the log's directory is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// A segment, used or prepared.
    Live,
    /// Purged, to be used again.
    Old,
    /// Half made when the process ended.
    New,
}

/// The path of segment `sequence` in this role.
pub(crate) fn path(dir: &Path, sequence: u64, role: Role) -> PathBuf {
    let ending = match role {
        Role::Live => "wal",
        Role::Old => "old",
        Role::New => "new",
    };
    dir.join(format!("{sequence:016x}.{ending}"))
}

/// What a file's name says; `None` for a foreign file, which is left alone.
pub(crate) fn parse_name(name: &str) -> Option<(u64, Role)> {
    let (digits, ending) = name.split_once('.')?;
    let role = match ending {
        "wal" => Role::Live,
        "old" => Role::Old,
        "new" => Role::New,
        _ => return None,
    };
    let right = digits.len() == 16
        && digits
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let sequence = u64::from_str_radix(digits, 16).ok()?;
    right.then_some((sequence, role))
}

/// A segment in memory.
#[derive(Debug, Clone)]
pub(crate) struct Segment {
    pub(crate) sequence: u64,
    pub(crate) path: PathBuf,
    /// Whoever holds this too keeps the segment from being purged.
    pub(crate) file: Arc<dyn DiskFile>,
    pub(crate) len: u64,
    /// The index that would have been the next when the segment began.
    pub(crate) next_index: u64,
    /// The checksum of the frame before its first.
    pub(crate) chain: u32,
    /// The lowest and the highest index written here, whether it still counts or was overwritten.
    pub(crate) indexes: Option<(u64, u64)>,
}

impl Segment {
    /// Remembers that an entry was written here.
    pub(crate) fn note(&mut self, index: u64) {
        let (low, high) = self.indexes.unwrap_or((index, index));
        self.indexes = Some((low.min(index), high.max(index)));
    }
}

/// The first frame of a segment: everything needed to go on when all segments before it are gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) identity: Identity,
    pub(crate) sequence: u64,
    /// The index of the entry that would follow.
    pub(crate) next_index: u64,
    pub(crate) hard_state: HardState,
    /// The checksum of the last frame of the segment before; 0 for the first of all.
    pub(crate) chain: u32,
}

/// Why bytes are no head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoHead {
    Damaged,
    Version(u32),
}

impl Head {
    pub(crate) fn bytes(&self) -> [u8; HEAD_LEN] {
        let mut bytes = [0; HEAD_LEN];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.chain.to_le_bytes());
        let numbers = [
            self.identity.cluster,
            self.identity.member,
            self.sequence,
            self.next_index,
        ];
        for (at, number) in numbers.iter().enumerate() {
            bytes[16 + at * 8..24 + at * 8].copy_from_slice(&number.to_le_bytes());
        }
        bytes[48..].copy_from_slice(&self.hard_state.bytes());
        bytes
    }

    /// Reads a head; whether it may be believed, its frame's checksum says.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, NoHead> {
        if bytes.len() < 16 || bytes[..8] != MAGIC {
            return Err(NoHead::Damaged);
        }
        let version = u32::from_le_bytes([bytes[8], bytes[9], bytes[10], bytes[11]]);
        if version != VERSION {
            return Err(NoHead::Version(version));
        }
        if bytes.len() != HEAD_LEN {
            return Err(NoHead::Damaged);
        }
        Ok(Self {
            chain: u32::from_le_bytes([bytes[12], bytes[13], bytes[14], bytes[15]]),
            identity: Identity {
                cluster: number(bytes, 16),
                member: number(bytes, 24),
            },
            sequence: number(bytes, 32),
            next_index: number(bytes, 40),
            hard_state: HardState::parse(&bytes[48..]).unwrap_or_default(),
        })
    }

    pub(crate) fn mark(&self) -> u32 {
        mark(self.identity, self.sequence, self.chain)
    }
}

/// The number that tells a segment's frames from all others': it is known without reading the head, and nobody who
/// writes values can tell it beforehand, because the chain depends on everything that was ever written.
pub(crate) fn mark(identity: Identity, sequence: u64, chain: u32) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(chain);
    hasher.update(&identity.cluster.to_le_bytes());
    hasher.update(&identity.member.to_le_bytes());
    hasher.update(&sequence.to_le_bytes());
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects: a segment is found under the name it was given, and no other file is taken for one.
    #[test]
    fn names_are_exact() {
        for role in [Role::Live, Role::Old, Role::New] {
            let path = path(Path::new("d"), 0xAB, role);
            let name = path.file_name().unwrap().to_str().unwrap();
            assert_eq!(parse_name(name), Some((0xAB, role)));
        }
        for name in [
            "1.wal",
            "00000000000000AB.wal",
            "+0000000000000ab.wal",
            "00000000000000ab.wal.bak",
            "LOCK",
        ] {
            assert_eq!(parse_name(name), None, "{name}");
        }
    }

    /// Protects: a head is read back as it was written, and another version's is called so.
    #[test]
    fn a_head_comes_back() {
        let head = Head {
            identity: Identity {
                cluster: 1,
                member: 2,
            },
            sequence: 3,
            next_index: 4,
            hard_state: HardState {
                term: 5,
                vote: 6,
                commit: 7,
            },
            chain: 8,
        };
        let mut bytes = head.bytes();
        assert_eq!(Head::parse(&bytes), Ok(head));
        assert_eq!(Head::parse(&bytes[..40]), Err(NoHead::Damaged));
        bytes[8] = 2;
        assert_eq!(Head::parse(&bytes), Err(NoHead::Version(2)));
    }
}
