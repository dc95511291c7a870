//! The figures of the registry and of the listeners, for `/metrics`.

use std::sync::Arc;

use koinon_core_registry::{Figures, PreservationState};
use koinon_io_net::ListenerStats;
use koinon_io_telemetry::{Metrics, Sample};
use koinon_service_registry::RegistryHandle;

/// Adds the registry's figures, by namespace.
pub fn add_registry_metrics(metrics: &mut Metrics, registry: &RegistryHandle) {
    let by_status = registry.clone();
    metrics.gauge("registry_instances", "Instances registered now", move || {
        let figures = by_status.figures().into_iter();
        let samples = figures.flat_map(|(namespace, figures)| {
            let sample = move |(status, count): (koinon_core_registry::Status, usize)| Sample {
                labels: vec![
                    ("namespace", namespace.to_string()),
                    ("status", status.to_string()),
                ],
                value: as_u64(count),
            };
            figures.counts.iter().map(sample).collect::<Vec<_>>()
        });
        samples.collect()
    });
    for (name, help, read) in GAUGES {
        metrics.gauge(name, help, by_namespace(registry, *read));
    }
    for (name, help, read) in COUNTERS {
        metrics.counter(name, help, by_namespace(registry, *read));
    }
}

/// Adds the counters of all listeners, by name.
pub fn add_listener_metrics(metrics: &mut Metrics, listeners: &[(Arc<str>, Arc<ListenerStats>)]) {
    let read = |read: fn(&ListenerStats) -> u64| {
        let listeners = listeners.to_vec();
        move || {
            let sample = |(name, stats): &(Arc<str>, Arc<ListenerStats>)| {
                Sample::labelled("listener", &**name, read(stats))
            };
            listeners.iter().map(sample).collect()
        }
    };
    metrics.gauge(
        "listener_connections",
        "Connections open now",
        read(ListenerStats::open),
    );
    metrics.counter(
        "listener_accepted_connections",
        "Connections accepted",
        read(ListenerStats::accepted),
    );
    metrics.counter(
        "listener_requests",
        "Requests whose head was read",
        read(ListenerStats::requests),
    );
    metrics.counter(
        "listener_accept_errors",
        "Times that accepting failed",
        read(ListenerStats::accept_errors),
    );
    metrics.counter(
        "listener_write_stalls",
        "Connections closed because the peer stopped reading",
        read(ListenerStats::write_stalls),
    );
    metrics.counter(
        "listener_panics",
        "Connections lost to a fault of ours",
        read(ListenerStats::panics),
    );
}

type Read = fn(&Figures) -> u64;

const GAUGES: &[(&str, &str, Read)] = &[
    ("registry_services", "Services with an instance", |f| {
        as_u64(f.services)
    }),
    ("registry_revision", "Changes since the start", |f| f.revision),
    (
        "registry_renewals_per_window",
        "Renewals in the last whole window",
        |f| f.renewals_last_window,
    ),
    (
        "registry_renewals_threshold_per_window",
        "Renewals above which silent instances expire",
        |f| f.renewals_threshold,
    ),
    (
        "registry_self_preservation_active",
        "1 while nothing expires because too few renew",
        |f| u64::from(f.preservation == PreservationState::Protecting),
    ),
    (
        "registry_change_log_entries",
        "Changes remembered for deltas and watchers",
        |f| as_u64(f.change_log_len),
    ),
];

const COUNTERS: &[(&str, &str, Read)] = &[
    ("registry_registrations", "Registrations", |f| {
        f.counters.registrations
    }),
    ("registry_renewals", "Heartbeats of known instances", |f| {
        f.counters.renewals
    }),
    (
        "registry_refused_renewals",
        "Heartbeats that were told to register",
        |f| f.counters.renewals_refused,
    ),
    ("registry_cancels", "Instances that left by themselves", |f| {
        f.counters.cancels
    }),
    ("registry_evictions", "Instances whose lease ran out", |f| {
        f.counters.evictions
    }),
    ("registry_overrides", "Status overrides set or removed", |f| {
        f.counters.overrides
    }),
];

fn by_namespace(registry: &RegistryHandle, read: Read) -> impl Fn() -> Vec<Sample> + Send + Sync + 'static {
    let registry = registry.clone();
    move || {
        let figures = registry.figures().into_iter();
        figures
            .map(|(name, figures)| Sample::labelled("namespace", name.as_str(), read(&figures)))
            .collect()
    }
}

fn as_u64(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
