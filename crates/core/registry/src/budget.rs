//! How many bytes of instances there may be, counted over all the registries that share one budget.
//!
//! A limit on the number of instances bounds no memory when each may bring a megabyte of metadata. The count is an
//! estimate of each instance (`Description::size_bytes`), but an exact count of estimates: what was taken for an
//! instance is given back for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A bound on bytes. Clones share it.
#[derive(Debug, Clone)]
pub struct Budget {
    used: Arc<AtomicUsize>,
    max: usize,
}

impl Budget {
    /// A budget of `max` bytes, none of them used.
    #[must_use]
    pub fn new(max: usize) -> Self {
        Self {
            used: Arc::default(),
            max,
        }
    }

    /// The bytes in use.
    #[must_use]
    pub fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// The most there may be in use.
    #[must_use]
    pub fn max(&self) -> usize {
        self.max
    }

    /// Takes `bytes` if they are free.
    pub(crate) fn try_take(&self, bytes: usize) -> bool {
        let fits = |used: usize| used.checked_add(bytes).filter(|used| *used <= self.max);
        let (set, fetch) = (Ordering::Relaxed, Ordering::Relaxed);
        self.used.fetch_update(set, fetch, fits).is_ok()
    }

    pub(crate) fn give_back(&self, bytes: usize) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// What one registry has taken of a budget.
#[derive(Debug)]
pub(crate) struct Account {
    budget: Budget,
    held: usize,
}

impl Account {
    pub(crate) fn new(budget: Budget) -> Self {
        Self { budget, held: 0 }
    }

    pub(crate) fn max(&self) -> usize {
        self.budget.max()
    }

    /// Whether `bytes` would be free if this registry gave back `dispensable` of its own.
    pub(crate) fn could_take(&self, bytes: usize, dispensable: usize) -> bool {
        self.budget
            .used()
            .saturating_sub(dispensable)
            .saturating_add(bytes)
            <= self.budget.max()
    }

    /// Takes `bytes` in advance, if they are free.
    pub(crate) fn try_take(&mut self, bytes: usize) -> bool {
        let taken = self.budget.try_take(bytes);
        self.held += if taken { bytes } else { 0 };
        taken
    }

    /// Says how much is really in use; never more than was taken before.
    pub(crate) fn settle(&mut self, used: usize) {
        debug_assert!(used <= self.held, "{used} bytes in use, {} taken", self.held);
        let spare = self.held.saturating_sub(used);
        self.budget.give_back(spare);
        self.held -= spare;
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        self.budget.give_back(self.held);
    }
}
