//! A registered instance → what Eureka's clients read.

use std::borrow::Cow;

use koinon_base::ServiceName;
use koinon_core_registry::{ChangeKind, Instance, Pairs, Scheme, Status};

use super::attributes as attr;
use crate::wire::{self, ActionType, DataCenterInfo, DataCenterName, InstanceInfo, LeaseInfo, Port};

/// The port that Eureka's clients take for "none given" where TLS is off.
const SECURE_PORT_DEFAULT: i32 = 443;

/// Eureka's word for a status.
#[must_use]
pub fn wire_status(status: Status) -> wire::Status {
    match status {
        Status::Up => wire::Status::Up,
        Status::Down => wire::Status::Down,
        Status::Starting => wire::Status::Starting,
        Status::OutOfService => wire::Status::OutOfService,
        Status::Unknown => wire::Status::Unknown,
    }
}

/// Eureka's word for a change.
#[must_use]
pub fn action_type(kind: ChangeKind) -> ActionType {
    match kind {
        ChangeKind::Added => ActionType::Added,
        ChangeKind::Modified => ActionType::Modified,
        ChangeKind::Removed => ActionType::Deleted,
    }
}

/// A service's name as an application's.
#[must_use]
pub fn app_name(service: &ServiceName) -> String {
    service.as_str().to_ascii_uppercase()
}

/// The virtual addresses that an instance answers to, plain or over TLS, each once or more.
pub fn vip_addresses(instance: &Instance, secure: bool) -> impl Iterator<Item = &str> {
    let attributes = &instance.description.attributes;
    let key = if secure { attr::SECURE_VIP } else { attr::VIP };
    let foreign = (!is_ours(attributes)).then(|| instance.service().as_str());
    attributes
        .get(key)
        .or(foreign)
        .into_iter()
        .flat_map(|list| list.split(','))
}

/// What a client reads. `app` is [`app_name`] of its service, made once for all of them.
#[must_use]
pub fn to_wire<'a>(app: &'a str, instance: &'a Instance) -> InstanceInfo<'a> {
    let description = &*instance.description;
    let attributes = &description.attributes;
    let mut info = if is_ours(attributes) {
        own(instance)
    } else {
        foreign(instance)
    };
    info.app = Cow::Borrowed(app);
    info.host_name = Cow::Borrowed(&description.address);
    info.status = wire_status(instance.status);
    info.overridden_status = instance
        .status_override
        .map_or(wire::Status::Unknown, wire_status);
    info.metadata = pairs(description.metadata.iter());
    info.lease_info = Some(LeaseInfo {
        renewal_interval_s: description.lease.renewal_interval_s,
        duration_s: description.lease.duration_s,
        registration_ms: instance.registered_ms,
        last_renewal_ms: instance.renewed_ms(),
        eviction_ms: instance.removed_ms,
        service_up_ms: instance.up_since_ms,
    });
    info.last_updated_ms = Some(instance.last_updated_ms);
    info.last_dirty_ms = Some(instance.last_dirty_ms);
    info.action_type = Some(action_type(instance.last_change));
    info
}

fn is_ours(attributes: &Pairs) -> bool {
    attributes.get(attr::IP_ADDR).is_some()
}

/// An instance that came through this door: what it sent. One pass over the attributes, because this runs for
/// every instance of every answer that is built.
fn own(instance: &Instance) -> InstanceInfo<'_> {
    let mut info = InstanceInfo {
        instance_id: Some(instance.id().as_str().into()),
        ..InstanceInfo::default()
    };
    let mut data_center = DataCenterInfo {
        name: Some(DataCenterName::MyOwn),
        metadata: wire::Pairs::new(),
    };
    for (key, value) in instance.description.attributes.iter() {
        let text = Some(Cow::Borrowed(value));
        match key {
            attr::IP_ADDR => info.ip_addr = Cow::Borrowed(value),
            attr::NO_INSTANCE_ID => info.instance_id = None,
            attr::APP_GROUP => info.app_group_name = text,
            attr::SID => info.sid = text,
            attr::PORT => info.port = port(value),
            attr::SECURE_PORT => info.secure_port = port(value),
            attr::HOME_PAGE_URL => info.home_page_url = text,
            attr::STATUS_PAGE_URL => info.status_page_url = text,
            attr::HEALTH_CHECK_URL => info.health_check_url = text,
            attr::SECURE_HEALTH_CHECK_URL => info.secure_health_check_url = text,
            attr::VIP => info.vip_address = text,
            attr::SECURE_VIP => info.secure_vip_address = text,
            attr::COUNTRY_ID => info.country_id = value.parse().unwrap_or(1),
            attr::DATA_CENTER => {
                data_center.name = DataCenterName::ALL
                    .into_iter()
                    .find(|name| name.as_str() == value);
            }
            attr::ASG => info.asg_name = text,
            other => {
                if let Some(key) = other.strip_prefix(attr::DATA_CENTER_PAIR) {
                    data_center
                        .metadata
                        .push((Cow::Borrowed(key), Cow::Borrowed(value)));
                }
            }
        }
    }
    info.data_center_info = Some(data_center);
    info
}

/// An instance that came through another door, as a Eureka client would have described it.
fn foreign(instance: &Instance) -> InstanceInfo<'_> {
    let description = &*instance.description;
    let number = i32::from(description.port);
    let secure = description.scheme == Scheme::Https;
    let vip = Some(Cow::Borrowed(description.service.as_str()));
    InstanceInfo {
        instance_id: Some(description.id.as_str().into()),
        ip_addr: Cow::Borrowed(&description.address),
        port: Port {
            number,
            enabled: !secure && number != 0,
        },
        secure_port: Port {
            number: if secure { number } else { SECURE_PORT_DEFAULT },
            enabled: secure,
        },
        vip_address: vip.clone(),
        secure_vip_address: vip,
        data_center_info: Some(DataCenterInfo {
            name: Some(DataCenterName::MyOwn),
            metadata: wire::Pairs::new(),
        }),
        ..InstanceInfo::default()
    }
}

fn port(text: &str) -> Port {
    let (enabled, number) = match text.strip_prefix('+') {
        Some(number) => (true, number),
        None => (false, text),
    };
    Port {
        number: number.parse().unwrap_or(0),
        enabled,
    }
}

fn pairs<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> wire::Pairs<'a> {
    pairs
        .map(|(key, value)| (Cow::Borrowed(key), Cow::Borrowed(value)))
        .collect()
}
