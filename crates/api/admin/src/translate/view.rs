//! The registry's types as they are shown.

use std::borrow::Cow;
use std::sync::Arc;

use koinon_base::Namespace;
use koinon_core_registry::{self as core, ServiceView, Snapshot};

use crate::wire;

pub(crate) fn instance(from: &core::Instance) -> wire::Instance<'_> {
    let said = &*from.description;
    let beats = from.consistency == core::Consistency::Ephemeral;
    wire::Instance {
        service: Cow::Borrowed(said.service.as_str()),
        id: Cow::Borrowed(said.id.as_str()),
        address: Cow::Borrowed(&said.address),
        port: said.port,
        scheme: match said.scheme {
            core::Scheme::Http => wire::Scheme::Http,
            core::Scheme::Https => wire::Scheme::Https,
            core::Scheme::Tcp => wire::Scheme::Tcp,
        },
        zone: said.zone.as_deref().map(Cow::Borrowed),
        weight: said.weight,
        version: said.version.as_deref().map(Cow::Borrowed),
        metadata: said
            .metadata
            .iter()
            .map(|(k, v)| (Cow::Borrowed(k), Cow::Borrowed(v)))
            .collect(),
        status: status(from.status),
        status_override: from.status_override.map(status),
        health: match from.health {
            core::Health::Unknown => wire::Health::Unknown,
            core::Health::Passing => wire::Health::Passing,
            core::Health::Warning => wire::Health::Warning,
            core::Health::Critical => wire::Health::Critical,
        },
        consistency: match from.consistency {
            core::Consistency::Ephemeral => wire::Consistency::Ephemeral,
            core::Consistency::Persistent => wire::Consistency::Persistent,
        },
        lease: beats.then_some(wire::Lease {
            renewal_interval_s: said.lease.renewal_interval_s,
            duration_s: said.lease.duration_s,
        }),
        registered_ms: from.registered_ms,
        last_heartbeat_ms: beats.then(|| last_heartbeat_ms(from)),
        up_since_ms: (from.up_since_ms != 0).then_some(from.up_since_ms),
        last_updated_ms: from.last_updated_ms,
        revision: from.revision,
    }
}

/// Undoes Eureka's way of noting renewals one lease duration ahead; a lease that was never renewed has the time
/// of its registration.
fn last_heartbeat_ms(from: &core::Instance) -> i64 {
    let noted_ms = from.renewed_ms();
    if noted_ms <= from.registered_ms {
        return from.registered_ms;
    }
    let ahead_ms = i64::try_from(from.description.lease.duration_ms()).unwrap_or(i64::MAX);
    noted_ms.saturating_sub(ahead_ms).max(from.registered_ms)
}

pub(crate) fn removed(from: &core::Instance) -> wire::Removed<'_> {
    wire::Removed {
        service: Cow::Borrowed(from.service().as_str()),
        id: Cow::Borrowed(from.id().as_str()),
        removed_ms: from.removed_ms,
        revision: from.revision,
    }
}

pub(crate) fn service_view(from: &ServiceView) -> wire::Service<'_> {
    wire::Service {
        name: Cow::Borrowed(from.name.as_str()),
        revision: from.revision,
        instances: from.instances.values().map(|held| instance(held)).collect(),
    }
}

/// A namespace that nobody has used yet has no services.
pub(crate) fn service_list(namespace: &Namespace, from: Option<&Snapshot>) -> wire::ServiceList {
    wire::ServiceList {
        namespace: namespace.to_string(),
        revision: from.map_or(0, |snapshot| snapshot.revision),
        services: from
            .into_iter()
            .flat_map(Snapshot::services)
            .map(summary)
            .collect(),
    }
}

fn summary(from: &Arc<ServiceView>) -> wire::ServiceSummary {
    let mut statuses = wire::Statuses::default();
    let mut persistent = 0;
    for held in from.instances.values() {
        let count = match held.status {
            core::Status::Up => &mut statuses.up,
            core::Status::Down => &mut statuses.down,
            core::Status::Starting => &mut statuses.starting,
            core::Status::OutOfService => &mut statuses.out_of_service,
            core::Status::Unknown => &mut statuses.unknown,
        };
        *count += 1;
        persistent += usize::from(held.consistency == core::Consistency::Persistent);
    }
    wire::ServiceSummary {
        name: from.name.to_string(),
        instances: from.instances.len(),
        persistent,
        statuses,
        revision: from.revision,
    }
}

fn status(from: core::Status) -> wire::Status {
    match from {
        core::Status::Up => wire::Status::Up,
        core::Status::Down => wire::Status::Down,
        core::Status::Starting => wire::Status::Starting,
        core::Status::OutOfService => wire::Status::OutOfService,
        core::Status::Unknown => wire::Status::Unknown,
    }
}

/// The registry's status for a shown one.
pub(crate) fn status_of(shown: wire::Status) -> core::Status {
    match shown {
        wire::Status::Up => core::Status::Up,
        wire::Status::Down => core::Status::Down,
        wire::Status::Starting => core::Status::Starting,
        wire::Status::OutOfService => core::Status::OutOfService,
        wire::Status::Unknown => core::Status::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each status is shown as itself and read back as itself: a slip here would turn instances off.
    #[test]
    fn statuses_go_both_ways() {
        for known in core::Status::ALL {
            assert_eq!(status_of(status(known)), known);
            assert_eq!(serde_json::to_value(status(known)).unwrap(), known.as_str());
        }
    }
}
