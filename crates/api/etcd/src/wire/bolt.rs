//! The file format of etcd's database: pages of a fixed size that hold sorted trees of keys and values, called buckets.
//!
//! ```text
//! page 0, 1   meta: page size, where the root tree begins, how many pages there are; a check sum. The newer one counts.
//! page 2      free pages: in a file written at once, none
//! page 3      the root tree: one entry for each bucket, with the page at which its own tree begins
//! then        each bucket: inner pages (keys and pages), then leaves (keys and values)
//! ```
//!
//! A page that needs more room than one goes on in the pages behind it. All numbers are little-endian. A file is written in one
//! go from front to end, so its shape must be known before its first byte: [`Plan`] is made from the sizes, [`Writer`] writes it.
//! [`Database`] reads any such file, and takes nothing on trust: whatever the bytes are, it ends, with entries or with an error.

#[cfg(any(test, feature = "laws"))]
pub mod laws;
mod plan;
mod read;
mod write;

pub use plan::{Plan, TreePlan};
pub use read::{BoltError, Bucket, Database, Entries, KeyAndValue, Source};
pub use write::{WriteError, Writer};

/// Bytes of a page in the files that are written here, and in nearly all others.
pub const PAGE_LEN: usize = 4096;
/// Bytes before a page's content.
const HEAD_LEN: usize = 16;
/// Bytes of an entry of a page, beside its key and value.
const ENTRY_LEN: usize = 16;
/// Pages before the first bucket's.
const PAGES_BEFORE: u64 = 4;
/// The page of the root tree.
const ROOT_PAGE: u64 = 3;

/// The first number of a meta page.
const MAGIC: u32 = 0xED0C_DAED;
/// The format's version.
const FORMAT: u32 = 2;
/// Where a meta page's check sum is, from the end of the page's head.
const META_SUM_AT: usize = 56;

/// What a page holds.
mod flags {
    pub(super) const BRANCH: u16 = 0x01;
    pub(super) const LEAF: u16 = 0x02;
    pub(super) const META: u16 = 0x04;
    pub(super) const FREE: u16 = 0x10;
    /// Of a leaf's entry: it is a bucket.
    pub(super) const BUCKET: u32 = 0x01;
}

/// The check sum of meta pages: FNV-1a in 64 bits.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |sum, byte| {
        (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// How many pages hold `len` bytes.
fn pages_of(len: usize) -> u64 {
    len.div_ceil(PAGE_LEN).max(1) as u64
}
