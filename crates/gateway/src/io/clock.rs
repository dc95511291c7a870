//! A worker's coarse clock: read once per round of its loop and once per request, not at every use.
//!
//! Invariant: it is never later than now, and never earlier than the last time that the worker woke up.

use std::cell::Cell;
use std::time::Instant;

use koinon_base::Now;

thread_local! {
    static NOW: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// The clock of the thread that asks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    /// Shared by all workers, so that marks set by one mean the same to another.
    origin: Instant,
}

impl Clock {
    pub(crate) fn new(origin: Instant) -> Self {
        Self { origin }
    }

    /// Reads the real clock and remembers it for this thread.
    pub(crate) fn tick() -> Instant {
        let now = Instant::now();
        NOW.set(Some(now));
        now
    }

    /// The time at the last tick.
    pub(crate) fn coarse() -> Instant {
        NOW.get().unwrap_or_else(Self::tick)
    }

    /// The coarse time as the balancer counts it. Unix time is nobody's concern here.
    pub(crate) fn now(self) -> Now {
        let since = Self::coarse().saturating_duration_since(self.origin);
        Now {
            mono_ms: u64::try_from(since.as_millis()).unwrap_or(u64::MAX),
            unix_ms: 0,
        }
    }
}
