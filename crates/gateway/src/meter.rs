//! Counts of requests and their times: each worker writes its own cache lines, a scrape adds them up.
//!
//! Invariant: a shard has one writer, so counting is a load and a store and never waits for another core.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Upper ends of the duration buckets, in microseconds; one more bucket has no end.
pub const BUCKETS_US: [u64; 14] = [
    500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
    5_000_000, 10_000_000,
];

/// Counts of one route or upstream.
#[derive(Debug)]
pub(crate) struct Meter {
    shards: Box<[Shard]>,
}

#[derive(Debug, Default)]
#[repr(align(64))]
struct Shard {
    /// By the first digit of the status.
    classes: [AtomicU64; 5],
    buckets: [AtomicU64; BUCKETS_US.len() + 1],
    sum_us: AtomicU64,
}

impl Meter {
    pub(crate) fn new(workers: usize) -> Self {
        Self {
            shards: (0..workers.max(1)).map(|_| Shard::default()).collect(),
        }
    }

    /// Counts one response.
    pub(crate) fn record(&self, worker: usize, status: u16, time: Duration) {
        let Some(shard) = self.shards.get(worker) else {
            return;
        };
        let class = usize::from(status / 100).clamp(1, 5) - 1;
        let us = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let bucket = BUCKETS_US
            .iter()
            .position(|end| us <= *end)
            .unwrap_or(BUCKETS_US.len());
        shard
            .classes
            .get(class)
            .into_iter()
            .for_each(|count| bump(count, 1));
        shard
            .buckets
            .get(bucket)
            .into_iter()
            .for_each(|count| bump(count, 1));
        bump(&shard.sum_us, us);
    }

    /// Everything counted so far.
    pub(crate) fn read(&self) -> MeterView {
        let mut view = MeterView::default();
        for shard in &self.shards {
            let add = |sums: &mut [u64], counts: &[AtomicU64]| {
                for (sum, count) in sums.iter_mut().zip(counts) {
                    *sum += count.load(Relaxed);
                }
            };
            add(&mut view.by_class, &shard.classes);
            add(&mut view.by_bucket, &shard.buckets);
            view.sum_us += shard.sum_us.load(Relaxed);
        }
        view
    }
}

/// Adds to a count that only this thread writes.
pub(crate) fn bump(count: &AtomicU64, by: u64) {
    count.store(count.load(Relaxed).wrapping_add(by), Relaxed);
}

/// What a route or upstream has answered since start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MeterView {
    /// Responses by the first digit of their status, 1xx first.
    pub by_class: [u64; 5],
    /// Responses by duration, see [`BUCKETS_US`]; not cumulative.
    pub by_bucket: [u64; BUCKETS_US.len() + 1],
    /// All durations together, in microseconds.
    pub sum_us: u64,
}

impl MeterView {
    /// All responses.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.by_class.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What workers count apart must add up, each response once in a class and once in a bucket.
    #[test]
    fn shards_add_up() {
        let meter = Meter::new(2);
        meter.record(0, 200, Duration::from_micros(400));
        meter.record(1, 503, Duration::from_micros(501));
        meter.record(1, 204, Duration::from_secs(60));
        let view = meter.read();
        assert_eq!(view.by_class, [0, 2, 0, 0, 1]);
        assert_eq!(
            (view.by_bucket[0], view.by_bucket[1], view.by_bucket[14]),
            (1, 1, 1)
        );
        assert_eq!((view.count(), view.sum_us), (3, 60_000_901));
    }
}
