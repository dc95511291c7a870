//! How many retries a node may make: a share of its requests, plus a few a second.
//!
//! Without a budget, three tries per request turn an upstream's bad minute into three times its load. With one,
//! the retries of the last ten seconds never exceed a fifth of the requests of the same ten seconds (plus a
//! reserve, so that a quiet service may retry at all), however many requests fail. The shape and the numbers are
//! those of Finagle's `RetryBudget`: credits that expire, 20 %, 10 a second, 10 s.
//!
//! Seconds are counted in a ring of slots, each holding its second beside its count in one word. A slot of an
//! older second is simply begun anew by whoever comes first, so nothing needs to tick.
//!
//! Invariant: while all workers agree on the second, no retry is allowed beyond the budget, however many ask at
//! once. Around a change of second, each worker may be ahead by one.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use koinon_base::Now;

const SLOT_MS: u64 = 1_000;
const SLOTS: u32 = 10;
/// Compare-and-swaps lost to other workers before a retry is refused: each loss means that another one was
/// granted, so so many in a row mean a storm.
const TURNS_MAX: usize = 64;

/// The size of a retry budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryBudgetConfig {
    /// Retries per hundred requests. Default 20; 0 leaves only the reserve.
    pub percent: u32,
    /// Retries a second that are allowed on top, whatever the number of requests. Default 10.
    pub min_per_s: u32,
}

impl Default for RetryBudgetConfig {
    fn default() -> Self {
        Self {
            percent: 20,
            min_per_s: 10,
        }
    }
}

/// The retry budget of one upstream, shared by all workers of the node.
#[derive(Debug)]
#[repr(align(64))]
pub struct RetryBudget {
    config: RetryBudgetConfig,
    requests: Ring,
    retries: Ring,
}

impl RetryBudget {
    /// The time over which requests and retries are compared, in milliseconds.
    pub const WINDOW_MS: u64 = SLOT_MS * SLOTS as u64;

    /// A budget without history: its reserve is there at once.
    #[must_use]
    pub fn new(config: RetryBudgetConfig) -> Self {
        Self {
            config,
            requests: Ring::default(),
            retries: Ring::default(),
        }
    }

    /// Counts a request; its retries are not requests.
    pub fn record_request(&self, now: Now) {
        self.requests.add(second(now));
    }

    /// Takes one retry out of the budget; `false` when there is none left and the request should be answered.
    #[must_use]
    pub fn try_retry(&self, now: Now) -> bool {
        let second = second(now);
        let slot = self.retries.slot(second);
        for _ in 0..TURNS_MAX {
            // Loaded before the sum: if nobody has changed it when we store, nobody has been granted one since.
            let seen = slot.load(Relaxed);
            if self.retries.sum(second) >= self.allowed(second) {
                return false;
            }
            let next = Word(seen).counted(second);
            if slot.compare_exchange(seen, next.0, Relaxed, Relaxed).is_ok() {
                return true;
            }
        }
        false
    }

    /// How many retries are left at this moment.
    #[must_use]
    pub fn left(&self, now: Now) -> u64 {
        let second = second(now);
        self.allowed(second).saturating_sub(self.retries.sum(second))
    }

    /// How many retries the window may hold.
    fn allowed(&self, second: u32) -> u64 {
        let share = self
            .requests
            .sum(second)
            .saturating_mul(u64::from(self.config.percent))
            / 100;
        share.saturating_add(u64::from(self.config.min_per_s) * u64::from(SLOTS))
    }
}

fn second(now: Now) -> u32 {
    // Monotonic time starts near zero: it would take 136 years to wrap.
    (now.mono_ms / SLOT_MS) as u32
}

/// Events per second over the window.
#[derive(Debug, Default)]
struct Ring([AtomicU64; SLOTS as usize]);

impl Ring {
    fn slot(&self, second: u32) -> &AtomicU64 {
        &self.0[(second % SLOTS) as usize]
    }

    fn add(&self, second: u32) {
        let slot = self.slot(second);
        let seen = slot.load(Relaxed);
        if !Word(seen).is_older_than(second) {
            slot.fetch_add(1, Relaxed);
            return;
        }
        let begun = Word(seen).counted(second);
        if slot.compare_exchange(seen, begun.0, Relaxed, Relaxed).is_err() {
            slot.fetch_add(1, Relaxed); // another worker has begun the second
        }
    }

    /// The events of the window that ends with `second`. Later ones count too: another worker's clock is ahead.
    fn sum(&self, second: u32) -> u64 {
        let first = (second + 1).saturating_sub(SLOTS);
        let words = self.0.iter().map(|slot| Word(slot.load(Relaxed)));
        words
            .filter(|word| !word.is_older_than(first))
            .map(Word::count)
            .sum()
    }
}

/// A second in the high half, its count in the low one (4 billion a second are out of reach).
#[derive(Debug, Clone, Copy)]
struct Word(u64);

impl Word {
    fn is_older_than(self, second: u32) -> bool {
        self.0 >> 32 < u64::from(second)
    }

    fn count(self) -> u64 {
        self.0 & u64::from(u32::MAX)
    }

    /// With one event more in `second`, or in its own if that is later.
    fn counted(self, second: u32) -> Self {
        if self.is_older_than(second) {
            Self(u64::from(second) << 32 | 1)
        } else {
            Self(self.0 + 1)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NO_RESERVE: RetryBudgetConfig = RetryBudgetConfig {
        percent: 20,
        min_per_s: 0,
    };

    fn at(mono_ms: u64) -> Now {
        Now { mono_ms, unix_ms: 0 }
    }

    fn record(budget: &RetryBudget, requests: u32, at_ms: u64) {
        (0..requests).for_each(|_| budget.record_request(at(at_ms)));
    }

    /// Retries until the budget refuses.
    fn drain(budget: &RetryBudget, at_ms: u64) -> u32 {
        (0..100_000).take_while(|_| budget.try_retry(at(at_ms))).count() as u32
    }

    /// A fifth of the requests and not one more.
    #[test]
    fn the_share_is_exact() {
        let budget = RetryBudget::new(NO_RESERVE);
        assert!(!budget.try_retry(at(0)), "nothing comes from nothing");
        record(&budget, 104, 0);
        assert_eq!((budget.left(at(0)), drain(&budget, 0)), (20, 20));
        record(&budget, 1, 0);
        assert_eq!(drain(&budget, 0), 1, "the 105th request earns the 21st retry");
    }

    /// A service that is asked rarely may still retry, at a bounded rate.
    #[test]
    fn the_reserve_is_per_second() {
        let config = RetryBudgetConfig {
            percent: 0,
            min_per_s: 10,
        };
        let budget = RetryBudget::new(config);
        assert_eq!(drain(&budget, 5_000), 100);
        assert_eq!(drain(&budget, 14_999), 0);
        assert_eq!(drain(&budget, 15_000), 100, "the window has passed");
        let spread: u32 = (0..100)
            .map(|s| u32::from(drain(&budget, 30_000 + s * 1_000) > 0))
            .sum();
        assert_eq!(spread, 10, "100 in ten seconds, again and again");
    }

    /// Credit of a busy hour must not be spent in a bad minute: requests count for ten seconds.
    #[test]
    fn credit_expires() {
        let budget = RetryBudget::new(NO_RESERVE);
        record(&budget, 1_000, 0);
        record(&budget, 50, 4_000);
        assert_eq!(budget.left(at(9_999)), 210);
        assert_eq!(budget.left(at(10_000)), 10);
        assert_eq!(budget.left(at(14_000)), 0);
        record(&budget, 5, 1_000_000);
        assert_eq!(drain(&budget, 1_000_000), 1, "a slot of long ago is begun anew");
    }

    /// Workers read the time at slightly different moments; a late one must not reset or lose what others counted.
    #[test]
    fn a_clock_behind_does_no_harm() {
        let budget = RetryBudget::new(NO_RESERVE);
        record(&budget, 100, 10_000);
        record(&budget, 100, 500); // the same slot of the ring, one turn ago
        assert_eq!(budget.left(at(10_000)), 40);
        assert_eq!(budget.left(at(9_999)), 40);
        assert!(budget.try_retry(at(9_500)));
        assert_eq!(budget.left(at(10_000)), 39);
    }

    /// The largest settings and times must not overflow.
    #[test]
    fn extremes_are_safe() {
        let config = RetryBudgetConfig {
            percent: u32::MAX,
            min_per_s: u32::MAX,
        };
        let budget = RetryBudget::new(config);
        budget.record_request(at(u64::MAX));
        assert!(budget.try_retry(at(u64::MAX)));
    }
}
