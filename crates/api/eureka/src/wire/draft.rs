//! A message while it is being read: both formats end in fields with texts, and what a text means is decided
//! here, once.
//!
//! The rules are the original's, including what its two parsers do with a text that is not a number: its JSON
//! parser reads 0, its XML parser refuses a port and skips a timestamp.

use std::borrow::Cow;
use std::collections::HashMap;

use super::model::{
    AMAZON_CLASS, ActionType, DataCenterInfo, DataCenterName, InstanceInfo, LeaseInfo, Pairs, Port,
};
use super::{DecodeError, Format, Status, escape};

/// What stands for an empty map, in JSON as an entry and in XML as an attribute.
pub(super) const EMPTY_MAP_CLASS: &str = "java.util.Collections$EmptyMap";

/// An instance being read.
#[derive(Debug)]
pub(super) struct Draft {
    format: Format,
    pub(super) info: InstanceInfo<'static>,
}

impl Draft {
    pub(super) fn new(format: Format) -> Self {
        Self {
            format,
            info: InstanceInfo::default(),
        }
    }

    /// Takes a field that holds a text; ignores those that are none of [`is_text_field`].
    pub(super) fn set(&mut self, field: &str, text: String) -> Result<(), DecodeError> {
        let info = &mut self.info;
        match field {
            "instanceId" => info.instance_id = Some(checked(field, text)?),
            "hostName" => info.host_name = checked(field, text)?,
            "app" => info.app = upper_case(field, &text)?,
            "appGroupName" => info.app_group_name = Some(group_name(self.format, field, text)?),
            "ipAddr" => info.ip_addr = checked(field, text)?,
            "sid" => info.sid = Some(checked(field, text)?).filter(|sid| !matches!(&**sid, "na" | "unknown")),
            "homePageUrl" => info.home_page_url = Some(checked(field, text)?),
            "statusPageUrl" => info.status_page_url = Some(checked(field, text)?),
            "healthCheckUrl" => info.health_check_url = Some(checked(field, text)?),
            "secureHealthCheckUrl" => info.secure_health_check_url = Some(checked(field, text)?),
            "vipAddress" => info.vip_address = Some(checked(field, text)?),
            "secureVipAddress" => info.secure_vip_address = Some(checked(field, text)?),
            "asgName" => info.asg_name = Some(checked(field, text)?),
            "status" => info.status = status(self.format, &text),
            "overriddenStatus" | "overriddenstatus" => info.overridden_status = status(self.format, &text),
            "isCoordinatingDiscoveryServer" => {
                info.is_coordinating = text.trim().eq_ignore_ascii_case("true")
            }
            "actionType" => info.action_type = ActionType::from_name(&text),
            "countryId" => info.country_id = int(self.format, field, &text)?,
            "lastUpdatedTimestamp" => info.last_updated_ms = timestamp(self.format, &text),
            "lastDirtyTimestamp" => info.last_dirty_ms = timestamp(self.format, &text),
            _ => {}
        }
        Ok(())
    }

    /// Takes a port's number.
    pub(super) fn port_number(&mut self, field: &str, text: &str) -> Result<(), DecodeError> {
        let number = int(self.format, field, text)?;
        self.port(field).number = number;
        Ok(())
    }

    /// The port that `field` names.
    pub(super) fn port(&mut self, field: &str) -> &mut Port {
        if field == "securePort" {
            &mut self.info.secure_port
        } else {
            &mut self.info.port
        }
    }

    pub(super) fn finish(mut self) -> InstanceInfo<'static> {
        if self.info.instance_id.is_none() {
            self.info.instance_id = id_from_metadata(&self.info);
        }
        self.info
    }
}

/// Whether [`Draft::set`] knows this field.
pub(super) fn is_text_field(field: &str) -> bool {
    TEXT_FIELDS.contains(&field)
}

const TEXT_FIELDS: [&str; 21] = [
    "instanceId",
    "hostName",
    "app",
    "appGroupName",
    "ipAddr",
    "sid",
    "homePageUrl",
    "statusPageUrl",
    "healthCheckUrl",
    "secureHealthCheckUrl",
    "vipAddress",
    "secureVipAddress",
    "asgName",
    "status",
    "overriddenStatus",
    "overriddenstatus",
    "isCoordinatingDiscoveryServer",
    "actionType",
    "countryId",
    "lastUpdatedTimestamp",
    "lastDirtyTimestamp",
];

/// The id that clients of Spring Cloud's first release train kept in their metadata.
fn id_from_metadata(info: &InstanceInfo<'static>) -> Option<Cow<'static, str>> {
    let (_, id) = info.metadata.iter().find(|(key, _)| key == "instanceId")?;
    if id.trim().is_empty() {
        return None;
    }
    if info.host_name.trim().is_empty() || id.starts_with(&*info.host_name) {
        return Some(id.clone());
    }
    Some(Cow::Owned(format!("{}:{id}", info.host_name)))
}

/// Takes a field of a lease. A term of 0 or less means the default.
pub(super) fn set_lease(
    format: Format,
    lease: &mut LeaseInfo,
    field: &str,
    text: &str,
) -> Result<(), DecodeError> {
    match field {
        "renewalIntervalInSecs" => {
            lease.renewal_interval_s = term(format, field, text, LeaseInfo::RENEWAL_INTERVAL_S)?;
        }
        "durationInSecs" => lease.duration_s = term(format, field, text, LeaseInfo::DURATION_S)?,
        "registrationTimestamp" => lease.registration_ms = long(text).unwrap_or(0),
        // The second name is that of servers before 1.3.
        "lastRenewalTimestamp" | "renewalTimestamp" => lease.last_renewal_ms = long(text).unwrap_or(0),
        "evictionTimestamp" => lease.eviction_ms = long(text).unwrap_or(0),
        "serviceUpTimestamp" => lease.service_up_ms = long(text).unwrap_or(0),
        _ => {}
    }
    Ok(())
}

fn term(format: Format, field: &str, text: &str, default: i32) -> Result<i32, DecodeError> {
    if long(text).is_none() {
        return Ok(default);
    }
    let seconds = int(format, &format!("leaseInfo.{field}"), text)?;
    Ok(if seconds > 0 { seconds } else { default })
}

/// A data centre being read.
#[derive(Debug, Default)]
pub(super) struct DataCenterDraft {
    pub(super) class: Option<String>,
    pub(super) name: Option<String>,
    pub(super) metadata: PairsDraft,
}

impl DataCenterDraft {
    /// A name that strict clients do not know would cost them the whole list, so it is refused here.
    pub(super) fn finish(self) -> Result<DataCenterInfo<'static>, DecodeError> {
        let name = match self.name.as_deref() {
            _ if self.class.as_deref() == Some(AMAZON_CLASS) => Some(DataCenterName::Amazon),
            None => None,
            Some(text) => Some(data_center_name(text)?),
        };
        let metadata = if name == Some(DataCenterName::Amazon) {
            self.metadata.finish()
        } else {
            Pairs::new()
        };
        Ok(DataCenterInfo { name, metadata })
    }
}

fn data_center_name(text: &str) -> Result<DataCenterName, DecodeError> {
    let name = DataCenterName::ALL
        .into_iter()
        .find(|name| name.as_str().eq_ignore_ascii_case(text));
    name.ok_or_else(|| DecodeError::field("dataCenterInfo.name", "Netflix, Amazon or MyOwn", text))
}

/// Pairs being read. A key given twice keeps its place and its last value.
#[derive(Debug, Default)]
pub(super) struct PairsDraft {
    pairs: Pairs<'static>,
    places: HashMap<String, usize>,
}

impl PairsDraft {
    /// Takes a pair, except the markers by which old writers tell the Java class of the map.
    pub(super) fn push(&mut self, field: &str, key: String, value: String) -> Result<(), DecodeError> {
        if key == "@class" {
            return Ok(());
        }
        check_pair(field, &key, &value)?;
        match self.places.get(&key) {
            Some(&place) => self.pairs[place].1 = Cow::Owned(value),
            None => {
                self.places.insert(key.clone(), self.pairs.len());
                self.pairs.push((Cow::Owned(key), Cow::Owned(value)));
            }
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> Pairs<'static> {
        if self.pairs.len() == 1 && self.pairs[0].0 == "class" && self.pairs[0].1 == EMPTY_MAP_CLASS {
            self.pairs.clear();
        }
        self.pairs
    }
}

/// Refuses a pair that XML clients could not be served. `field` is what an error names: `metadata`.
///
/// # Errors
///
/// When the key is empty, or one of the two has a character that XML cannot carry.
pub fn check_pair(field: &str, key: &str, value: &str) -> Result<(), DecodeError> {
    if key.is_empty() {
        let expected = "keys that are not empty (XML clients could not be served)";
        return Err(DecodeError::field(field, expected, key));
    }
    escape::check(field, key)?;
    escape::check(field, value).map_err(|error| at_key(error, key))
}

/// Adds the key to the path that an error names.
fn at_key(error: DecodeError, key: &str) -> DecodeError {
    match error {
        DecodeError::Field {
            field,
            expected,
            found,
        } => DecodeError::Field {
            field: format!("{field}.{key}"),
            expected,
            found,
        },
        other @ (DecodeError::Syntax { .. } | DecodeError::TooLong { .. }) => other,
    }
}

/// A text, unless XML could not carry it.
pub(super) fn checked(field: &str, text: String) -> Result<Cow<'static, str>, DecodeError> {
    escape::check(field, &text)?;
    Ok(Cow::Owned(text))
}

fn upper_case(field: &str, text: &str) -> Result<Cow<'static, str>, DecodeError> {
    checked(field, text.to_uppercase())
}

/// The original's JSON parser turns it into upper case, its XML parser does not.
fn group_name(format: Format, field: &str, text: String) -> Result<Cow<'static, str>, DecodeError> {
    match format {
        Format::Json => upper_case(field, &text),
        Format::Xml => checked(field, text),
    }
}

/// In JSON a status has to be written exactly, in XML in any case; anything else is `UNKNOWN`.
fn status(format: Format, text: &str) -> Status {
    let status = match format {
        Format::Json => Status::from_name(text),
        Format::Xml => Status::from_name(&text.to_uppercase()),
    };
    status.unwrap_or(Status::Unknown)
}

fn timestamp(format: Format, text: &str) -> Option<i64> {
    match format {
        Format::Json => Some(long(text).unwrap_or(0)),
        Format::Xml => long(text),
    }
}

fn int(format: Format, field: &str, text: &str) -> Result<i32, DecodeError> {
    const EXPECTED: &str = "a whole number of 32 bits";
    match (long(text), format) {
        (Some(number), _) => i32::try_from(number).map_err(|_| DecodeError::field(field, EXPECTED, text)),
        (None, Format::Json) => Ok(0),
        (None, Format::Xml) => Err(DecodeError::field(field, EXPECTED, text)),
    }
}

/// The whole number that a text begins to be: `8080`, ` 8080 `, `8080.0`, `1e3`.
fn long(text: &str) -> Option<i64> {
    let text = text.trim();
    if let Ok(number) = text.parse() {
        return Some(number);
    }
    // `as` would turn what is too large into the largest number; such a time is no time.
    let number: f64 = text.parse().ok()?;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the fraction is meant to go and the range is checked"
    )]
    (number.abs() < 9e18).then_some(number as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A field that is listed but not taken, or taken but not listed, would be lost in silence.
    #[test]
    fn every_text_field_is_taken() {
        for field in TEXT_FIELDS {
            let text = match field {
                "status" | "overriddenStatus" | "overriddenstatus" => "DOWN",
                "isCoordinatingDiscoveryServer" => "true",
                "actionType" => "DELETED",
                _ => "42",
            };
            let mut draft = Draft::new(Format::Json);
            draft.set(field, text.into()).unwrap();
            assert_ne!(draft.info, InstanceInfo::default(), "{field}");
        }
    }

    /// Numbers come in every dress; one that is none must not become another number.
    #[test]
    fn numbers_are_read_in_every_dress() {
        assert_eq!(long(" 8080 "), Some(8080));
        assert_eq!(long("8080.0"), Some(8080));
        assert_eq!(long("1e3"), Some(1000));
        assert_eq!(long("-1"), Some(-1));
        for no_number in ["", "abc", "true", "1e300", "NaN", "inf", "0x10"] {
            assert_eq!(long(no_number), None, "{no_number}");
        }
    }

    /// The original's parsers differ on a text that is no number; a client of either must find its own rule.
    #[test]
    fn a_text_that_is_no_number_is_zero_in_json_and_refused_in_xml() {
        assert_eq!(int(Format::Json, "port", "abc"), Ok(0));
        assert!(int(Format::Xml, "port", "abc").is_err());
        assert!(int(Format::Json, "port", "99999999999").is_err());
    }

    /// A lease of 0 s would expire at once: such a term means the default.
    #[test]
    fn a_term_of_zero_or_less_means_the_default() {
        let mut lease = LeaseInfo::default();
        set_lease(Format::Json, &mut lease, "durationInSecs", "0").unwrap();
        set_lease(Format::Json, &mut lease, "renewalIntervalInSecs", "-5").unwrap();
        assert_eq!((lease.duration_s, lease.renewal_interval_s), (90, 30));
        set_lease(Format::Json, &mut lease, "durationInSecs", "15").unwrap();
        assert_eq!(lease.duration_s, 15);
    }

    /// Metadata must have each key once, or two clients would see two different values.
    #[test]
    fn the_last_value_of_a_key_wins_and_class_markers_go() {
        let mut pairs = PairsDraft::default();
        for (key, value) in [
            ("@class", "java.util.HashMap"),
            ("a", "1"),
            ("b", "2"),
            ("a", "3"),
        ] {
            pairs.push("metadata", key.into(), value.into()).unwrap();
        }
        assert_eq!(
            pairs.finish(),
            [("a".into(), "3".into()), ("b".into(), "2".into())]
        );

        let mut marker = PairsDraft::default();
        marker
            .push("metadata", "class".into(), EMPTY_MAP_CLASS.into())
            .unwrap();
        assert_eq!(marker.finish(), []);
    }

    /// Clients of Spring Cloud Angel have no instance id of their own.
    #[test]
    fn an_id_in_the_metadata_is_taken_with_the_host_in_front() {
        let mut draft = Draft::new(Format::Json);
        draft.info.host_name = "h1".into();
        draft.info.metadata = vec![("instanceId".into(), "a:1".into())];
        assert_eq!(draft.finish().instance_id.as_deref(), Some("h1:a:1"));
    }
}
