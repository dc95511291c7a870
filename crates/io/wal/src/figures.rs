//! What the log can say about itself.

use std::time::Duration;

/// Bounds of the buckets of [`Latencies`], each twice the one before: 16 µs to 33.5 s, and one for all above.
const BUCKETS: usize = 23;
const FIRST_BOUND_US: u64 = 16;

/// How long something took, in doubling buckets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Latencies {
    buckets: [u64; BUCKETS],
    sum_us: u64,
    max_us: u64,
}

impl Latencies {
    pub(crate) fn note(&mut self, took: Duration) {
        let took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let bucket = (0..BUCKETS - 1)
            .find(|at| took_us <= FIRST_BOUND_US << at)
            .unwrap_or(BUCKETS - 1);
        self.buckets[bucket] += 1;
        self.sum_us = self.sum_us.saturating_add(took_us);
        self.max_us = self.max_us.max(took_us);
    }

    /// How many were measured.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// All of them together, in microseconds.
    #[must_use]
    pub fn sum_us(&self) -> u64 {
        self.sum_us
    }

    /// The longest, in microseconds.
    #[must_use]
    pub fn max_us(&self) -> u64 {
        self.max_us
    }

    /// Upper bounds in microseconds (`u64::MAX` for the last bucket) and how many fell into each bucket.
    pub fn buckets(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        let bound = |at| {
            if at + 1 == BUCKETS {
                u64::MAX
            } else {
                FIRST_BOUND_US << at
            }
        };
        self.buckets
            .iter()
            .enumerate()
            .map(move |(at, count)| (bound(at), *count))
    }

    /// The bound of the bucket in which this share (0 to 1) of all lies, at most the longest, in microseconds.
    #[must_use]
    pub fn quantile_us(&self, share: f64) -> u64 {
        let wanted = share * self.count() as f64;
        let mut seen = 0;
        for (bound, count) in self.buckets() {
            seen += count;
            if seen as f64 >= wanted {
                return bound.min(self.max_us);
            }
        }
        self.max_us
    }
}

/// Counters since the log was opened, and what it holds now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Figures {
    /// Segments with entries that may still be asked for.
    pub segments: u64,
    /// Bytes that these take on the disk.
    pub segment_bytes: u64,
    /// Bytes of frames written.
    pub written_bytes: u64,
    /// Records written.
    pub records: u64,
    /// Writes made durable: each one write and one sync.
    pub syncs: u64,
    /// How long write and sync took together.
    pub sync_latency: Latencies,
    /// Segments filled with zeros from new space.
    pub segments_made: u64,
    /// Segments purged and used again.
    pub segments_recycled: u64,
    /// How often a segment was not ready when it was needed, so that an append waited for it.
    pub segments_waited_for: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects: a latency falls into the bucket whose bound is the next above, and quantiles tell that bound.
    #[test]
    fn latencies_fall_into_their_buckets() {
        let mut latencies = Latencies::default();
        for took_us in [10, 16, 17, 100, 1_000_000_000] {
            latencies.note(Duration::from_micros(took_us));
        }
        let buckets: Vec<(u64, u64)> = latencies.buckets().filter(|(_, count)| *count > 0).collect();
        assert_eq!(buckets, [(16, 2), (32, 1), (128, 1), (u64::MAX, 1)]);
        assert_eq!(latencies.quantile_us(0.5), 32);
        assert_eq!(latencies.quantile_us(1.0), 1_000_000_000);
        assert_eq!((latencies.count(), latencies.max_us()), (5, 1_000_000_000));
        assert_eq!(Latencies::default().quantile_us(0.99), 0);
    }
}
