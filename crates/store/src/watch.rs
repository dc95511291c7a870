//! Watching keys: everything that happens to them, in order, once, from any revision that is not compacted.
//!
//! A [`WatchStream`] is one client's connection with any number of watchers on it. The writer hands what happens to the
//! streams' bounded queues (`hub`) and has them woken (`teller`); a watcher that its queue has no room for falls behind and is brought up from
//! the records, in the stream's own time (`stream`). So a stream that nobody reads costs its queue and no more.

mod bell;
mod hub;
mod queue;
mod stream;
mod teller;

use std::sync::Arc;

use koinon_core_kv::{Keys, Record};

pub(crate) use hub::Hub;
pub use stream::WatchStream;

/// What to watch.
#[derive(Debug, Clone)]
pub struct WatchRequest {
    /// The watcher's number in its stream, as the client wants it; 0: the stream chooses.
    pub id: i64,
    /// Which keys.
    pub keys: Keys,
    /// The first main revision whose changes are told; 0: what happens from now on.
    pub start_revision: i64,
    /// Do not tell of puts.
    pub no_put: bool,
    /// Do not tell of deletions.
    pub no_delete: bool,
    /// Tell what was there before each change, as far as it is not compacted.
    pub prev_kv: bool,
}

/// A watcher that was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watching {
    /// Its number in its stream.
    pub id: i64,
    /// The keyspace's main revision when it was made.
    pub revision: i64,
}

/// Why a watcher was not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WatchRefused {
    /// The stream has one of that number.
    #[error("the stream has a watcher {0} already")]
    IdTaken(i64),
    /// The stream has as many as it may.
    #[error("the stream has {0} watchers, and may not have more")]
    TooMany(usize),
}

/// One change of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// What was written.
    pub record: Arc<Record>,
    /// What was there before, if the watcher asked for it and it is still known; a [`Record::Put`].
    pub prev: Option<Arc<Record>>,
}

/// What a stream tells.
#[derive(Debug)]
pub enum WatchMessage {
    /// Something happened. Events are in order; those of one main revision are in one message.
    Events {
        /// Which watcher.
        watch: i64,
        /// The keyspace's main revision: nothing that the watcher was told of is above it.
        revision: i64,
        /// What happened.
        events: Vec<Event>,
    },
    /// The watcher ended, because it asked for history that is compacted.
    Compacted {
        /// Which watcher.
        watch: i64,
        /// The oldest main revision that can be watched from.
        compact_revision: i64,
        /// The keyspace's main revision.
        revision: i64,
    },
}
