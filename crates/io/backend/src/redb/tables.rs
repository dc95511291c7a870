//! What lies in which table, and the fixed-size values of the small ones.

use redb::TableDefinition;

use crate::held::{Applied, HeldSpace, SpaceFigures, SpaceMarks};
use crate::key::KEY_LEN;

/// The layout's version; written when the file is made. A file of a newer one is refused.
pub(super) const FORMAT: u32 = 1;

/// Records: sealed bytes (`crate::key`) by keyspace and revision.
pub(super) const RECORDS: TableDefinition<'static, &[u8; KEY_LEN], &[u8]> = TableDefinition::new("records");
/// Leases: seconds to live by keyspace and number.
pub(super) const LEASES: TableDefinition<'static, (u8, i64), i64> = TableDefinition::new("leases");
/// Keyspaces: marks and figures.
pub(super) const SPACES: TableDefinition<'static, u8, &[u8; SPACE_LEN]> = TableDefinition::new("spaces");
/// Notes.
pub(super) const META: TableDefinition<'static, &str, &[u8]> = TableDefinition::new("meta");
/// The layout's version under [`FORMAT_KEY`]; the applied index and its term.
pub(super) const STATE: TableDefinition<'static, &str, u64> = TableDefinition::new("state");

pub(super) const FORMAT_KEY: &str = "format";
pub(super) const APPLIED_INDEX_KEY: &str = "applied index";
pub(super) const APPLIED_TERM_KEY: &str = "applied term";

/// Four numbers and whether the first two are there.
pub(super) const SPACE_LEN: usize = 4 * 8 + 1;

/// What is stored for a keyspace.
pub(super) fn encode_space(space: HeldSpace) -> [u8; SPACE_LEN] {
    let marks = space.marks.unwrap_or(SpaceMarks {
        revision: 0,
        compacted: 0,
    });
    let mut bytes = [0; SPACE_LEN];
    bytes[..8].copy_from_slice(&marks.revision.to_be_bytes());
    bytes[8..16].copy_from_slice(&marks.compacted.to_be_bytes());
    bytes[16..24].copy_from_slice(&space.figures.records.to_be_bytes());
    bytes[24..32].copy_from_slice(&space.figures.bytes.to_be_bytes());
    bytes[32] = u8::from(space.marks.is_some());
    bytes
}

/// The keyspace that was stored.
pub(super) fn decode_space(bytes: &[u8; SPACE_LEN]) -> HeldSpace {
    let mut words = bytes.chunks_exact(8).map(|word| {
        let mut number = [0; 8];
        number.copy_from_slice(word);
        u64::from_be_bytes(number)
    });
    let mut next = || words.next().unwrap_or_default();
    let marks = SpaceMarks {
        revision: next().cast_signed(),
        compacted: next().cast_signed(),
    };
    let figures = SpaceFigures {
        records: next(),
        bytes: next(),
    };
    HeldSpace {
        marks: (bytes[32] == 1).then_some(marks),
        figures,
    }
}

/// An applied index from its two numbers.
pub(super) fn applied(index: Option<u64>, term: Option<u64>) -> Applied {
    Applied {
        index: index.unwrap_or_default(),
        term: term.unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects: marks that were never set are not taken for revision 0, and no number changes its place.
    #[test]
    fn a_keyspace_survives() {
        let figures = SpaceFigures {
            records: 3,
            bytes: u64::MAX,
        };
        let marks = Some(SpaceMarks {
            revision: -1,
            compacted: 2,
        });
        for marks in [None, marks] {
            let space = HeldSpace { marks, figures };
            assert_eq!(decode_space(&encode_space(space)), space);
        }
    }
}
