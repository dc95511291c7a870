//! The writer: one thread that makes writes durable, decides them in the log's order, and tells everybody.
//!
//! The order for every entry: durable in the log, decided (`plan`), its records in memory, the index changed (`commit`),
//! noted for the backend, told to watchers, answered. So whoever has an answer finds it in every later read, and a
//! crash at any point loses nothing that was answered.
//!
//! Invariant: only this thread commits plans (compaction's removal changes nothing that a plan looks at).

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::Bytes;
use koinon_core_kv::{Answer, KvError};

use crate::error::StoreError;
use crate::log::{Log, is_lost};
use crate::propose::{Proposal, Waiting};
use crate::shared::Shared;

/// How often the log's figures are told; they take a copy.
const FIGURES_INTERVAL: Duration = Duration::from_millis(500);

/// A command that was applied.
#[derive(Debug)]
pub(crate) struct Applied {
    /// The keyspace's main revision afterwards.
    pub(crate) revision: i64,
    pub(crate) answer: Answer,
}

/// Why the store cannot go on.
struct Fatal(String);

/// Runs until the queue is closed or the log is lost.
#[derive(Debug)]
pub(crate) struct Writer {
    shared: Arc<Shared>,
    waiting: Waiting,
    log: Box<dyn Log>,
    /// The batch, as the log takes it; empty between two.
    entries: Vec<Bytes>,
    /// The index of the last entry in the log.
    last: u64,
    /// Everything below was purged.
    purged: u64,
    /// When the log's figures were told last.
    told: Option<Instant>,
}

impl Writer {
    pub(crate) fn new(shared: Arc<Shared>, waiting: Waiting, log: Box<dyn Log>, last: u64) -> Self {
        Self {
            shared,
            waiting,
            log,
            entries: Vec::new(),
            last,
            purged: 0,
            told: None,
        }
    }

    /// The thread.
    pub(crate) fn run(mut self) {
        let mut batch = Vec::new();
        let (entries_max, bytes_max) = (
            self.shared.settings.batch_entries_max,
            self.shared.settings.batch_bytes_max,
        );
        while self.waiting.next_batch(&mut batch, entries_max, bytes_max) {
            if let Err(error) = self.write(&mut batch) {
                tracing::error!(reason = error.0, "the store cannot go on; the node must end");
                self.shared.failed(error.0);
                break;
            }
            self.purge();
            self.tell_figures();
        }
        self.waiting.close();
        // Whoever still waits learns that nothing happened: it never reached the log.
        while self.waiting.next_batch(&mut batch, entries_max, usize::MAX) {
            refuse(&mut batch, || StoreError::Stopping);
        }
    }

    fn write(&mut self, batch: &mut Vec<Proposal>) -> Result<(), Fatal> {
        if let Some(reason) = self.shared.full() {
            refuse(batch, || StoreError::NoWrites {
                reason: reason.clone(),
            });
            return Ok(());
        }
        let first = self.last + 1;
        self.entries
            .extend(batch.iter().map(|proposal| proposal.bytes.clone()));
        let appended = self.log.append(first, &self.entries);
        self.entries.clear();
        match appended {
            Ok(()) => {}
            Err(error) if is_lost(&error) => {
                refuse(batch, || StoreError::OutcomeUnknown);
                return Err(Fatal(error.to_string()));
            }
            Err(error) => {
                let reason = error.to_string();
                tracing::warn!(%reason, "writes are refused");
                refuse(batch, || StoreError::NoWrites {
                    reason: reason.clone(),
                });
                return Ok(());
            }
        }
        let term = self.log.term();
        self.shared.figures.batches.fetch_add(1, Ordering::Relaxed);
        let mut batch_rest = batch.drain(..);
        while let Some(proposal) = batch_rest.next() {
            self.last += 1;
            let bytes = proposal.bytes.len();
            let applied = self.shared.apply(self.last, term, &proposal.command, bytes);
            if let Err(KvError::Records(error)) = &applied {
                // It is in the log and will be applied after a start; going on without it would be another history.
                let reason = error.to_string();
                let _gone = proposal.reply.send(Err(StoreError::OutcomeUnknown));
                refuse_all(batch_rest, || StoreError::OutcomeUnknown);
                return Err(Fatal(reason));
            }
            // Nobody may wait for the answer any more; the write is done all the same.
            let _gone = proposal.reply.send(applied.map_err(StoreError::from));
        }
        Ok(())
    }

    fn tell_figures(&mut self) {
        let now = Instant::now();
        if self.told.is_none_or(|told| now - told >= FIGURES_INTERVAL) {
            self.told = Some(now);
            self.shared.figures.take_log(|| self.log.figures());
        }
    }

    /// Lets the log forget what the backend has.
    fn purge(&mut self) {
        let durable = self.shared.durable.load(Ordering::Acquire);
        if durable <= self.purged {
            return;
        }
        self.purged = durable;
        if let Err(error) = self.log.purge(durable) {
            // Nothing is lost by it; the log only stays longer.
            tracing::warn!(%error, "cannot purge the log");
        }
    }
}

fn refuse(batch: &mut Vec<Proposal>, why: impl Fn() -> StoreError) {
    refuse_all(batch.drain(..), why);
}

fn refuse_all(proposals: impl Iterator<Item = Proposal>, why: impl Fn() -> StoreError) {
    for proposal in proposals {
        let _gone = proposal.reply.send(Err(why()));
    }
}
