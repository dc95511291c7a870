//! Eureka's JSON, written.
//!
//! Field order, and which numbers are numbers and which are strings, are the original's: it writes what an
//! annotation marks (from `appGroupName` on) as strings, the compact variant writes them as what they are.

use crate::wire::draft::EMPTY_MAP_CLASS;
use crate::wire::escape::{self, number};
use crate::wire::model::{
    DataCenterInfo, DataCenterName, InstanceInfo, LeaseInfo, Pairs, Port, is_compact_key,
};
use crate::wire::{Detail, Frame};

/// `{"instance":{…}}`
pub(in crate::wire) fn instance_root(out: &mut Vec<u8>, detail: Detail, info: &InstanceInfo<'_>) {
    out.extend_from_slice(b"{\"instance\":");
    instance(out, detail, info);
    out.push(b'}');
}

/// `{"application":{…}}`
pub(in crate::wire) fn application_root<'a>(
    out: &mut Vec<u8>,
    detail: Detail,
    name: &str,
    instances: impl IntoIterator<Item = InstanceInfo<'a>>,
) {
    out.extend_from_slice(b"{\"application\":");
    application(out, detail, name, instances);
    out.push(b'}');
}

/// Everything before the first application.
pub(in crate::wire) fn applications_head(out: &mut Vec<u8>, detail: Detail, frame: Frame<'_>) {
    out.extend_from_slice(b"{\"applications\":{");
    if detail == Detail::Full {
        version(out, frame);
        out.push(b',');
    }
    out.extend_from_slice(b"\"application\":[");
}

/// Everything after the last application.
pub(in crate::wire) fn applications_tail(out: &mut Vec<u8>, detail: Detail, frame: Frame<'_>) {
    out.push(b']');
    if detail == Detail::Compact {
        out.extend_from_slice(b",\"registeredApplicationsEmpty\":");
        out.extend_from_slice(truth(frame.empty).as_bytes());
        out.push(b',');
        version(out, frame);
    }
    out.extend_from_slice(b"}}");
}

fn version(out: &mut Vec<u8>, frame: Frame<'_>) {
    out.extend_from_slice(b"\"versions__delta\":\"");
    number(out, frame.versions_delta);
    out.extend_from_slice(b"\",\"apps__hashcode\":\"");
    escape::json(out, frame.apps_hashcode);
    out.push(b'"');
}

/// `{"name":…,"instance":[…]}`
pub(in crate::wire) fn application<'a>(
    out: &mut Vec<u8>,
    detail: Detail,
    name: &str,
    instances: impl IntoIterator<Item = InstanceInfo<'a>>,
) {
    out.extend_from_slice(b"{\"name\":\"");
    escape::json(out, name);
    out.extend_from_slice(b"\",\"instance\":[");
    for (n, info) in instances.into_iter().enumerate() {
        if n > 0 {
            out.push(b',');
        }
        instance(out, detail, &info);
    }
    out.extend_from_slice(b"]}");
}

fn instance(out: &mut Vec<u8>, detail: Detail, info: &InstanceInfo<'_>) {
    match detail {
        Detail::Full => full(out, info),
        Detail::Compact => compact(out, info),
    }
}

fn full(out: &mut Vec<u8>, info: &InstanceInfo<'_>) {
    out.push(b'{');
    if let Some(id) = &info.instance_id {
        string(out, "\"instanceId\":\"", id);
        out.push(b',');
    }
    string(out, "\"hostName\":\"", &info.host_name);
    string(out, ",\"app\":\"", &info.app);
    string(out, ",\"ipAddr\":\"", &info.ip_addr);
    optional(out, ",\"sid\":\"", info.sid.as_deref());
    raw_string(out, ",\"status\":\"", info.status.as_str());
    raw_string(out, ",\"overriddenStatus\":\"", info.overridden_status.as_str());
    ports(out, info);
    out.extend_from_slice(b",\"countryId\":");
    number(out, info.country_id);
    if let Some(data_center) = &info.data_center_info {
        data_center_info(out, data_center, Detail::Full);
    }
    if let Some(lease) = &info.lease_info {
        lease_info(out, lease);
    }
    out.extend_from_slice(b",\"metadata\":");
    if info.metadata.is_empty() {
        raw_string(out, "{\"@class\":\"", EMPTY_MAP_CLASS);
        out.push(b'}');
    } else {
        pairs(out, &info.metadata, Detail::Full);
    }
    annotated(out, info);
    out.push(b'}');
}

/// The fields that the original writes as strings whatever they are.
fn annotated(out: &mut Vec<u8>, info: &InstanceInfo<'_>) {
    optional(out, ",\"appGroupName\":\"", info.app_group_name.as_deref());
    optional(out, ",\"homePageUrl\":\"", info.home_page_url.as_deref());
    optional(out, ",\"statusPageUrl\":\"", info.status_page_url.as_deref());
    optional(out, ",\"healthCheckUrl\":\"", info.health_check_url.as_deref());
    optional(
        out,
        ",\"secureHealthCheckUrl\":\"",
        info.secure_health_check_url.as_deref(),
    );
    optional(out, ",\"vipAddress\":\"", info.vip_address.as_deref());
    optional(
        out,
        ",\"secureVipAddress\":\"",
        info.secure_vip_address.as_deref(),
    );
    raw_string(
        out,
        ",\"isCoordinatingDiscoveryServer\":\"",
        truth(info.is_coordinating),
    );
    number_string(out, ",\"lastUpdatedTimestamp\":\"", info.last_updated_ms);
    number_string(out, ",\"lastDirtyTimestamp\":\"", info.last_dirty_ms);
    if let Some(action) = info.action_type {
        raw_string(out, ",\"actionType\":\"", action.as_str());
    }
    optional(out, ",\"asgName\":\"", info.asg_name.as_deref());
}

fn compact(out: &mut Vec<u8>, info: &InstanceInfo<'_>) {
    out.push(b'{');
    if let Some(id) = &info.instance_id {
        string(out, "\"instanceId\":\"", id);
        out.push(b',');
    }
    string(out, "\"app\":\"", &info.app);
    string(out, ",\"ipAddr\":\"", &info.ip_addr);
    optional(out, ",\"vipAddress\":\"", info.vip_address.as_deref());
    optional(
        out,
        ",\"secureVipAddress\":\"",
        info.secure_vip_address.as_deref(),
    );
    if let Some(data_center) = &info.data_center_info {
        data_center_info(out, data_center, Detail::Compact);
    }
    string(out, ",\"hostName\":\"", &info.host_name);
    raw_string(out, ",\"status\":\"", info.status.as_str());
    if let Some(updated) = info.last_updated_ms {
        out.extend_from_slice(b",\"lastUpdatedTimestamp\":");
        number(out, updated);
    }
    if let Some(action) = info.action_type {
        raw_string(out, ",\"actionType\":\"", action.as_str());
    }
    optional(out, ",\"asgName\":\"", info.asg_name.as_deref());
    ports(out, info);
    out.push(b'}');
}

fn ports(out: &mut Vec<u8>, info: &InstanceInfo<'_>) {
    port(out, ",\"port\":{\"$\":", info.port);
    port(out, ",\"securePort\":{\"$\":", info.secure_port);
}

fn port(out: &mut Vec<u8>, open: &str, port: Port) {
    out.extend_from_slice(open.as_bytes());
    number(out, port.number);
    raw_string(out, ",\"@enabled\":\"", truth(port.enabled));
    out.push(b'}');
}

fn data_center_info(out: &mut Vec<u8>, info: &DataCenterInfo<'_>, detail: Detail) {
    raw_string(out, ",\"dataCenterInfo\":{\"@class\":\"", info.class());
    if let Some(name) = info.name {
        raw_string(out, ",\"name\":\"", name.as_str());
    }
    if info.name == Some(DataCenterName::Amazon) {
        out.extend_from_slice(b",\"metadata\":");
        pairs(out, &info.metadata, detail);
    }
    out.push(b'}');
}

fn lease_info(out: &mut Vec<u8>, lease: &LeaseInfo) {
    out.extend_from_slice(b",\"leaseInfo\":{\"renewalIntervalInSecs\":");
    number(out, lease.renewal_interval_s);
    out.extend_from_slice(b",\"durationInSecs\":");
    number(out, lease.duration_s);
    out.extend_from_slice(b",\"registrationTimestamp\":");
    number(out, lease.registration_ms);
    out.extend_from_slice(b",\"lastRenewalTimestamp\":");
    number(out, lease.last_renewal_ms);
    out.extend_from_slice(b",\"evictionTimestamp\":");
    number(out, lease.eviction_ms);
    out.extend_from_slice(b",\"serviceUpTimestamp\":");
    number(out, lease.service_up_ms);
    out.push(b'}');
}

fn pairs(out: &mut Vec<u8>, pairs: &Pairs<'_>, detail: Detail) {
    out.push(b'{');
    let kept = pairs
        .iter()
        .filter(|(key, _)| detail == Detail::Full || is_compact_key(key));
    for (n, (key, value)) in kept.enumerate() {
        if n > 0 {
            out.push(b',');
        }
        string(out, "\"", key);
        string(out, ":\"", value);
    }
    out.push(b'}');
}

fn truth(value: bool) -> &'static str {
    if value { "true" } else { "false" }
}

/// Writes `open`, which ends in a quote, the text, and the closing quote.
fn string(out: &mut Vec<u8>, open: &str, text: &str) {
    out.extend_from_slice(open.as_bytes());
    escape::json(out, text);
    out.push(b'"');
}

/// The same for a text that is ours and needs no escaping.
fn raw_string(out: &mut Vec<u8>, open: &str, text: &str) {
    out.extend_from_slice(open.as_bytes());
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
}

fn optional(out: &mut Vec<u8>, open: &str, text: Option<&str>) {
    if let Some(text) = text {
        string(out, open, text);
    }
}

fn number_string(out: &mut Vec<u8>, open: &str, value: Option<i64>) {
    if let Some(value) = value {
        out.extend_from_slice(open.as_bytes());
        number(out, value);
        out.push(b'"');
    }
}
