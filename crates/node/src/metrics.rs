//! Which figures a node shows on `/metrics`, read from where they are counted.

pub(crate) mod gateway;
pub(crate) mod store;

use std::sync::Arc;

use koinon_api_eureka::Door;
use koinon_core_registry::{Counters, Figures, PreservationState};
use koinon_io_net::ListenerStats;
use koinon_io_telemetry::{Metrics, Sample};
use koinon_service_registry::RegistryHandle;

type Gauge = (&'static str, &'static str, fn(&Figures) -> u64);
type Counter = (&'static str, &'static str, fn(&Counters) -> u64);

const GAUGES: &[Gauge] = &[
    ("registry_services", "Services with an instance", |f| {
        f.services as u64
    }),
    (
        "registry_instances_persistent",
        "Registered instances that the store keeps",
        |f| f.persistent as u64,
    ),
    ("registry_revision", "The present revision", |f| f.revision),
    (
        "registry_renewals_per_minute",
        "Renewals in the last whole minute",
        |f| f.renewals_last_window,
    ),
    (
        "registry_renewals_per_minute_threshold",
        "Renewals above which silent instances expire",
        |f| f.renewals_threshold,
    ),
    (
        "registry_self_preservation_active",
        "1 while nothing expires because too few renewals arrive",
        |f| u64::from(f.preservation == PreservationState::Protecting),
    ),
    (
        "registry_change_log_entries",
        "Changes that deltas and subscriptions can be resumed from",
        |f| f.change_log_len as u64,
    ),
];

const COUNTERS: &[Counter] = &[
    (
        "registry_registrations",
        "Registrations, repeated ones included",
        |c| c.registrations,
    ),
    ("registry_renewals", "Heartbeats of known instances", |c| {
        c.renewals
    }),
    (
        "registry_renewals_refused",
        "Heartbeats that were told to register",
        |c| c.renewals_refused,
    ),
    ("registry_cancels", "Instances that left", |c| c.cancels),
    ("registry_evictions", "Instances that were evicted", |c| {
        c.evictions
    }),
    ("registry_overrides", "Status overrides set or removed", |c| {
        c.overrides
    }),
];

/// Adds the registry's figures.
pub(crate) fn add_registry(metrics: &mut Metrics, registry: &RegistryHandle) {
    let by_status = registry.clone();
    metrics.gauge(
        "registry_instances",
        "Registered instances by status",
        move || {
            let figures = by_status.figures();
            let samples = figures.iter().flat_map(|(namespace, figures)| {
                figures.counts.iter().map(move |(status, count)| Sample {
                    labels: vec![
                        ("namespace", namespace.to_string()),
                        ("status", status.as_str().to_owned()),
                    ],
                    value: count as u64,
                })
            });
            samples.collect()
        },
    );
    for (name, help, read) in GAUGES {
        let registry = registry.clone();
        metrics.gauge(name, help, move || each_namespace(&registry, *read));
    }
    for (name, help, read) in COUNTERS {
        let registry = registry.clone();
        metrics.counter(name, help, move || {
            each_namespace(&registry, |figures| read(&figures.counters))
        });
    }
}

/// Adds the Eureka door's figures.
pub(crate) fn add_eureka(metrics: &mut Metrics, door: &Door) {
    let door = door.clone();
    metrics.counter(
        "eureka_requests",
        "Requests by what they asked for and how they were answered",
        move || {
            let stats = door.stats().iter();
            let sample =
                |(operation, answer, count): (koinon_api_eureka::Operation, &'static str, u64)| Sample {
                    labels: vec![
                        ("operation", operation.as_str().to_owned()),
                        ("answer", answer.to_owned()),
                    ],
                    value: count,
                };
            stats.map(sample).collect()
        },
    );
}

type ListenerFigure = (&'static str, &'static str, fn(&ListenerStats) -> u64);

const LISTENER_COUNTERS: &[ListenerFigure] = &[
    (
        "listener_connections",
        "Connections accepted",
        ListenerStats::accepted,
    ),
    (
        "listener_requests",
        "Requests whose head was read",
        ListenerStats::requests,
    ),
    (
        "listener_accept_errors",
        "Times that accepting failed",
        ListenerStats::accept_errors,
    ),
    (
        "listener_write_stalls",
        "Connections closed because the peer stopped reading",
        ListenerStats::write_stalls,
    ),
    (
        "listener_panics",
        "Connections lost to a fault in their handler",
        ListenerStats::panics,
    ),
];

/// Adds the figures of all listeners.
pub(crate) fn add_listeners(metrics: &mut Metrics, listeners: &[(String, Arc<ListenerStats>)]) {
    let each = |read: fn(&ListenerStats) -> u64| {
        let listeners = listeners.to_vec();
        move || {
            listeners
                .iter()
                .map(|(name, stats)| Sample::labelled("listener", name, read(stats)))
                .collect()
        }
    };
    metrics.gauge(
        "listener_connections_open",
        "Connections open now",
        each(ListenerStats::open),
    );
    for (name, help, read) in LISTENER_COUNTERS {
        metrics.counter(name, help, each(*read));
    }
}

fn each_namespace(registry: &RegistryHandle, read: impl Fn(&Figures) -> u64) -> Vec<Sample> {
    let figures = registry.figures();
    figures
        .iter()
        .map(|(name, figures)| Sample::labelled("namespace", name.to_string(), read(figures)))
        .collect()
}
