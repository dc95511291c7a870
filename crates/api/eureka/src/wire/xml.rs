//! Eureka's XML, read.
//!
//! A field is an element, a port's state an attribute, a metadata key an element name (see `name`). Java class
//! attributes, unknown elements, comments and processing instructions are skipped; a document type is refused.

use self::reader::{Element, Walk};
use super::draft::{DataCenterDraft, Draft, PairsDraft, checked, set_lease};
use super::error::body_text;
use super::model::{Application, Applications, InstanceInfo, LeaseInfo};
use super::{APPLICATIONS_LEN_MAX, DecodeError, Format, INSTANCE_LEN_MAX};

mod name;
mod reader;
pub(super) mod write;

/// Reads `<instance>…</instance>`.
///
/// # Errors
///
/// Says which field is wrong, or where the body stops being XML.
pub fn decode_instance(body: &[u8]) -> Result<InstanceInfo<'static>, DecodeError> {
    let mut walk = Walk::new(body_text(Format::Xml, body, INSTANCE_LEN_MAX)?);
    walk.root("instance")?;
    let info = instance(&mut walk)?;
    walk.end()?;
    Ok(info)
}

/// Reads `<applications>…</applications>`.
///
/// # Errors
///
/// Says which field is wrong, or where the body stops being XML.
pub fn decode_applications(body: &[u8]) -> Result<Applications<'static>, DecodeError> {
    let mut walk = Walk::new(body_text(Format::Xml, body, APPLICATIONS_LEN_MAX)?);
    walk.root("applications")?;
    let mut list = Applications::default();
    while let Some(element) = walk.child()? {
        let name = element.name();
        if name == "application" {
            list.applications.push(application(&mut walk)?);
            continue;
        }
        let text = walk.text()?;
        if name.starts_with("version") {
            list.versions_delta = text.trim().parse().unwrap_or(-1);
        } else if name.starts_with("apps") {
            list.apps_hashcode = checked(&name, text)?;
        }
    }
    walk.end()?;
    Ok(list)
}

fn application(walk: &mut Walk<'_>) -> Result<Application<'static>, DecodeError> {
    let mut application = Application::default();
    while let Some(element) = walk.child()? {
        match &*element.name() {
            "instance" => application.instances.push(instance(walk)?),
            "name" => application.name = checked("application.name", walk.text()?)?,
            _ => {
                walk.text()?;
            }
        }
    }
    Ok(application)
}

fn instance(walk: &mut Walk<'_>) -> Result<InstanceInfo<'static>, DecodeError> {
    let mut draft = Draft::new(Format::Xml);
    while let Some(element) = walk.child()? {
        match &*element.name() {
            name @ ("port" | "securePort") => port(&mut draft, name, &element, walk)?,
            "dataCenterInfo" => draft.info.data_center_info = Some(data_center(walk)?.finish()?),
            "leaseInfo" => draft.info.lease_info = Some(lease(walk)?),
            "metadata" => draft.info.metadata = pairs("metadata", walk)?.finish(),
            name => draft.set(name, walk.text()?)?,
        }
    }
    Ok(draft.finish())
}

/// The plain port is open unless `enabled` is `false`, the TLS port is open only if it is `true`.
fn port(
    draft: &mut Draft,
    name: &str,
    element: &Element<'_>,
    walk: &mut Walk<'_>,
) -> Result<(), DecodeError> {
    let enabled = element.attribute("enabled")?;
    draft.port(name).enabled = match name {
        "port" => enabled.as_deref() != Some("false"),
        _ => enabled.as_deref() == Some("true"),
    };
    draft.port_number(name, &walk.text()?)
}

fn data_center(walk: &mut Walk<'_>) -> Result<DataCenterDraft, DecodeError> {
    let mut draft = DataCenterDraft::default();
    while let Some(element) = walk.child()? {
        match &*element.name() {
            "name" => draft.name = Some(walk.text()?),
            "metadata" => draft.metadata = pairs("dataCenterInfo.metadata", walk)?,
            _ => {
                walk.text()?;
            }
        }
    }
    Ok(draft)
}

fn lease(walk: &mut Walk<'_>) -> Result<LeaseInfo, DecodeError> {
    let mut lease = LeaseInfo::default();
    while let Some(element) = walk.child()? {
        set_lease(Format::Xml, &mut lease, &element.name(), &walk.text()?)?;
    }
    Ok(lease)
}

fn pairs(field: &str, walk: &mut Walk<'_>) -> Result<PairsDraft, DecodeError> {
    let mut pairs = PairsDraft::default();
    while let Some(element) = walk.child()? {
        pairs.push(field, name::decode(&element.name()), walk.text()?)?;
    }
    Ok(pairs)
}
