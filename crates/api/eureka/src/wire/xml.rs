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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::model::{DataCenterName, Port, Status};

    fn read(fields: &str) -> InstanceInfo<'static> {
        decode_instance(format!("<instance>{fields}</instance>").as_bytes()).unwrap()
    }

    fn refusal(body: &str) -> String {
        decode_instance(body.as_bytes()).unwrap_err().to_string()
    }

    /// The plain port is open and the TLS port closed unless their attribute says otherwise.
    #[test]
    fn ports_carry_their_state_as_an_attribute() {
        for (xml, plain, number, enabled) in [
            ("<port enabled=\"true\">80</port>", true, 80, true),
            ("<port enabled='false'>80</port>", true, 80, false),
            ("<port x='1' x='2'> 80\n</port>", true, 80, true),
            ("<securePort>443</securePort>", false, 443, false),
            (
                "<securePort enabled=\"&#116;rue\">443</securePort>",
                false,
                443,
                true,
            ),
        ] {
            let info = read(xml);
            let port = if plain { info.port } else { info.secure_port };
            assert_eq!(port, Port { number, enabled }, "{xml}");
        }
    }

    /// A text can come in pieces: entities, numbers, CDATA, comments between them.
    #[test]
    fn texts_are_put_together_from_their_pieces() {
        let info =
            read("<vipAddress>a&amp;<!-- c -->b<![CDATA[<&]]>&#228;<x>no</x>\r\n&#xd;</vipAddress><sid/>");
        assert_eq!(info.vip_address.as_deref(), Some("a&b<&ä\n\r"));
        assert_eq!(info.sid.as_deref(), Some(""));
    }

    /// Statuses are read in any case, unknown fields and Java classes are skipped, the last duplicate counts.
    #[test]
    fn what_is_not_known_is_skipped() {
        let info = read(
            "<status>down</status><overriddenStatus>UP</overriddenStatus><x y='1'><status>UP</status></x>
             <app>x</app><app>a</app><metadata class='java.util.HashMap'><a_.0020b>1</a_.0020b></metadata>
             <dataCenterInfo class='a.B'><name>Amazon</name><metadata><instance-id>i</instance-id></metadata></dataCenterInfo>",
        );
        assert_eq!(
            (info.status, info.overridden_status, &*info.app),
            (Status::Down, Status::Up, "A")
        );
        assert_eq!(info.metadata, [("a b".into(), "1".into())]);
        assert_eq!(info.id(), "i");
        assert_eq!(info.data_center_info.unwrap().name, Some(DataCenterName::Amazon));
    }

    /// Nothing may expand, reach outside, or nest without end; what is not XML must say where.
    #[test]
    fn what_could_harm_is_refused() {
        let deep = format!("<instance>{}", "<a>".repeat(1000));
        for (body, reason) in [
            (
                "<!DOCTYPE instance SYSTEM 'file:///etc/passwd'><instance/>",
                "a document type is not accepted",
            ),
            (
                "<instance><!DOCTYPE x></instance>",
                "a document type is not accepted",
            ),
            ("<instance><app>&boom;</app></instance>", "unknown entity &boom;"),
            ("<instance>&boom;</instance>", "unknown entity &boom;"),
            (&deep, "nested deeper than 64"),
            ("<instance><app>a</app>", "the body ends inside an element"),
            ("<instance><app>a</instance>", "expected `</app>`"),
            (
                "<instance/><instance/>",
                "there is something behind the root element",
            ),
            ("<instance/>x", "there is something behind the root element"),
            ("x<instance/>", "there is text before the first element"),
            ("", "there is no element"),
            ("<application/>", "expected <instance>, found <application>"),
            (
                "<instance><hostName>&#1;</hostName></instance>",
                "hostName: expected a text without control",
            ),
            (
                "<instance><metadata><_.0000>x</_.0000></metadata></instance>",
                "metadata: expected a text without",
            ),
        ] {
            let refusal = refusal(body);
            assert!(refusal.contains(reason), "{refusal}");
        }
    }
}
