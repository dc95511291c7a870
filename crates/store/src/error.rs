//! Why the store did not do something, or does not know whether it did.

use koinon_base::ErrorKind;
use koinon_core_kv::KvError;
use thiserror::Error;

/// Why an operation has no answer.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The keyspace refused it; nothing happened.
    #[error(transparent)]
    Kv(#[from] KvError),
    /// Too much is waiting already; nothing happened.
    #[error("the store has {waiting} writes waiting, of at most {max}; try again later")]
    Overloaded {
        /// What waits.
        waiting: usize,
        /// Its bound.
        max: usize,
    },
    /// The log takes nothing at present; nothing happened.
    #[error("the store takes no writes: {reason}")]
    NoWrites {
        /// Why, for an operator.
        reason: String,
    },
    /// The store is closed or closing; nothing happened.
    #[error("the store is stopping")]
    Stopping,
    /// The write was under way when the store stopped: it may have happened.
    #[error("the store stopped before the write was known to be done")]
    OutcomeUnknown,
    /// A fault of ours: an answer of another kind than the question.
    #[error("the store answered something else than it was asked")]
    Broken,
}

impl StoreError {
    /// What the caller must do.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Kv(error) => error.kind(),
            Self::Overloaded { .. } => ErrorKind::Overloaded,
            Self::NoWrites { .. } | Self::Stopping => ErrorKind::Unavailable,
            Self::OutcomeUnknown => ErrorKind::OutcomeUnknown,
            Self::Broken => ErrorKind::Internal,
        }
    }
}
