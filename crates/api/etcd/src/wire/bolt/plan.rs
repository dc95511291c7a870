//! The shape of a file, from the sizes of what it will hold.
//!
//! A tree's leaves are filled in order, and inner pages are put above them until there is one. Only a leaf's first key is kept,
//! so the plan of a million records takes a few megabytes.

use super::{ENTRY_LEN, HEAD_LEN, PAGE_LEN, PAGES_BEFORE, pages_of};

/// Entries of an inner page. With the longest key allowed they fit into one page.
const CHILDREN_MAX: usize = 64;
/// The longest key of a tree of more than one page.
pub(super) const KEY_LEN_MAX: usize = 40;
const _: () = assert!(HEAD_LEN + CHILDREN_MAX * (ENTRY_LEN + KEY_LEN_MAX) <= PAGE_LEN);

/// A page of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) first_key: Box<[u8]>,
    /// Entries, or children.
    pub(super) entries: usize,
    /// Bytes of all of it.
    pub(super) len: usize,
}

/// The shape of one bucket's tree.
#[derive(Debug, Default)]
pub struct TreePlan {
    /// The topmost first; the last are the leaves.
    pub(super) levels: Vec<Vec<Page>>,
}

impl TreePlan {
    /// Takes notice of an entry. Entries come in the order of their keys.
    pub fn add(&mut self, key: &[u8], value_len: usize) {
        if self.levels.is_empty() {
            self.levels.push(Vec::new());
        }
        let Some(leaves) = self.levels.first_mut() else {
            return;
        };
        let len = ENTRY_LEN + key.len() + value_len;
        match leaves.last_mut() {
            Some(leaf) if leaf.len + len <= PAGE_LEN => {
                leaf.entries += 1;
                leaf.len += len;
            }
            _ => leaves.push(Page {
                first_key: key.into(),
                entries: 1,
                len: HEAD_LEN + len,
            }),
        }
    }

    /// Puts inner pages above the leaves, until there is one page on top.
    fn grow(&mut self) {
        while let Some(below) = self.levels.first().filter(|level| level.len() > 1) {
            let above = below.len().div_ceil(CHILDREN_MAX);
            // Evenly: an inner page with a single child would be odd.
            let each = below.len().div_ceil(above);
            let level = below.chunks(each).map(|children| {
                let keys: usize = children.iter().map(|child| child.first_key.len()).sum();
                Page {
                    first_key: children
                        .first()
                        .map(|child| child.first_key.clone())
                        .unwrap_or_default(),
                    entries: children.len(),
                    len: HEAD_LEN + children.len() * ENTRY_LEN + keys,
                }
            });
            let level = level.collect();
            self.levels.insert(0, level);
        }
    }

    fn pages(&self) -> u64 {
        self.levels.iter().flatten().map(|page| pages_of(page.len)).sum()
    }
}

/// The shape of a file.
#[derive(Debug)]
pub struct Plan {
    /// Buckets by name, in the order of names, and the page that each begins at.
    pub(super) buckets: Vec<(String, TreePlan, u64)>,
    /// Pages altogether.
    pub(super) pages: u64,
}

impl Plan {
    /// The shape of a file with these buckets. Empty ones are left out: etcd makes those that it misses.
    #[must_use]
    pub fn new(buckets: Vec<(String, TreePlan)>) -> Self {
        let mut buckets: Vec<_> = buckets
            .into_iter()
            .filter(|(_, tree)| !tree.levels.is_empty())
            .collect();
        buckets.sort_by(|a, b| a.0.cmp(&b.0));
        let mut next = PAGES_BEFORE;
        let place = |(name, mut tree): (String, TreePlan)| {
            tree.grow();
            let first = next;
            next += tree.pages();
            (name, tree, first)
        };
        let buckets = buckets.into_iter().map(place).collect();
        Self { buckets, pages: next }
    }

    /// How long the file will be.
    #[must_use]
    pub fn file_len(&self) -> u64 {
        self.pages * PAGE_LEN as u64
    }

    /// The buckets that the file will hold, in the order in which they must be written.
    pub fn buckets(&self) -> impl Iterator<Item = &str> {
        self.buckets.iter().map(|(name, _, _)| &name[..])
    }
}
