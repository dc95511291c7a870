//! Time as a value: state machines are handed a [`Now`], only running tasks own a [`Clock`].
//!
//! Two clocks are read at one moment, because they answer different questions. Whether a lease has run out is
//! decided on the monotonic one, so that a step of the wall clock expires nothing; what a person or a foreign
//! client is shown is the wall clock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// One moment on both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// Milliseconds since an arbitrary start; never goes back.
    pub mono_ms: u64,
    /// Milliseconds since 1970-01-01 UTC; may step.
    pub unix_ms: i64,
}

impl Now {
    /// The same moment, `by_ms` later.
    #[must_use]
    pub fn plus_ms(self, by_ms: u64) -> Self {
        Self {
            mono_ms: self.mono_ms.saturating_add(by_ms),
            unix_ms: self
                .unix_ms
                .saturating_add(i64::try_from(by_ms).unwrap_or(i64::MAX)),
        }
    }
}

/// A source of [`Now`].
pub trait Clock: Send + Sync + 'static {
    /// Reads both clocks.
    fn now(&self) -> Now;
}

/// The operating system's clocks.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    origin: Instant,
}

impl SystemClock {
    /// A clock whose monotonic time starts now.
    #[must_use]
    pub fn new() -> Self {
        Self {
            origin: Instant::now(),
        }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Now {
        let unix = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or(Duration::ZERO);
        Now {
            mono_ms: millis(self.origin.elapsed()),
            unix_ms: i64::try_from(millis(unix)).unwrap_or(i64::MAX),
        }
    }
}

/// A clock that moves only when told to, for tests and the simulator.
#[derive(Debug)]
pub struct ManualClock {
    start_unix_ms: i64,
    elapsed_ms: AtomicU64,
}

impl ManualClock {
    /// A clock that stands at `unix_ms` until it is advanced.
    #[must_use]
    pub fn new(unix_ms: i64) -> Self {
        Self {
            start_unix_ms: unix_ms,
            elapsed_ms: AtomicU64::new(0),
        }
    }

    /// Moves both clocks on.
    pub fn advance_ms(&self, by_ms: u64) {
        self.elapsed_ms.fetch_add(by_ms, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Now {
        Now {
            mono_ms: 0,
            unix_ms: self.start_unix_ms,
        }
        .plus_ms(self.elapsed_ms.load(Ordering::SeqCst))
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
