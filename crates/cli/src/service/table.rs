//! Services and instances for people.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use koinon_api_admin::wire::{Consistency, Instance, Scheme, ServiceList, ServiceSummary, Status, Statuses};

use crate::table::{NOTHING, layout, printable};

pub(crate) fn services(list: &ServiceList) -> String {
    if list.services.is_empty() {
        return format!("no services in namespace {}", list.namespace);
    }
    let head = ["SERVICE", "INSTANCES", "STATUS", "CLASS"].map(str::to_owned);
    let rows = list.services.iter().map(|s| {
        [
            printable(&s.name),
            s.instances.to_string(),
            counts(&s.statuses),
            classes(s),
        ]
    });
    layout(std::iter::once(head).chain(rows).collect())
}

pub(crate) fn instances(instances: &[Instance<'_>], now_ms: i64) -> String {
    let head = [
        "ID",
        "ADDRESS",
        "STATUS",
        "CLASS",
        "ZONE",
        "VERSION",
        "WEIGHT",
        "HEARTBEAT",
    ]
    .map(str::to_owned);
    let rows = instances.iter().map(|held| {
        [
            printable(&held.id),
            address(held),
            status(held),
            class_word(held.consistency).to_owned(),
            held.zone.as_deref().map_or_else(|| NOTHING.into(), printable),
            held.version.as_deref().map_or_else(|| NOTHING.into(), printable),
            held.weight.to_string(),
            held.last_heartbeat_ms
                .map_or_else(|| NOTHING.into(), |then_ms| ago(now_ms, then_ms)),
        ]
    });
    layout(std::iter::once(head).chain(rows).collect())
}

/// Where to dial an instance.
pub(crate) fn address(held: &Instance<'_>) -> String {
    let scheme = match held.scheme {
        Scheme::Http => "http",
        Scheme::Https => "https",
        Scheme::Tcp => "tcp",
    };
    let host = printable(&held.address);
    if host.contains(':') {
        format!("{scheme}://[{host}]:{}", held.port)
    } else {
        format!("{scheme}://{host}:{}", held.port)
    }
}

/// An instance's status, and whether an operator set it.
pub(crate) fn status(held: &Instance<'_>) -> String {
    let word = status_word(held.status);
    if held.status_override.is_some() {
        format!("{word} (override)")
    } else {
        word.to_owned()
    }
}

pub(crate) fn now_ms() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or(Duration::ZERO);
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

fn status_word(status: Status) -> &'static str {
    match status {
        Status::Up => "up",
        Status::Down => "down",
        Status::Starting => "starting",
        Status::OutOfService => "out_of_service",
        Status::Unknown => "unknown",
    }
}

fn counts(statuses: &Statuses) -> String {
    let Statuses {
        up,
        down,
        starting,
        out_of_service,
        unknown,
    } = *statuses;
    let counted = [
        (up, Status::Up),
        (down, Status::Down),
        (starting, Status::Starting),
        (out_of_service, Status::OutOfService),
        (unknown, Status::Unknown),
    ];
    let present = counted.into_iter().filter(|(count, _)| *count > 0);
    present
        .map(|(count, status)| format!("{count} {}", status_word(status)))
        .collect::<Vec<_>>()
        .join(", ")
}

/// The class of a service's instances, or how many are of each.
fn classes(service: &ServiceSummary) -> String {
    let ephemeral = service.instances.saturating_sub(service.persistent);
    let [ephemeral_word, persistent_word] = [Consistency::Ephemeral, Consistency::Persistent].map(class_word);
    match (ephemeral, service.persistent) {
        (_, 0) => ephemeral_word.to_owned(),
        (0, _) => persistent_word.to_owned(),
        (ephemeral, persistent) => format!("{ephemeral} {ephemeral_word}, {persistent} {persistent_word}"),
    }
}

fn class_word(class: Consistency) -> &'static str {
    match class {
        Consistency::Ephemeral => "ephemeral",
        Consistency::Persistent => "persistent",
    }
}

fn ago(now_ms: i64, then_ms: i64) -> String {
    let seconds = now_ms.saturating_sub(then_ms).max(0) / 1000;
    match seconds {
        0..60 => format!("{seconds} s ago"),
        60..3600 => format!("{} min ago", seconds / 60),
        _ => format!("{} h ago", seconds / 3600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Times are short, and a clock that differs from the server's shows no negative one.
    #[test]
    fn times_are_short() {
        let shown: Vec<String> = [-5000, 1999, 60_000, 7_200_000]
            .iter()
            .map(|since_ms| ago(10_000_000, 10_000_000 - since_ms))
            .collect();
        assert_eq!(shown, ["0 s ago", "1 s ago", "1 min ago", "2 h ago"]);
    }
}
