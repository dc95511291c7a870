//! The store's figures, and those of its etcd door.

use koinon_api_etcd::serve::Door;
use koinon_io_telemetry::{Metrics, Sample};
use koinon_store::{Figures, SpaceFigures, Store};

type SpaceFigure = (&'static str, &'static str, fn(&SpaceFigures) -> u64);
type StoreFigure = (&'static str, &'static str, fn(&Figures) -> u64);

const SPACES: &[SpaceFigure] = &[
    ("store_revision", "A keyspace's main revision", |figures| {
        u64::try_from(figures.kv.revision).unwrap_or(0)
    }),
    ("store_keys", "Keys that exist", |figures| figures.kv.keys as u64),
    ("store_leases", "Leases that exist", |figures| {
        figures.kv.leases as u64
    }),
    ("store_live_bytes", "Bytes of all readable records", |figures| {
        figures.kv.live_bytes
    }),
    ("store_quota_bytes", "The most live bytes", |figures| {
        figures.quota_bytes
    }),
    ("store_watchers", "Watchers open now", |figures| {
        figures.watchers as u64
    }),
];

const GAUGES: &[StoreFigure] = &[
    (
        "store_writes_waiting",
        "Writes that wait for the log",
        |figures| figures.waiting as u64,
    ),
    (
        "store_unflushed_entries",
        "Applied entries that the backend does not have yet",
        |figures| figures.unflushed_entries as u64,
    ),
    ("store_memory_bytes", "Records kept in memory, about", |figures| {
        figures.memory_bytes as u64
    }),
    ("store_backend_bytes", "Length of the backend's file", |figures| {
        figures.backend.size_bytes
    }),
];

const COUNTERS: &[StoreFigure] = &[
    ("store_entries", "Entries applied", |figures| figures.entries),
    (
        "store_batches",
        "Batches of entries, each one sync of the log",
        |figures| figures.batches,
    ),
    (
        "store_flush_failures",
        "Flushes to the backend that failed and are tried again",
        |figures| figures.flush_failures,
    ),
];

/// Adds the store's figures.
pub(crate) fn add(metrics: &mut Metrics, store: &Store) {
    for (name, help, read) in SPACES {
        let store = store.clone();
        metrics.gauge(name, help, move || each_space(&store.figures(), *read));
    }
    for (name, help, read) in GAUGES {
        let store = store.clone();
        metrics.gauge(name, help, move || one(read(&store.figures())));
    }
    for (name, help, read) in COUNTERS {
        let store = store.clone();
        metrics.counter(name, help, move || one(read(&store.figures())));
    }
}

/// Adds the etcd door's figures.
pub(crate) fn add_etcd(metrics: &mut Metrics, door: &Door) {
    let calls = door.clone();
    metrics.counter("etcd_calls", "Calls by how they ended", move || {
        let answers = [
            ("answered", calls.stats().answered()),
            ("failed", calls.stats().failed()),
        ];
        let sample = |(answer, value): (&'static str, u64)| Sample {
            labels: vec![("answer", answer.to_owned())],
            value,
        };
        answers.into_iter().map(sample).collect()
    });
    let streams = door.clone();
    metrics.gauge("etcd_streams", "Lasting calls open now", move || {
        one(streams.stats().streams_open())
    });
    let events = door.clone();
    metrics.counter("etcd_events", "Events sent to watchers", move || {
        one(events.stats().events())
    });
}

fn each_space(figures: &Figures, read: fn(&SpaceFigures) -> u64) -> Vec<Sample> {
    let sample = |space: &SpaceFigures| Sample {
        labels: vec![("keyspace", space.space.to_string())],
        value: read(space),
    };
    figures.spaces.iter().map(sample).collect()
}

fn one(value: u64) -> Vec<Sample> {
    vec![Sample {
        labels: Vec::new(),
        value,
    }]
}
