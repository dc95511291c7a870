//! Writing a planned file from front to end.
//!
//! Invariant: what is written is what was planned, or an error says that it is not.

use bytes::BufMut;

use super::plan::{KEY_LEN_MAX, Page, Plan, TreePlan};
use super::{ENTRY_LEN, FORMAT, HEAD_LEN, MAGIC, META_SUM_AT, PAGE_LEN, ROOT_PAGE, flags, fnv1a, pages_of};

/// What is written is not what was planned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// There are more entries than planned, or they are larger.
    #[error("an entry is not the one that was planned")]
    NotPlanned,
    /// There are fewer.
    #[error("an entry that was planned is missing")]
    Missing,
    /// A key is longer than the pages that lead to it can hold.
    #[error("a key is too long")]
    KeyTooLong,
}

/// Writes a file.
#[derive(Debug)]
pub struct Writer {
    plan: Plan,
    out: Vec<u8>,
    /// Which bucket, which of its leaves.
    bucket: usize,
    leaf: usize,
    /// The page that the leaf begins at.
    page: u64,
    /// The leaf's entries so far.
    table: Vec<u8>,
    content: Vec<u8>,
    entries: usize,
}

impl Writer {
    /// Begins a file: what comes before the first entry is written at once.
    ///
    /// # Errors
    /// When it cannot be written as planned.
    pub fn new(plan: Plan) -> Result<Self, WriteError> {
        let mut writer = Self {
            plan,
            out: Vec::new(),
            bucket: 0,
            leaf: 0,
            page: 0,
            table: Vec::new(),
            content: Vec::new(),
            entries: 0,
        };
        writer.meta(0);
        writer.meta(1);
        writer.head(2, flags::FREE, 0, 1);
        writer.pad();
        writer.root()?;
        writer.begin_bucket()?;
        Ok(writer)
    }

    /// What was written since the last call.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out)
    }

    /// How much was written since the last [`Self::take`].
    #[must_use]
    pub fn len(&self) -> usize {
        self.out.len()
    }

    /// Whether nothing was.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.out.is_empty()
    }

    /// Writes the next entry, of the first bucket that has entries left.
    ///
    /// # Errors
    /// When it is not the one that was planned.
    pub fn add(&mut self, key: &[u8], value: &[u8]) -> Result<(), WriteError> {
        let Some(leaf) = self.planned_leaf() else {
            return Err(WriteError::NotPlanned);
        };
        if self.entries == 0 && key != &*leaf.first_key {
            return Err(WriteError::NotPlanned);
        }
        let (entries, len) = (leaf.entries, leaf.len);
        // A position is counted from its own entry in the table.
        let at = (entries - self.entries) * ENTRY_LEN + self.content.len();
        put_leaf_entry(&mut self.table, 0, at, key.len(), value.len());
        self.content.extend_from_slice(key);
        self.content.extend_from_slice(value);
        self.entries += 1;
        if self.entries == entries {
            self.finish_leaf(len)?;
        }
        Ok(())
    }

    /// Ends the file.
    ///
    /// # Errors
    /// When entries are missing.
    pub fn finish(mut self) -> Result<Vec<u8>, WriteError> {
        if self.bucket < self.plan.buckets.len() || self.entries > 0 {
            return Err(WriteError::Missing);
        }
        Ok(self.take())
    }

    fn planned_leaf(&self) -> Option<&Page> {
        let (_, tree, _) = self.plan.buckets.get(self.bucket)?;
        tree.levels.last()?.get(self.leaf)
    }

    fn finish_leaf(&mut self, len: usize) -> Result<(), WriteError> {
        if HEAD_LEN + self.table.len() + self.content.len() != len {
            return Err(WriteError::NotPlanned);
        }
        let pages = pages_of(len);
        self.head(self.page, flags::LEAF, self.entries, pages);
        self.out.append(&mut self.table);
        self.out.append(&mut self.content);
        self.pad();
        self.page += pages;
        self.entries = 0;
        self.leaf += 1;
        if self.planned_leaf().is_none() {
            self.bucket += 1;
            self.begin_bucket()?;
        }
        Ok(())
    }

    /// Writes the inner pages of the next bucket.
    fn begin_bucket(&mut self) -> Result<(), WriteError> {
        self.leaf = 0;
        let Some((_, tree, first)) = self.plan.buckets.get(self.bucket) else {
            return Ok(());
        };
        let (branches, leaves_at) = branches(tree, *first)?;
        self.out.extend_from_slice(&branches);
        self.page = leaves_at;
        Ok(())
    }

    fn meta(&mut self, page: u64) {
        self.head(page, flags::META, 0, 1);
        let begins = self.out.len();
        self.out.put_u32_le(MAGIC);
        self.out.put_u32_le(FORMAT);
        self.out.put_u32_le(u32::try_from(PAGE_LEN).unwrap_or(0));
        self.out.put_u32_le(0);
        // The root tree, and its sequence, which nobody uses.
        self.out.put_u64_le(ROOT_PAGE);
        self.out.put_u64_le(0);
        self.out.put_u64_le(2);
        self.out.put_u64_le(self.plan.pages);
        self.out.put_u64_le(page);
        debug_assert_eq!(self.out.len() - begins, META_SUM_AT);
        let sum = fnv1a(self.out.get(begins..).unwrap_or_default());
        self.out.put_u64_le(sum);
        self.pad();
    }

    fn root(&mut self) -> Result<(), WriteError> {
        let (mut table, mut content) = (Vec::new(), Vec::new());
        let count = self.plan.buckets.len();
        for (at, (name, _, first)) in self.plan.buckets.iter().enumerate() {
            let place = (count - at) * ENTRY_LEN + content.len();
            put_leaf_entry(&mut table, flags::BUCKET, place, name.len(), 16);
            content.extend_from_slice(name.as_bytes());
            content.put_u64_le(*first);
            content.put_u64_le(0);
        }
        if HEAD_LEN + table.len() + content.len() > PAGE_LEN {
            return Err(WriteError::KeyTooLong);
        }
        self.head(ROOT_PAGE, flags::LEAF, count, 1);
        self.out.extend_from_slice(&table);
        self.out.extend_from_slice(&content);
        self.pad();
        Ok(())
    }

    fn head(&mut self, page: u64, flags: u16, entries: usize, pages: u64) {
        put_head(&mut self.out, page, flags, entries, pages);
    }

    fn pad(&mut self) {
        pad(&mut self.out);
    }
}

fn put_head(out: &mut Vec<u8>, page: u64, flags: u16, entries: usize, pages: u64) {
    out.put_u64_le(page);
    out.put_u16_le(flags);
    // A page of 4 KiB has at most 255 entries of 16 bytes; a longer one has a single one.
    out.put_u16_le(u16::try_from(entries).unwrap_or(u16::MAX));
    // Values are bounded by the size of a request, far below 2^32 pages.
    out.put_u32_le(u32::try_from(pages - 1).unwrap_or(u32::MAX));
}

fn pad(out: &mut Vec<u8>) {
    out.resize(out.len().next_multiple_of(PAGE_LEN), 0);
}

fn put_leaf_entry(table: &mut Vec<u8>, flags: u32, at: usize, key: usize, value: usize) {
    table.put_u32_le(flags);
    for number in [at, key, value] {
        // Bounded by the size of a request.
        table.put_u32_le(u32::try_from(number).unwrap_or(u32::MAX));
    }
}

/// The inner pages of a tree that begins at page `first`, and the page of its first leaf.
fn branches(tree: &TreePlan, first: u64) -> Result<(Vec<u8>, u64), WriteError> {
    let mut out = Vec::new();
    let mut page = first;
    for pair in tree.levels.windows(2) {
        let [level, below] = pair else { continue };
        // The level below begins where this one ends.
        let mut child_page = page + level.len() as u64;
        let mut children = below.iter();
        for branch in level {
            put_head(&mut out, page, flags::BRANCH, branch.entries, 1);
            let mut content = Vec::new();
            for at in 0..branch.entries {
                let child = children.next().ok_or(WriteError::Missing)?;
                if child.first_key.len() > KEY_LEN_MAX {
                    return Err(WriteError::KeyTooLong);
                }
                let place = (branch.entries - at) * ENTRY_LEN + content.len();
                out.put_u32_le(u32::try_from(place).unwrap_or(u32::MAX));
                out.put_u32_le(u32::try_from(child.first_key.len()).unwrap_or(u32::MAX));
                out.put_u64_le(child_page);
                content.extend_from_slice(&child.first_key);
                child_page += pages_of(child.len);
            }
            out.extend_from_slice(&content);
            pad(&mut out);
            page += 1;
        }
    }
    Ok((out, page))
}
