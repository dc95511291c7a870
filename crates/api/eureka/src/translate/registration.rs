//! A client's instance → a registration, with the refusals that Eureka's server words the same way.

use std::borrow::Cow;

use koinon_base::{ErrorKind, InstanceId, NameError, ServiceName};
use koinon_core_registry::{Consistency, Description, LeaseTerms, Pairs, Registration, Scheme, Status};
use thiserror::Error;

use super::attributes as attr;
use crate::wire;

/// Why an instance cannot be registered. The texts are Eureka's where it has one.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    /// A field that must be there is not.
    #[error("Missing {0}")]
    Missing(&'static str),
    /// The path names one application, the body another.
    #[error("Mismatched appName, expecting {expected} but was {found}")]
    MismatchedApp {
        /// From the path.
        expected: String,
        /// From the body.
        found: String,
    },
    /// A name that no instance may have here.
    #[error(transparent)]
    Name(#[from] NameError),
}

impl Refusal {
    /// Always [`ErrorKind::Invalid`]: the client must send something else.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Missing(_) | Self::MismatchedApp { .. } | Self::Name(_) => ErrorKind::Invalid,
        }
    }
}

/// The registry's word for a status.
#[must_use]
pub fn core_status(status: wire::Status) -> Status {
    match status {
        wire::Status::Up => Status::Up,
        wire::Status::Down => Status::Down,
        wire::Status::Starting => Status::Starting,
        wire::Status::OutOfService => Status::OutOfService,
        wire::Status::Unknown => Status::Unknown,
    }
}

/// Takes what a client sent to `/apps/{app}`.
///
/// # Errors
/// When a field is missing or a name cannot be one, in the order in which Eureka's server checks them.
pub fn to_registration(
    app: &str,
    info: &wire::InstanceInfo<'_>,
    replicated: bool,
) -> Result<Registration, Refusal> {
    check(app, info)?;
    let lease = info.lease_info.unwrap_or_default();
    let (scheme, port) = dial(info);
    let zone = pair(&info.metadata, "zone").or_else(|| amazon_zone(info));
    let description = Description {
        service: ServiceName::new(&info.app)?,
        id: InstanceId::new(info.id())?,
        address: info.host_name.as_ref().into(),
        port,
        scheme,
        zone: zone.map(Into::into),
        weight: Description::WEIGHT_DEFAULT,
        version: pair(&info.metadata, "version").map(Into::into),
        metadata: info.metadata.iter().map(|(key, value)| (key, value)).collect(),
        attributes: attributes(info),
        lease: LeaseTerms {
            renewal_interval_s: lease.renewal_interval_s,
            duration_s: lease.duration_s,
        },
    };
    let override_sent = core_status(info.overridden_status);
    Ok(Registration {
        description,
        consistency: Consistency::Ephemeral,
        status: core_status(info.status),
        status_override: (override_sent != Status::Unknown).then_some(override_sent),
        last_dirty_ms: info.last_dirty_ms,
        replicated,
    })
}

fn check(app: &str, info: &wire::InstanceInfo<'_>) -> Result<(), Refusal> {
    let missing = |what, text: &str| {
        if text.is_empty() {
            Err(Refusal::Missing(what))
        } else {
            Ok(())
        }
    };
    missing("instanceId", info.id())?;
    missing("hostname", &info.host_name)?;
    missing("ip address", &info.ip_addr)?;
    missing("appName", &info.app)?;
    if !info.app.eq_ignore_ascii_case(app) {
        let expected = app.to_ascii_uppercase();
        return Err(Refusal::MismatchedApp {
            expected,
            found: info.app.as_ref().to_owned(),
        });
    }
    let data_center = info
        .data_center_info
        .as_ref()
        .ok_or(Refusal::Missing("dataCenterInfo"))?;
    data_center.name.ok_or(Refusal::Missing("dataCenterInfo Name"))?;
    Ok(())
}

/// How to reach it, by the rule of Spring's clients: over TLS if its TLS port is open, at its host name.
fn dial(info: &wire::InstanceInfo<'_>) -> (Scheme, u16) {
    let number = |port: wire::Port| u16::try_from(port.number).unwrap_or(0);
    if info.secure_port.enabled {
        (Scheme::Https, number(info.secure_port))
    } else {
        (Scheme::Http, number(info.port))
    }
}

fn pair<'a>(pairs: &'a [(Cow<'_, str>, Cow<'_, str>)], key: &str) -> Option<&'a str> {
    pairs.iter().find(|(k, _)| k == key).map(|(_, v)| v.as_ref())
}

fn amazon_zone<'a>(info: &'a wire::InstanceInfo<'_>) -> Option<&'a str> {
    pair(&info.data_center_info.as_ref()?.metadata, "availability-zone")
}

fn attributes(info: &wire::InstanceInfo<'_>) -> Pairs {
    let port = |port: wire::Port| {
        Some(Cow::Owned(format!(
            "{}{}",
            if port.enabled { "+" } else { "" },
            port.number
        )))
    };
    let text = |text: &Option<Cow<'_, str>>| text.as_ref().map(|text| Cow::Owned(text.as_ref().to_owned()));
    let no_id = info.instance_id.is_none().then_some(Cow::Borrowed(""));
    let country = (info.country_id != 1).then(|| Cow::Owned(info.country_id.to_string()));
    let data_center = info.data_center_info.as_ref().and_then(|dc| dc.name);
    let named: [(&'static str, Option<Cow<'static, str>>); 15] = [
        (attr::IP_ADDR, Some(Cow::Owned(info.ip_addr.as_ref().to_owned()))),
        (attr::NO_INSTANCE_ID, no_id),
        (attr::APP_GROUP, text(&info.app_group_name)),
        (attr::SID, text(&info.sid)),
        (attr::PORT, port(info.port)),
        (attr::SECURE_PORT, port(info.secure_port)),
        (attr::HOME_PAGE_URL, text(&info.home_page_url)),
        (attr::STATUS_PAGE_URL, text(&info.status_page_url)),
        (attr::HEALTH_CHECK_URL, text(&info.health_check_url)),
        (attr::SECURE_HEALTH_CHECK_URL, text(&info.secure_health_check_url)),
        (attr::VIP, text(&info.vip_address)),
        (attr::SECURE_VIP, text(&info.secure_vip_address)),
        (attr::COUNTRY_ID, country),
        (
            attr::DATA_CENTER,
            data_center.map(|name| Cow::Borrowed(name.as_str())),
        ),
        (attr::ASG, text(&info.asg_name)),
    ];
    let amazon = info
        .data_center_info
        .iter()
        .flat_map(|dc| &dc.metadata)
        .map(|(key, value)| {
            let key = Cow::Owned(format!("{}{key}", attr::DATA_CENTER_PAIR));
            (key, Cow::Owned(value.as_ref().to_owned()))
        });
    named
        .into_iter()
        .filter_map(|(key, value): (&'static str, Option<Cow<'static, str>>)| {
            Some((Cow::Borrowed(key), value?))
        })
        .chain(amazon)
        .collect()
}
