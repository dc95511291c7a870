//! Whose watch a key is in. Finding that out costs by the kinds of watches there are, not by their number: single keys are
//! in a table, prefixes in a table asked once for each length in use, and only other ranges are gone through.
//!
//! Invariant: `lengths` counts the prefixes in `by_prefix` by their length.

use std::collections::{BTreeMap, HashMap};

use crate::request::{Keys, after_prefix};

/// Watches, each with whatever its owner knows it by.
#[derive(Debug)]
pub struct Watchers<T> {
    by_key: HashMap<Box<[u8]>, Vec<T>>,
    by_prefix: HashMap<Box<[u8]>, Vec<T>>,
    /// How many different prefixes there are of each length.
    lengths: BTreeMap<usize, usize>,
    ranges: Vec<(Keys, T)>,
    len: usize,
}

/// Which of the tables a watch is in.
enum Kind<'a> {
    Key(&'a [u8]),
    Prefix(&'a [u8]),
    Range,
}

impl<T> Default for Watchers<T> {
    fn default() -> Self {
        Self {
            by_key: HashMap::new(),
            by_prefix: HashMap::new(),
            lengths: BTreeMap::new(),
            ranges: Vec::new(),
            len: 0,
        }
    }
}

impl<T: PartialEq> Watchers<T> {
    /// No watches.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds a watch.
    pub fn insert(&mut self, keys: &Keys, watch: T) {
        self.len += 1;
        match kind(keys) {
            Kind::Key(key) => self.by_key.entry(key.into()).or_default().push(watch),
            Kind::Prefix(prefix) => {
                let watches = self.by_prefix.entry(prefix.into()).or_default();
                if watches.is_empty() {
                    *self.lengths.entry(prefix.len()).or_default() += 1;
                }
                watches.push(watch);
            }
            Kind::Range => self.ranges.push((keys.clone(), watch)),
        }
    }

    /// Removes a watch that was added with these keys. `false` if there is none.
    pub fn remove(&mut self, keys: &Keys, watch: &T) -> bool {
        let removed = match kind(keys) {
            Kind::Key(key) => remove(&mut self.by_key, key, watch).is_some(),
            Kind::Prefix(prefix) => {
                let removed = remove(&mut self.by_prefix, prefix, watch);
                if removed == Some(Last(true)) {
                    self.forget_length(prefix.len());
                }
                removed.is_some()
            }
            Kind::Range => {
                let at = self.ranges.iter().position(|(of, it)| it == watch && of == keys);
                at.map(|at| self.ranges.swap_remove(at)).is_some()
            }
        };
        self.len -= usize::from(removed);
        removed
    }

    /// Calls `found` for every watch that `key` is in, once each.
    pub fn matching(&self, key: &[u8], mut found: impl FnMut(&T)) {
        if let Some(watches) = self.by_key.get(key) {
            watches.iter().for_each(&mut found);
        }
        for length in self.lengths.keys() {
            let Some(prefix) = key.get(..*length) else { break };
            if let Some(watches) = self.by_prefix.get(prefix) {
                watches.iter().for_each(&mut found);
            }
        }
        for (keys, watch) in &self.ranges {
            if keys.contain(key) {
                found(watch);
            }
        }
    }

    fn forget_length(&mut self, length: usize) {
        if let Some(count) = self.lengths.get_mut(&length) {
            *count -= 1;
            if *count == 0 {
                self.lengths.remove(&length);
            }
        }
    }
}

/// Whether what was removed was the last of its list.
#[derive(PartialEq, Eq)]
struct Last(bool);

fn remove<T: PartialEq>(table: &mut HashMap<Box<[u8]>, Vec<T>>, key: &[u8], watch: &T) -> Option<Last> {
    let watches = table.get_mut(key)?;
    let at = watches.iter().position(|it| it == watch)?;
    watches.swap_remove(at);
    let last = watches.is_empty();
    if last {
        table.remove(key);
    }
    Some(Last(last))
}

/// A range that ends where the keys beginning with its first key end is a prefix; so is everything.
fn kind(keys: &Keys) -> Kind<'_> {
    match keys {
        Keys::One(key) => Kind::Key(key),
        Keys::Between(first, end) if after_prefix(first).as_ref() == Some(end) => Kind::Prefix(first),
        Keys::From(first) if first.as_ref() == [0] || first.is_empty() => Kind::Prefix(&[]),
        Keys::Between(..) | Keys::From(_) => Kind::Range,
    }
}
