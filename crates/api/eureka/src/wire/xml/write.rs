//! Eureka's XML, written.
//!
//! The full variant is indented as the original indents it: people and scripts read it line by line. The compact
//! variant has no white space, as in the original. Field order is the original's.
//!
//! A body for one instance knows no status but `UP`, `DOWN` and `STARTING`: there the original speaks to all
//! clients as to those of its first version, and shows the others as `DOWN`.

use super::name;
use crate::wire::draft::EMPTY_MAP_CLASS;
use crate::wire::escape::{self, number};
use crate::wire::model::{
    DataCenterInfo, DataCenterName, InstanceInfo, LeaseInfo, Pairs, Port, Status, is_compact_key,
};
use crate::wire::{Detail, Frame};

/// A line break and the deepest indentation in use.
const LINE: &[u8] = b"\n            ";

/// Where elements start.
#[derive(Clone, Copy)]
enum Layout {
    /// On a line of their own, indented by two spaces a level.
    Indented { level: usize },
    /// Right behind what precedes them.
    Flat,
}

impl Layout {
    fn of(detail: Detail, level: usize) -> Self {
        match detail {
            Detail::Full => Self::Indented { level },
            Detail::Compact => Self::Flat,
        }
    }

    fn deeper(self) -> Self {
        match self {
            Self::Indented { level } => Self::Indented { level: level + 1 },
            Self::Flat => Self::Flat,
        }
    }

    fn line(self, out: &mut Vec<u8>) {
        if let Self::Indented { level } = self {
            out.extend_from_slice(&LINE[..LINE.len().min(1 + 2 * level)]);
        }
    }

    /// Starts a line with `markup`.
    fn open(self, out: &mut Vec<u8>, markup: &str) {
        self.line(out);
        out.extend_from_slice(markup.as_bytes());
    }
}

/// `<instance>…</instance>`
pub(in crate::wire) fn instance_root(out: &mut Vec<u8>, detail: Detail, info: &InstanceInfo<'_>) {
    let layout = Layout::of(detail, 0);
    out.extend_from_slice(b"<instance>");
    let status = first_version(info.status);
    match detail {
        Detail::Full => full(out, layout.deeper(), info, status),
        Detail::Compact => compact(out, layout.deeper(), info, status),
    }
    layout.open(out, "</instance>");
}

/// What the first version of Eureka calls a status.
pub(in crate::wire) fn first_version(status: Status) -> Status {
    match status {
        Status::Up | Status::Down | Status::Starting => status,
        Status::OutOfService | Status::Unknown => Status::Down,
    }
}

/// `<application>…</application>`
pub(in crate::wire) fn application_root<'a>(
    out: &mut Vec<u8>,
    detail: Detail,
    name: &str,
    instances: impl IntoIterator<Item = InstanceInfo<'a>>,
) {
    let layout = Layout::of(detail, 0);
    out.extend_from_slice(b"<application>");
    members(out, detail, layout.deeper(), name, instances);
    layout.open(out, "</application>");
}

/// Everything before the first application.
pub(in crate::wire) fn applications_head(out: &mut Vec<u8>, detail: Detail, frame: Frame<'_>) {
    out.extend_from_slice(b"<applications>");
    if detail == Detail::Full {
        version(out, Layout::of(detail, 1), frame);
    }
}

/// Everything after the last application.
pub(in crate::wire) fn applications_tail(out: &mut Vec<u8>, detail: Detail, frame: Frame<'_>) {
    if detail == Detail::Compact {
        let empty = if frame.empty { "true" } else { "false" };
        text(out, Layout::Flat, "registeredApplicationsEmpty", empty);
        version(out, Layout::Flat, frame);
    }
    Layout::of(detail, 0).open(out, "</applications>");
}

fn version(out: &mut Vec<u8>, layout: Layout, frame: Frame<'_>) {
    long(out, layout, "versions__delta", frame.versions_delta);
    text(out, layout, "apps__hashcode", frame.apps_hashcode);
}

/// `<application>…</application>` inside a list.
pub(in crate::wire) fn application<'a>(
    out: &mut Vec<u8>,
    detail: Detail,
    name: &str,
    instances: impl IntoIterator<Item = InstanceInfo<'a>>,
) {
    let layout = Layout::of(detail, 1);
    layout.open(out, "<application>");
    members(out, detail, layout.deeper(), name, instances);
    layout.open(out, "</application>");
}

fn members<'a>(
    out: &mut Vec<u8>,
    detail: Detail,
    layout: Layout,
    name: &str,
    instances: impl IntoIterator<Item = InstanceInfo<'a>>,
) {
    text(out, layout, "name", name);
    for info in instances {
        layout.open(out, "<instance>");
        match detail {
            Detail::Full => full(out, layout.deeper(), &info, info.status),
            Detail::Compact => compact(out, layout.deeper(), &info, info.status),
        }
        layout.open(out, "</instance>");
    }
}

fn full(out: &mut Vec<u8>, layout: Layout, info: &InstanceInfo<'_>, status: Status) {
    optional(out, layout, "instanceId", info.instance_id.as_deref());
    text(out, layout, "hostName", &info.host_name);
    text(out, layout, "app", &info.app);
    text(out, layout, "ipAddr", &info.ip_addr);
    optional(out, layout, "sid", info.sid.as_deref());
    text(out, layout, "status", status.as_str());
    text(out, layout, "overriddenstatus", info.overridden_status.as_str());
    port(out, layout, "port", info.port);
    port(out, layout, "securePort", info.secure_port);
    long(out, layout, "countryId", info.country_id.into());
    if let Some(data_center) = &info.data_center_info {
        data_center_info(out, layout, data_center, Detail::Full);
    }
    if let Some(lease) = &info.lease_info {
        lease_info(out, layout, lease);
    }
    pairs(out, layout, &info.metadata, Detail::Full);
    optional(out, layout, "appGroupName", info.app_group_name.as_deref());
    optional(out, layout, "homePageUrl", info.home_page_url.as_deref());
    optional(out, layout, "statusPageUrl", info.status_page_url.as_deref());
    optional(out, layout, "healthCheckUrl", info.health_check_url.as_deref());
    optional(
        out,
        layout,
        "secureHealthCheckUrl",
        info.secure_health_check_url.as_deref(),
    );
    optional(out, layout, "vipAddress", info.vip_address.as_deref());
    optional(
        out,
        layout,
        "secureVipAddress",
        info.secure_vip_address.as_deref(),
    );
    let coordinating = if info.is_coordinating { "true" } else { "false" };
    text(out, layout, "isCoordinatingDiscoveryServer", coordinating);
    if let Some(updated) = info.last_updated_ms {
        long(out, layout, "lastUpdatedTimestamp", updated);
    }
    if let Some(dirty) = info.last_dirty_ms {
        long(out, layout, "lastDirtyTimestamp", dirty);
    }
    optional(
        out,
        layout,
        "actionType",
        info.action_type.map(|action| action.as_str()),
    );
    optional(out, layout, "asgName", info.asg_name.as_deref());
}

fn compact(out: &mut Vec<u8>, layout: Layout, info: &InstanceInfo<'_>, status: Status) {
    optional(out, layout, "instanceId", info.instance_id.as_deref());
    text(out, layout, "app", &info.app);
    text(out, layout, "ipAddr", &info.ip_addr);
    optional(out, layout, "vipAddress", info.vip_address.as_deref());
    optional(
        out,
        layout,
        "secureVipAddress",
        info.secure_vip_address.as_deref(),
    );
    if let Some(data_center) = &info.data_center_info {
        data_center_info(out, layout, data_center, Detail::Compact);
    }
    text(out, layout, "hostName", &info.host_name);
    text(out, layout, "status", status.as_str());
    if let Some(updated) = info.last_updated_ms {
        long(out, layout, "lastUpdatedTimestamp", updated);
    }
    optional(
        out,
        layout,
        "actionType",
        info.action_type.map(|action| action.as_str()),
    );
    optional(out, layout, "asgName", info.asg_name.as_deref());
    port(out, layout, "port", info.port);
    port(out, layout, "securePort", info.secure_port);
}

fn port(out: &mut Vec<u8>, layout: Layout, name: &str, port: Port) {
    layout.line(out);
    out.push(b'<');
    out.extend_from_slice(name.as_bytes());
    let enabled: &[u8] = if port.enabled {
        b" enabled=\"true\">"
    } else {
        b" enabled=\"false\">"
    };
    out.extend_from_slice(enabled);
    number(out, port.number);
    close(out, name);
}

fn data_center_info(out: &mut Vec<u8>, layout: Layout, info: &DataCenterInfo<'_>, detail: Detail) {
    layout.open(out, "<dataCenterInfo class=\"");
    out.extend_from_slice(info.class().as_bytes());
    let Some(name) = info.name else {
        out.extend_from_slice(b"\"/>");
        return;
    };
    out.extend_from_slice(b"\">");
    text(out, layout.deeper(), "name", name.as_str());
    if name == DataCenterName::Amazon {
        pairs(out, layout.deeper(), &info.metadata, detail);
    }
    layout.open(out, "</dataCenterInfo>");
}

fn lease_info(out: &mut Vec<u8>, layout: Layout, lease: &LeaseInfo) {
    layout.open(out, "<leaseInfo>");
    let inner = layout.deeper();
    long(
        out,
        inner,
        "renewalIntervalInSecs",
        lease.renewal_interval_s.into(),
    );
    long(out, inner, "durationInSecs", lease.duration_s.into());
    long(out, inner, "registrationTimestamp", lease.registration_ms);
    long(out, inner, "lastRenewalTimestamp", lease.last_renewal_ms);
    long(out, inner, "evictionTimestamp", lease.eviction_ms);
    long(out, inner, "serviceUpTimestamp", lease.service_up_ms);
    layout.open(out, "</leaseInfo>");
}

fn pairs(out: &mut Vec<u8>, layout: Layout, pairs: &Pairs<'_>, detail: Detail) {
    // A pair without a key has no element name; no Eureka client sends one, another front door might.
    let mut kept = pairs
        .iter()
        .filter(|(key, _)| !key.is_empty() && (detail == Detail::Full || is_compact_key(key)))
        .peekable();
    if kept.peek().is_none() {
        layout.open(out, "<metadata class=\"");
        out.extend_from_slice(EMPTY_MAP_CLASS.as_bytes());
        out.extend_from_slice(b"\"/>");
        return;
    }
    layout.open(out, "<metadata>");
    for (key, value) in kept {
        layout.deeper().open(out, "<");
        name::encode(out, key);
        out.push(b'>');
        escape::xml(out, value);
        out.extend_from_slice(b"</");
        name::encode(out, key);
        out.push(b'>');
    }
    layout.open(out, "</metadata>");
}

fn start(out: &mut Vec<u8>, layout: Layout, name: &str) {
    layout.open(out, "<");
    out.extend_from_slice(name.as_bytes());
    out.push(b'>');
}

fn close(out: &mut Vec<u8>, name: &str) {
    out.extend_from_slice(b"</");
    out.extend_from_slice(name.as_bytes());
    out.push(b'>');
}

fn text(out: &mut Vec<u8>, layout: Layout, name: &str, value: &str) {
    start(out, layout, name);
    escape::xml(out, value);
    close(out, name);
}

fn optional(out: &mut Vec<u8>, layout: Layout, name: &str, value: Option<&str>) {
    if let Some(value) = value {
        text(out, layout, name, value);
    }
}

fn long(out: &mut Vec<u8>, layout: Layout, name: &str, value: i64) {
    start(out, layout, name);
    number(out, value);
    close(out, name);
}
