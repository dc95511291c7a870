//! The queue of writes before the log: bounded in number and bytes, never waited in by whoever proposes.
//!
//! Invariant: `Load` counts exactly what is in the queue, so the queue itself needs no bound, and the word to close always
//! gets in.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use koinon_core_kv::Command;
use tokio::sync::{mpsc, oneshot};

use crate::error::StoreError;
use crate::settings::Settings;
use crate::writer::Applied;

/// A write that waits for the log.
#[derive(Debug)]
pub(crate) struct Proposal {
    pub(crate) command: Command,
    /// The command as the log holds it.
    pub(crate) bytes: Bytes,
    pub(crate) reply: oneshot::Sender<Result<Applied, StoreError>>,
}

#[derive(Debug)]
enum Item {
    Proposal(Proposal),
    Close,
}

/// What waits.
#[derive(Debug, Default)]
struct Load {
    entries: AtomicUsize,
    bytes: AtomicUsize,
}

/// The side that proposes.
#[derive(Debug)]
pub(crate) struct Proposals {
    queue: mpsc::UnboundedSender<Item>,
    load: Arc<Load>,
    entries_max: usize,
    bytes_max: usize,
}

/// The side that takes them.
#[derive(Debug)]
pub(crate) struct Waiting {
    queue: mpsc::UnboundedReceiver<Item>,
    load: Arc<Load>,
    /// Taken from the queue, but too large for the batch before.
    left_over: Option<Proposal>,
}

/// Both sides of a queue.
pub(crate) fn proposals(settings: &Settings) -> (Proposals, Waiting) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let load = Arc::new(Load::default());
    let proposals = Proposals {
        queue: sender,
        load: load.clone(),
        entries_max: settings.proposals_max,
        bytes_max: settings.proposal_bytes_max,
    };
    let waiting = Waiting {
        queue: receiver,
        load,
        left_over: None,
    };
    (proposals, waiting)
}

impl Proposals {
    /// Queues a command and answers when it was applied. Dropping the answer does not take the command back.
    pub(crate) async fn propose(&self, command: Command) -> Result<Applied, StoreError> {
        let mut bytes = Vec::new();
        command.encode(&mut bytes);
        let bytes = Bytes::from(bytes);
        let (reply, answer) = oneshot::channel();
        self.enqueue(Proposal {
            command,
            bytes,
            reply,
        })?;
        answer.await.unwrap_or(Err(StoreError::OutcomeUnknown))
    }

    /// How many wait.
    pub(crate) fn waiting(&self) -> usize {
        self.load.entries.load(Ordering::Relaxed)
    }

    /// Whoever takes them takes what waits, and no more.
    pub(crate) fn close(&self) {
        // It is closed already if nobody listens.
        let _closed = self.queue.send(Item::Close);
    }

    fn enqueue(&self, proposal: Proposal) -> Result<(), StoreError> {
        let len = proposal.bytes.len();
        let entries = self.load.entries.fetch_add(1, Ordering::Relaxed) + 1;
        let bytes = self
            .load
            .bytes
            .fetch_add(len, Ordering::Relaxed)
            .saturating_add(len);
        let refused = if entries > self.entries_max || bytes > self.bytes_max {
            StoreError::Overloaded {
                waiting: entries - 1,
                max: self.entries_max,
            }
        } else if self.queue.send(Item::Proposal(proposal)).is_err() {
            StoreError::Stopping
        } else {
            return Ok(());
        };
        self.load.less(1, len);
        Err(refused)
    }
}

impl Waiting {
    /// Fills `batch` with what waits, oldest first, within the bounds of one sync; waits for the first. False when the
    /// queue is closed and empty. Belongs on a thread of its own.
    pub(crate) fn next_batch(
        &mut self,
        batch: &mut Vec<Proposal>,
        entries_max: usize,
        bytes_max: usize,
    ) -> bool {
        let Some(first) = self.left_over.take().or_else(|| self.wait()) else {
            return false;
        };
        let mut bytes = first.bytes.len();
        batch.push(first);
        while batch.len() < entries_max {
            let next = match self.queue.try_recv() {
                Ok(Item::Proposal(next)) => next,
                Ok(Item::Close) => {
                    self.queue.close();
                    continue;
                }
                Err(_) => break,
            };
            if bytes + next.bytes.len() > bytes_max {
                self.left_over = Some(next);
                break;
            }
            bytes += next.bytes.len();
            batch.push(next);
        }
        self.load.less(batch.len(), bytes);
        true
    }

    /// Takes no more; what waits can still be taken.
    pub(crate) fn close(&mut self) {
        self.queue.close();
    }

    fn wait(&mut self) -> Option<Proposal> {
        loop {
            match self.queue.blocking_recv()? {
                Item::Proposal(proposal) => return Some(proposal),
                Item::Close => self.queue.close(),
            }
        }
    }
}

impl Load {
    fn less(&self, entries: usize, bytes: usize) {
        self.entries.fetch_sub(entries, Ordering::Relaxed);
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}
