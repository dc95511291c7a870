//! What an operator sees of the store.

use std::sync::atomic::Ordering;

use koinon_core_kv::SpaceId;

use crate::handle::Store;

/// How the store stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Figures {
    /// Each keyspace, in the order of [`SpaceId::ALL`].
    pub spaces: Vec<SpaceFigures>,
    /// Writes that wait for the log.
    pub waiting: usize,
    /// Entries applied since the start.
    pub entries: u64,
    /// Batches of them: each was one sync of the log.
    pub batches: u64,
    /// Applied entries that the backend does not have yet.
    pub unflushed_entries: usize,
    /// Flushes that failed since the start, and were or will be tried again.
    pub flush_failures: u64,
    /// Records kept in memory, in bytes, about.
    pub memory_bytes: usize,
    /// The log.
    pub log: koinon_io_wal::Figures,
    /// The backend.
    pub backend: koinon_io_backend::Figures,
}

/// How a keyspace stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpaceFigures {
    /// Which.
    pub space: SpaceId,
    /// What its state machine counts.
    pub kv: koinon_core_kv::Figures,
    /// How many watchers it has.
    pub watchers: usize,
    /// The most live bytes that it may have.
    pub quota_bytes: u64,
}

impl Store {
    /// How the store stands.
    #[must_use]
    pub fn figures(&self) -> Figures {
        let shared = &self.shared;
        let spaces = {
            let machine = shared.machine_read();
            let spaces = machine.spaces().map(|space| SpaceFigures {
                space: space.id(),
                kv: space.figures(),
                watchers: shared.hub(space.id()).len(),
                quota_bytes: shared.settings.quota_bytes,
            });
            spaces.collect()
        };
        Figures {
            spaces,
            waiting: shared.proposals_waiting(),
            entries: shared.figures.entries.load(Ordering::Relaxed),
            batches: shared.figures.batches.load(Ordering::Relaxed),
            unflushed_entries: shared.unflushed_entries(),
            flush_failures: shared.figures.flush_failures.load(Ordering::Relaxed),
            memory_bytes: shared.values.overlay.bytes(),
            log: shared.figures.log(),
            backend: shared.values.backend.figures(),
        }
    }
}
