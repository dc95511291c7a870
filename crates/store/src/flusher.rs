//! The flusher: one thread that carries what was applied to the backend, and removes what compaction forgot.
//!
//! A flush that fails is kept and tried again: nothing of it may be lost, and its records stay in memory until it is done. While
//! that lasts, writes go on until the bounds of what may be unflushed are reached, and reads go on for ever.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use koinon_base::ErrorKind;
use koinon_core_kv::{SpaceId, Sweep};
use koinon_io_backend::{BackendError, Batch};

use crate::shared::Shared;

/// How many keys compaction looks at in one exclusive section: some hundred microseconds.
const SWEEP_KEYS_MAX: usize = 1000;
/// How many such sections before what they removed is flushed.
const SWEEPS_PER_FLUSH_MAX: usize = 64;
/// How long after a failed flush it is tried again.
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// A flush on its way.
#[derive(Debug)]
struct Flush {
    batch: Batch,
    entries: usize,
    bytes: usize,
    records: usize,
}

/// Runs until the store is closed and everything is flushed, or cannot be.
#[derive(Debug)]
pub(crate) struct Flusher {
    shared: Arc<Shared>,
    under_way: Option<Flush>,
    /// Passes over keyspaces that are not done.
    sweeps: BTreeMap<SpaceId, Sweep>,
    /// What the last failure said, so that a lasting one is logged once.
    complaint: Option<String>,
}

impl Flusher {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            under_way: None,
            sweeps: BTreeMap::new(),
            complaint: None,
        }
    }

    /// The thread.
    pub(crate) fn run(mut self) {
        loop {
            let closing = if self.under_way.is_some() {
                self.shared.bell.pause(RETRY_AFTER)
            } else {
                self.shared.bell.wait(self.shared.settings.flush_interval)
            };
            self.sweep();
            let done = self.flush();
            if closing && (!done || self.shared.dirty().is_empty()) {
                return;
            }
        }
    }

    /// Takes some of what compaction forgot out of the index. Readers and the writer get in between.
    fn sweep(&mut self) {
        let mut steps = SWEEPS_PER_FLUSH_MAX;
        for (space, _) in SpaceId::ALL {
            let Some(mut sweep) = self.sweeps.remove(&space).or_else(|| self.shared.sweep(space)) else {
                continue;
            };
            while steps > 0 && !sweep.is_done() {
                self.shared.sweep_step(space, &mut sweep, SWEEP_KEYS_MAX);
                steps -= 1;
            }
            if !sweep.is_done() {
                self.sweeps.insert(space, sweep);
            }
        }
        if !self.sweeps.is_empty() {
            self.shared.bell.ring();
        }
    }

    /// False when the backend did not take it.
    fn flush(&mut self) -> bool {
        let Some(flush) = self.under_way.take().or_else(|| self.collect()) else {
            return true;
        };
        match self.commit(&flush.batch) {
            Ok(()) => {
                self.finish(&flush);
                true
            }
            Err(error) => {
                self.complain(&error);
                self.under_way = Some(flush);
                false
            }
        }
    }

    fn collect(&self) -> Option<Flush> {
        let dirty = self.shared.dirty().take_all()?;
        Some(Flush {
            entries: dirty.entries,
            bytes: dirty.bytes,
            records: dirty.records(),
            batch: dirty.into_batch(),
        })
    }

    fn commit(&self, batch: &Batch) -> Result<(), BackendError> {
        let backend = self.shared.values.backend.as_ref();
        if backend.needs_reopen() {
            backend.reopen()?;
            if backend.load()?.applied >= batch.applied && batch.remove.is_empty() {
                return Ok(());
            }
        }
        backend.commit(batch)
    }

    fn finish(&mut self, flush: &Flush) {
        let shared = &self.shared;
        shared.values.overlay.flushed(flush.records);
        shared.durable.store(flush.batch.applied.index, Ordering::Release);
        shared.flushed(flush.entries, flush.bytes);
        if self.complaint.take().is_some() {
            tracing::info!("the backend takes writes again");
        }
    }

    fn complain(&mut self, error: &BackendError) {
        if error.kind() == ErrorKind::Internal {
            self.shared.failed(error.to_string());
        }
        let complaint = error.to_string();
        if self.complaint.as_ref() != Some(&complaint) {
            tracing::warn!(error = %complaint, "applied writes stay in memory and in the log; the backend does not take them");
            self.complaint = Some(complaint);
        }
        self.shared.figures.flush_failures.fetch_add(1, Ordering::Relaxed);
    }
}
