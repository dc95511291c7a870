//! What was asked of the door, in numbers that can be read at any time.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts since the process started, except for what says "open".
#[derive(Debug, Default)]
pub struct DoorStats {
    answered: AtomicU64,
    failed: AtomicU64,
    streams_open: AtomicU64,
    watchers_open: AtomicU64,
    events: AtomicU64,
}

impl DoorStats {
    /// Calls that were answered as asked.
    #[must_use]
    pub fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }

    /// Calls that ended with an error.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }

    /// Lasting calls open now.
    #[must_use]
    pub fn streams_open(&self) -> u64 {
        self.streams_open.load(Ordering::Relaxed)
    }

    /// Watchers open now.
    #[must_use]
    pub fn watchers_open(&self) -> u64 {
        self.watchers_open.load(Ordering::Relaxed)
    }

    /// Events sent to watchers.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.events.load(Ordering::Relaxed)
    }

    pub(super) fn count(&self, answered: bool) {
        let counter = if answered { &self.answered } else { &self.failed };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_events(&self, events: usize) {
        self.events.fetch_add(events as u64, Ordering::Relaxed);
    }

    pub(super) fn open_stream(&self) -> Opened<'_> {
        Opened::more(&self.streams_open)
    }

    pub(super) fn open_watcher(&self) -> Opened<'_> {
        Opened::more(&self.watchers_open)
    }
}

/// Counts one thing as open for as long as it lives.
#[derive(Debug)]
pub(super) struct Opened<'a>(&'a AtomicU64);

impl<'a> Opened<'a> {
    fn more(counter: &'a AtomicU64) -> Self {
        counter.fetch_add(1, Ordering::Relaxed);
        Self(counter)
    }
}

impl Drop for Opened<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
