//! The store's bounds and rhythms, each with its arithmetic.

use std::time::Duration;

/// Settings of the store.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The most writes that wait for the log. Default 4,096: at 10,000 syncs a second with hundreds in a batch that is
    /// some milliseconds of work; more waiting only means later answers.
    pub proposals_max: usize,
    /// The most bytes that wait for the log. Default 64 MiB: forty requests of the largest size.
    pub proposal_bytes_max: usize,
    /// The most entries that one sync makes durable. Default 1,024.
    pub batch_entries_max: usize,
    /// The most bytes that one sync makes durable. Default 4 MiB: about ten milliseconds of a slow disk.
    pub batch_bytes_max: usize,
    /// Bytes of the log's first segment. Default 1 MiB, so that a node that stores little takes little; each is four times as
    /// long as the one before, up to `log_segment_bytes`.
    pub log_first_segment_bytes: u64,
    /// Bytes of a full-grown segment of the log. Default 64 MiB.
    pub log_segment_bytes: u64,
    /// How often applied entries go to the backend. Default 100 ms: the log that a restart replays stays short.
    pub flush_interval: Duration,
    /// How many entries may be applied before they go to the backend, whatever the interval. Default 10,000.
    pub flush_entries_max: usize,
    /// How many entries may be applied that the backend does not have, before writes are refused: when it cannot keep
    /// up or has no space, memory must not grow. Default 200,000.
    pub unflushed_entries_max: usize,
    /// The same in bytes. Default 256 MiB.
    pub unflushed_bytes_max: usize,
    /// Memory for records that the backend has already. Default 32 MiB.
    pub cache_bytes_max: usize,
    /// The most live bytes of a keyspace. Default 2 GiB, as etcd's.
    pub quota_bytes: u64,
    /// The shortest life of a lease. Default 2 s: one and a half election timeouts, rounded up, as etcd's.
    pub lease_ttl_min_s: i64,
    /// Events that wait in one watch stream before its watchers fall back to history. Default 1,024.
    pub watch_queue_events_max: usize,
    /// The same in bytes. Default 4 MiB: a stream that does not read costs no more than this.
    pub watch_queue_bytes_max: usize,
    /// The most watchers on one stream. Default 100,000.
    pub watchers_per_stream_max: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            proposals_max: 4096,
            proposal_bytes_max: 64 << 20,
            batch_entries_max: 1024,
            batch_bytes_max: 4 << 20,
            log_first_segment_bytes: 1 << 20,
            log_segment_bytes: 64 << 20,
            flush_interval: Duration::from_millis(100),
            flush_entries_max: 10_000,
            unflushed_entries_max: 200_000,
            unflushed_bytes_max: 256 << 20,
            cache_bytes_max: 32 << 20,
            quota_bytes: 2 << 30,
            lease_ttl_min_s: 2,
            watch_queue_events_max: 1024,
            watch_queue_bytes_max: 4 << 20,
            watchers_per_stream_max: 100_000,
        }
    }
}
