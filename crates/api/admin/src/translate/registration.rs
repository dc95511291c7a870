//! A registration as the registry takes it, with every value checked.

use koinon_core_registry::{self as core, Description, LeaseTerms, Pairs, Registration};

use super::{Target, status_of};
use crate::wire::{self, Problem, RegisterRequest};

const ADDRESS_LEN_MAX: usize = 253;
const LABEL_LEN_MAX: usize = 128;
const WEIGHT_MAX: u32 = 65_535;
const METADATA_LEN_MAX: usize = 256;
const METADATA_KEY_LEN_MAX: usize = 128;
const METADATA_VALUE_LEN_MAX: usize = 4096;
/// A day: a longer silence is not a heartbeat's.
const LEASE_S_MAX: i32 = 86_400;

/// Turns a request into a registration; adds every problem to `problems`.
pub(crate) fn registration(
    target: Option<Target>,
    request: RegisterRequest,
    problems: &mut Vec<Problem>,
) -> Option<(Target, Registration)> {
    check(&request, problems);
    let target = target?;
    if !problems.is_empty() {
        return None;
    }
    let description = Description {
        service: target.service.clone(),
        id: target.id.clone(),
        address: request.address.into(),
        port: request.port,
        scheme: match request.scheme {
            wire::Scheme::Http => core::Scheme::Http,
            wire::Scheme::Https => core::Scheme::Https,
            wire::Scheme::Tcp => core::Scheme::Tcp,
        },
        zone: request.zone.map(Into::into),
        weight: request.weight,
        version: request.version.map(Into::into),
        metadata: request.metadata.iter().collect(),
        attributes: Pairs::new(),
        lease: request
            .lease
            .map_or_else(LeaseTerms::default, |lease| LeaseTerms {
                renewal_interval_s: lease.renewal_interval_s,
                duration_s: lease.duration_s,
            }),
    };
    let registration = Registration {
        description,
        consistency: match request.consistency {
            wire::Consistency::Ephemeral => core::Consistency::Ephemeral,
            wire::Consistency::Persistent => core::Consistency::Persistent,
        },
        status: status_of(request.status),
        status_override: None,
        last_dirty_ms: None,
        replicated: false,
    };
    Some((target, registration))
}

fn check(request: &RegisterRequest, problems: &mut Vec<Problem>) {
    let mut refuse = |field: &str, problem: String| {
        // A field that could not be read has been reported, and holds a default that says nothing.
        if !problems.iter().any(|p| p.field == field) {
            problems.push(Problem::new(field, problem));
        }
    };
    if !is_host(&request.address) {
        refuse("address", "is not a host name or an IP address".into());
    }
    if request.weight > WEIGHT_MAX {
        refuse(
            "weight",
            format!(
                "is {}, expected a whole number from 0 to {WEIGHT_MAX}",
                request.weight
            ),
        );
    }
    for (field, text) in [("zone", &request.zone), ("version", &request.version)] {
        if text.as_ref().is_some_and(|text| !is_label(text)) {
            refuse(
                field,
                format!("must have 1 to {LABEL_LEN_MAX} bytes and no control characters"),
            );
        }
    }
    if request.metadata.len() > METADATA_LEN_MAX {
        refuse(
            "metadata",
            format!(
                "has {} pairs; at most {METADATA_LEN_MAX} are allowed",
                request.metadata.len()
            ),
        );
    }
    for (key, value) in &request.metadata {
        let field = || format!("metadata.{}", key.chars().take(60).collect::<String>());
        if key.is_empty() || key.len() > METADATA_KEY_LEN_MAX || key.chars().any(char::is_control) {
            refuse(
                &field(),
                format!("must have a key of 1 to {METADATA_KEY_LEN_MAX} bytes, no control characters"),
            );
        } else if value.len() > METADATA_VALUE_LEN_MAX {
            refuse(
                &field(),
                format!(
                    "has {} bytes; at most {METADATA_VALUE_LEN_MAX} are allowed",
                    value.len()
                ),
            );
        }
    }
    check_lease(request, &mut refuse);
}

fn check_lease(request: &RegisterRequest, refuse: &mut impl FnMut(&str, String)) {
    let Some(wire::Lease {
        renewal_interval_s,
        duration_s,
    }) = request.lease
    else {
        return;
    };
    if request.consistency == wire::Consistency::Persistent {
        refuse(
            "lease",
            "is not for a persistent instance: it has no heartbeats".into(),
        );
    }
    if !(1..=LEASE_S_MAX).contains(&duration_s) {
        refuse(
            "lease.duration_s",
            format!("is {duration_s}, expected 1 to {LEASE_S_MAX} seconds"),
        );
    }
    if !(1..=duration_s.clamp(1, LEASE_S_MAX)).contains(&renewal_interval_s) {
        let problem = format!("is {renewal_interval_s}, expected 1 second to the lease's duration");
        refuse("lease.renewal_interval_s", problem);
    }
}

/// An IP address, or labels of letters, digits, `-` and `_` (which Docker's names have) joined by dots.
fn is_host(text: &str) -> bool {
    if text.parse::<std::net::IpAddr>().is_ok() {
        return true;
    }
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    };
    text.len() <= ADDRESS_LEN_MAX && text.strip_suffix('.').unwrap_or(text).split('.').all(is_label)
}

fn is_label(text: &str) -> bool {
    (1..=LABEL_LEN_MAX).contains(&text.len()) && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Lease;

    fn problems_of(change: impl FnOnce(&mut RegisterRequest)) -> Vec<String> {
        let mut request = RegisterRequest::new("127.0.0.1", 8080);
        change(&mut request);
        let mut problems = Vec::new();
        let target = Target::read(None, "orders", "1", &mut problems);
        let made = registration(target, request, &mut problems);
        assert_eq!(made.is_some(), problems.is_empty());
        problems.into_iter().map(|p| p.field).collect()
    }

    /// What can be dialled is taken, what cannot is not: an address ends up in other programs' URLs.
    #[test]
    fn addresses_are_checked() {
        for good in [
            "10.0.0.1",
            "::1",
            "orders",
            "orders.default.svc.cluster.local.",
            "my_container",
            "h-1.example",
        ] {
            assert_eq!(problems_of(|r| r.address = good.into()), [""; 0], "{good}");
        }
        for bad in [
            "",
            ".",
            "a..b",
            "a b",
            "http://a",
            "a:80",
            "a/b",
            "a@b",
            "[::1]",
            "h\u{f6}st",
        ] {
            assert_eq!(problems_of(|r| r.address = bad.into()), ["address"], "{bad}");
        }
    }

    /// Every value has bounds, and all that are broken are named at once.
    #[test]
    fn values_are_checked_together() {
        let found = problems_of(|r| {
            r.weight = 70_000;
            r.zone = Some(String::new());
            r.version = Some("x\ny".into());
            r.metadata = [(String::new(), "v".into()), ("k".into(), "v".repeat(4097))].into();
            r.lease = Some(Lease {
                renewal_interval_s: 0,
                duration_s: 0,
            });
        });
        let expected = [
            "weight",
            "zone",
            "version",
            "metadata.",
            "metadata.k",
            "lease.duration_s",
            "lease.renewal_interval_s",
        ];
        assert_eq!(found, expected);
        let many =
            |r: &mut RegisterRequest| r.metadata = (0..257).map(|i| (i.to_string(), String::new())).collect();
        assert_eq!(problems_of(many), ["metadata"]);
        let slow = |r: &mut RegisterRequest| {
            r.lease = Some(Lease {
                renewal_interval_s: 10,
                duration_s: 5,
            })
        };
        assert_eq!(problems_of(slow), ["lease.renewal_interval_s"]);
        let both = |r: &mut RegisterRequest| {
            r.consistency = wire::Consistency::Persistent;
            r.lease = Some(Lease {
                renewal_interval_s: 1,
                duration_s: 3,
            });
        };
        assert_eq!(problems_of(both), ["lease"]);
    }
}
