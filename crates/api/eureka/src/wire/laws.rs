//! What holds for every body whatsoever; property tests and fuzz targets look for one for which it does not.
//!
//! 1. Reading what was written gives back what was written, in every format.
//! 2. What is accepted can be served: written in any format, it is well-formed for a strict parser, and reading it
//!    gives back the same message. The compact variant gives back its compact part.
//!
//! 3. Anything can be written well-formed, wherever it came from.
//!
//! Reading normalises: application names become upper case (in JSON group names too), the obsolete `sid`s `na` and `unknown` and
//! the Java class markers of maps go, lease terms of 0 or less become the default, metadata of data centres other
//! than Amazon's goes, an id in the metadata becomes the instance id if there is none. The laws start from what
//! was read, hence from normal messages. What XML says of one instance alone shows `OUT_OF_SERVICE` and `UNKNOWN`
//! as `DOWN`.

use std::collections::HashSet;

use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

use super::model::{Applications, DataCenterName, InstanceInfo, is_compact_key};
use super::xml::write::first_version;
use super::{Detail, Encoder, Format};

/// Holds a body to the laws, whatever it is.
///
/// # Panics
///
/// If it breaks one.
pub fn check(format: Format, body: &[u8]) {
    if let Ok(info) = format.decode_instance(body) {
        instance_can_be_served(&info);
    }
    if let Ok(list) = format.decode_applications(body) {
        list_can_be_served(&list);
    }
}

/// Law 1 and 2 for an instance.
///
/// # Panics
///
/// If it breaks one.
pub fn instance_can_be_served(info: &InstanceInfo<'_>) {
    for encoder in Encoder::ALL {
        let mut body = Vec::new();
        encoder.write_instance_root(&mut body, info);
        check_strictly(encoder.format, &body);
        let read = encoder.format.decode_instance(&body);
        let mut expected = part(encoder, info);
        if encoder.format == Format::Xml {
            expected.status = first_version(expected.status);
        }
        assert_eq!(read.as_ref(), Ok(&expected), "{}", shown(&body));
    }
}

/// Law 1 and 2 for a list of applications.
///
/// # Panics
///
/// If it breaks one.
pub fn list_can_be_served(list: &Applications<'_>) {
    for encoder in Encoder::ALL {
        let mut expected = list.clone();
        for info in expected
            .applications
            .iter_mut()
            .flat_map(|application| &mut application.instances)
        {
            *info = part(encoder, info);
        }
        let mut body = Vec::new();
        encoder.write_applications_root(&mut body, list);
        check_strictly(encoder.format, &body);
        let read = encoder.format.decode_applications(&body);
        assert_eq!(read.as_ref(), Ok(&expected), "{}", shown(&body));
    }
}

/// Law 3 for an instance.
///
/// # Panics
///
/// If it breaks it.
pub fn instance_is_written_well_formed(info: &InstanceInfo<'_>) {
    for encoder in Encoder::ALL {
        let mut body = Vec::new();
        encoder.write_instance_root(&mut body, info);
        check_strictly(encoder.format, &body);
    }
}

/// What a reader gets to know of an instance.
fn part<'a>(encoder: Encoder, info: &InstanceInfo<'a>) -> InstanceInfo<'a> {
    let mut info = info.clone();
    if encoder.format == Format::Json {
        info.app_group_name = info.app_group_name.map(|name| name.to_uppercase().into());
    }
    if encoder.detail == Detail::Full {
        return info;
    }
    let mut data_center_info = info.data_center_info;
    if let Some(data_center) = data_center_info
        .as_mut()
        .filter(|it| it.name == Some(DataCenterName::Amazon))
    {
        data_center.metadata.retain(|(key, _)| is_compact_key(key));
    }
    InstanceInfo {
        instance_id: info.instance_id,
        app: info.app,
        ip_addr: info.ip_addr,
        vip_address: info.vip_address,
        secure_vip_address: info.secure_vip_address,
        data_center_info,
        host_name: info.host_name,
        status: info.status,
        last_updated_ms: info.last_updated_ms,
        action_type: info.action_type,
        asg_name: info.asg_name,
        port: info.port,
        secure_port: info.secure_port,
        ..InstanceInfo::default()
    }
}

fn shown(body: &[u8]) -> String {
    String::from_utf8_lossy(body).into_owned()
}

/// Parses a body as strictly as any client would.
fn check_strictly(format: Format, body: &[u8]) {
    match format {
        Format::Json => {
            let parsed = serde_json::from_slice::<serde_json::Value>(body);
            assert!(parsed.is_ok(), "{parsed:?}: {}", shown(body));
        }
        Format::Xml => {
            let text = std::str::from_utf8(body);
            assert!(text.is_ok(), "not UTF-8: {}", shown(body));
            let Ok(text) = text else { return };
            assert!(
                text.chars().all(is_xml_char),
                "a character outside XML 1.0: {text:?}"
            );
            if let Err(fault) = check_xml(text) {
                panic!("{fault}: {text}");
            }
        }
    }
}

fn is_xml_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

/// One root, names that a parser without and with namespaces takes, no entity but XML's own, no duplicate attribute.
fn check_xml(text: &str) -> Result<(), String> {
    let mut reader = Reader::from_str(text);
    reader.config_mut().enable_all_checks(true);
    let (mut depth, mut roots) = (0_usize, 0_usize);
    loop {
        match reader.read_event().map_err(|error| error.to_string())? {
            Event::Start(start) => {
                check_tag(&start)?;
                roots += usize::from(depth == 0);
                depth += 1;
            }
            Event::Empty(start) => check_tag(&start)?,
            Event::End(_) => depth -= 1,
            Event::Text(text) if depth > 0 && !text.contains("]]>") => {}
            Event::GeneralRef(reference) if depth > 0 => check_reference(&reference)?,
            Event::Eof if depth == 0 && roots == 1 => return Ok(()),
            other @ (Event::Text(_)
            | Event::GeneralRef(_)
            | Event::Eof
            | Event::CData(_)
            | Event::Comment(_)
            | Event::Decl(_)
            | Event::PI(_)
            | Event::DocType(_)) => return Err(format!("{other:?} at depth {depth}")),
        }
    }
}

fn check_tag(start: &BytesStart<'_>) -> Result<(), String> {
    let mut names = HashSet::new();
    check_name(start.name().as_ref())?;
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|error| error.to_string())?;
        check_name(attribute.key.as_ref())?;
        if !names.insert(attribute.key) {
            return Err(format!("attribute {:?} twice", attribute.key));
        }
        attribute
            .normalized_value(XmlVersion::Implicit1_0)
            .map_err(|error| error.to_string())?;
    }
    Ok(())
}

fn check_name(name: &str) -> Result<(), String> {
    let mut chars = name.chars();
    let starts_well = chars.next().is_some_and(|c| c == '_' || c.is_alphabetic());
    let goes_on_well = chars.all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'));
    if starts_well && goes_on_well {
        Ok(())
    } else {
        Err(format!("{name:?} is no name"))
    }
}

fn check_reference(reference: &quick_xml::events::BytesRef<'_>) -> Result<(), String> {
    match reference.resolve_char_ref().map_err(|error| error.to_string())? {
        Some(c) if is_xml_char(c) => Ok(()),
        Some(c) => Err(format!("reference to {c:?}")),
        None => match quick_xml::escape::resolve_xml_entity(reference) {
            Some(_) => Ok(()),
            None => Err(format!("unknown entity {:?}", &**reference)),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use proptest::prelude::*;

    use super::*;
    use crate::wire::model::{ActionType, Application, DataCenterInfo, LeaseInfo, Pairs, Port, Status};

    /// Texts with everything that either format has to escape, and now and then any character that is allowed.
    fn text() -> impl Strategy<Value = Cow<'static, str>> {
        let special = "[a-zA-Z0-9_$.:/<>&\"'\\\\\t\r\n {}äß漢𝄞-]{0,12}";
        let any = any::<String>().prop_map(|text| text.chars().filter(|c| is_xml_char(*c)).collect());
        prop_oneof![4 => special.prop_map(Cow::Owned), 1 => any.prop_map(Cow::Owned)]
    }

    fn optional() -> impl Strategy<Value = Option<Cow<'static, str>>> {
        prop::option::of(text())
    }

    fn upper() -> impl Strategy<Value = Cow<'static, str>> {
        text().prop_map(|text| Cow::Owned(text.to_uppercase()))
    }

    fn pairs() -> impl Strategy<Value = Pairs<'static>> {
        let key = text().prop_filter("reserved keys", |key| {
            !matches!(&**key, "" | "@class" | "class" | "instanceId")
        });
        prop::collection::vec((key, text()), 0..5).prop_map(|mut pairs| {
            let mut seen = HashSet::new();
            pairs.retain(|(key, _)| seen.insert(key.clone()));
            pairs
        })
    }

    fn port() -> impl Strategy<Value = Port> {
        (any::<i32>(), any::<bool>()).prop_map(|(number, enabled)| Port { number, enabled })
    }

    fn data_center() -> impl Strategy<Value = Option<DataCenterInfo<'static>>> {
        let name = prop::option::of(prop::sample::select(&DataCenterName::ALL));
        prop::option::of((name, pairs()).prop_map(|(name, metadata)| DataCenterInfo {
            name,
            metadata: if name == Some(DataCenterName::Amazon) {
                metadata
            } else {
                Pairs::new()
            },
        }))
    }

    fn lease() -> impl Strategy<Value = Option<LeaseInfo>> {
        let terms = (1..i32::MAX, 1..i32::MAX);
        prop::option::of((terms, any::<[i64; 4]>()).prop_map(|(terms, times)| LeaseInfo {
            renewal_interval_s: terms.0,
            duration_s: terms.1,
            registration_ms: times[0],
            last_renewal_ms: times[1],
            eviction_ms: times[2],
            service_up_ms: times[3],
        }))
    }

    fn status() -> impl Strategy<Value = Status> {
        prop::sample::select(&Status::ALL)
    }

    fn instance() -> impl Strategy<Value = InstanceInfo<'static>> {
        let names = (
            optional(),
            upper(),
            prop::option::of(upper()),
            text(),
            optional(),
            text(),
            optional(),
        );
        let urls = (
            optional(),
            optional(),
            optional(),
            optional(),
            optional(),
            optional(),
        );
        let states = (
            status(),
            status(),
            any::<bool>(),
            prop::option::of(prop::sample::select(&ActionType::ALL)),
        );
        let numbers = (
            port(),
            port(),
            any::<i32>(),
            any::<Option<i64>>(),
            any::<Option<i64>>(),
        );
        (names, urls, states, numbers, data_center(), lease(), pairs()).prop_map(
            |(names, urls, states, numbers, data_center_info, lease_info, metadata)| InstanceInfo {
                instance_id: names.0,
                app: names.1,
                app_group_name: names.2,
                ip_addr: names.3,
                sid: names.4,
                host_name: names.5,
                asg_name: names.6,
                home_page_url: urls.0,
                status_page_url: urls.1,
                health_check_url: urls.2,
                secure_health_check_url: urls.3,
                vip_address: urls.4,
                secure_vip_address: urls.5,
                status: states.0,
                overridden_status: states.1,
                is_coordinating: states.2,
                action_type: states.3,
                port: numbers.0,
                secure_port: numbers.1,
                country_id: numbers.2,
                last_updated_ms: numbers.3,
                last_dirty_ms: numbers.4,
                data_center_info,
                lease_info,
                metadata,
            },
        )
    }

    fn list() -> impl Strategy<Value = Applications<'static>> {
        let application = (text(), prop::collection::vec(instance(), 0..3))
            .prop_map(|(name, instances)| Application { name, instances });
        (any::<i64>(), text(), prop::collection::vec(application, 0..3)).prop_map(
            |(versions_delta, apps_hashcode, applications)| Applications {
                versions_delta,
                apps_hashcode,
                applications,
            },
        )
    }

    proptest! {
        /// Whatever an instance holds, every client must be able to read it as it is.
        #[test]
        fn every_instance_can_be_served(info in instance()) {
            instance_can_be_served(&info);
        }

        /// Whatever a list holds, every client must be able to read it as it is.
        #[test]
        fn every_list_can_be_served(list in list()) {
            list_can_be_served(&list);
        }

        /// Another front door may take what XML cannot carry; it must not cost Eureka's clients the whole list.
        #[test]
        fn anything_is_written_well_formed(mut info in instance(), key in any::<String>(), bad in any::<char>()) {
            let odd = format!("{key}\u{0}{bad}\u{ffff}");
            info.host_name = odd.clone().into();
            info.vip_address = Some(odd.clone().into());
            info.metadata.push(("".into(), "x".into()));
            info.metadata.push((odd.clone().into(), odd.into()));
            instance_is_written_well_formed(&info);
        }

        /// A damaged body must not bring the server down or make it serve what clients cannot read.
        #[test]
        fn a_damaged_body_breaks_no_law(info in instance(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
            for encoder in Encoder::ALL {
                let mut body = Vec::new();
                encoder.write_instance_root(&mut body, &info);
                let at = at.index(body.len());
                body[at] = byte;
                check(encoder.format, &body);
                check(encoder.format, &body[..at]);
            }
        }
    }

    /// The strict parser itself must be able to refuse, or law 2 says nothing.
    #[test]
    fn the_strict_parser_refuses() {
        for bad in [
            "",
            "<a>",
            "<a/>x",
            "<a b='1' b='2'></a>",
            "<a>&x;</a>",
            "<a b></a>",
            "<1></1>",
            "<a:b></a:b>",
        ] {
            assert!(check_xml(bad).is_err(), "{bad}");
        }
        assert_eq!(check_xml("<a b='&lt;'>&#xd;<c/></a>"), Ok(()));
    }
}
