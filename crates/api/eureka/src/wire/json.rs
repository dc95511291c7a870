//! Eureka's JSON, read.
//!
//! The schema has a fixed depth, so a body is split level by level into keys and raw values, and only the values
//! of known keys are looked into. That keeps numbers as they were written (metadata `1.50` stays `1.50`), skips
//! unknown fields of any depth without recursion, and lets an error name its field.
//!
//! What the original takes is read as it reads it, oddities included: a text where a number should be is 0. Taken
//! beyond that: no root around the instance, a port as a bare number, a data centre without its Java class or
//! Amazon's without metadata, any unknown field, any metadata value. Refused, although the original takes it:
//! anything behind the JSON value, and what XML clients could not be served (see [`crate::wire`]).

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::draft::{DataCenterDraft, Draft, PairsDraft, checked, is_text_field, set_lease};
use super::error::body_text;
use super::model::{Application, Applications, InstanceInfo, LeaseInfo};
use super::{APPLICATIONS_LEN_MAX, DecodeError, Format, INSTANCE_LEN_MAX};

pub(super) mod write;

/// Reads `{"instance":{…}}` or `{…}`.
///
/// # Errors
///
/// Says which field is wrong, or where the body stops being JSON.
pub fn decode_instance(body: &[u8]) -> Result<InstanceInfo<'static>, DecodeError> {
    instance(unwrap(
        "instance",
        body_text(Format::Json, body, INSTANCE_LEN_MAX)?,
    )?)
}

/// Reads `{"applications":{…}}` or `{…}`.
///
/// # Errors
///
/// Says which field is wrong, or where the body stops being JSON.
pub fn decode_applications(body: &[u8]) -> Result<Applications<'static>, DecodeError> {
    let text = body_text(Format::Json, body, APPLICATIONS_LEN_MAX)?;
    let mut list = Applications::default();
    for (key, raw) in entries("applications", unwrap("applications", text)?)? {
        match &*key {
            "application" => {
                list.applications = elements(raw)?
                    .into_iter()
                    .map(application)
                    .collect::<Result<_, _>>()?
            }
            _ if key.starts_with("version") => {
                let text = scalar(&key, raw)?.unwrap_or_default();
                list.versions_delta = text.trim().parse().unwrap_or(-1);
            }
            _ if key.starts_with("apps") => {
                list.apps_hashcode = checked(&key, scalar(&key, raw)?.unwrap_or_default())?;
            }
            _ => {}
        }
    }
    Ok(list)
}

fn application(raw: &RawValue) -> Result<Application<'static>, DecodeError> {
    let mut application = Application::default();
    for (key, raw) in entries("application", raw)? {
        match &*key {
            "name" => {
                application.name = checked(
                    "application.name",
                    scalar("application.name", raw)?.unwrap_or_default(),
                )?
            }
            "instance" => {
                application.instances = elements(raw)?
                    .into_iter()
                    .map(instance)
                    .collect::<Result<_, _>>()?
            }
            _ => {}
        }
    }
    Ok(application)
}

fn instance(raw: &RawValue) -> Result<InstanceInfo<'static>, DecodeError> {
    let mut draft = Draft::new(Format::Json);
    for (key, raw) in entries("instance", raw)? {
        match &*key {
            _ if is_null(raw) => {}
            "port" | "securePort" => port(&mut draft, &key, raw)?,
            "dataCenterInfo" => draft.info.data_center_info = Some(data_center(raw)?.finish()?),
            "leaseInfo" => draft.info.lease_info = Some(lease(raw)?),
            "metadata" => draft.info.metadata = pairs("metadata", raw)?.finish(),
            _ if is_text_field(&key) => draft.set(&key, scalar(&key, raw)?.unwrap_or_default())?,
            _ => {}
        }
    }
    Ok(draft.finish())
}

/// Reads `{"$":8080,"@enabled":"true"}` or `8080`.
fn port(draft: &mut Draft, field: &str, raw: &RawValue) -> Result<(), DecodeError> {
    if !raw.get().starts_with('{') {
        return draft.port_number(field, &scalar(field, raw)?.unwrap_or_default());
    }
    for (key, raw) in entries(field, raw)? {
        match &*key {
            _ if is_null(raw) => {}
            "$" => draft.port_number(field, &scalar(field, raw)?.unwrap_or_default())?,
            "@enabled" => draft.port(field).enabled = is_true(raw)?,
            _ => {}
        }
    }
    Ok(())
}

/// `true`, `"true"` in exactly this spelling, or a whole number that is not 0.
fn is_true(raw: &RawValue) -> Result<bool, DecodeError> {
    Ok(match string(raw)? {
        Some(text) => text.trim() == "true",
        None => raw.get() == "true" || raw.get().parse::<i64>().is_ok_and(|number| number != 0),
    })
}

fn data_center(raw: &RawValue) -> Result<DataCenterDraft, DecodeError> {
    let mut draft = DataCenterDraft::default();
    for (key, raw) in entries("dataCenterInfo", raw)? {
        match &*key {
            _ if is_null(raw) => {}
            "@class" => draft.class = scalar("dataCenterInfo.@class", raw)?,
            "name" => draft.name = scalar("dataCenterInfo.name", raw)?,
            "metadata" => draft.metadata = pairs("dataCenterInfo.metadata", raw)?,
            _ => {}
        }
    }
    Ok(draft)
}

fn lease(raw: &RawValue) -> Result<LeaseInfo, DecodeError> {
    let mut lease = LeaseInfo::default();
    for (key, raw) in entries("leaseInfo", raw)? {
        if !is_null(raw) {
            set_lease(
                Format::Json,
                &mut lease,
                &key,
                &string(raw)?.unwrap_or_else(|| raw.get().to_owned()),
            )?;
        }
    }
    Ok(lease)
}

/// Reads metadata. A value that is no string becomes its JSON: `5`, `true`, `null`, `{"x":1}`.
fn pairs(field: &str, raw: &RawValue) -> Result<PairsDraft, DecodeError> {
    let mut pairs = PairsDraft::default();
    for (key, raw) in entries(field, raw)? {
        let value = match string(raw)? {
            Some(text) => text,
            None => raw.get().to_owned(),
        };
        pairs.push(field, key.into_owned(), value)?;
    }
    Ok(pairs)
}

/// The value under the root `name`, or the whole if there is no such root.
fn unwrap<'a>(name: &str, text: &'a str) -> Result<&'a RawValue, DecodeError> {
    let whole: &RawValue = parse(text.trim_ascii())?;
    let root = entries("the body", whole)?
        .into_iter()
        .rev()
        .find(|(key, _)| key == name);
    Ok(root.map_or(whole, |(_, value)| value))
}

fn is_null(raw: &RawValue) -> bool {
    raw.get() == "null"
}

/// The text of a string, number or boolean; `None` for null.
fn scalar(field: &str, raw: &RawValue) -> Result<Option<String>, DecodeError> {
    if raw.get().starts_with(['{', '[']) {
        return Err(DecodeError::field(
            field,
            "a text, a number or a boolean",
            raw.get(),
        ));
    }
    if is_null(raw) {
        return Ok(None);
    }
    Ok(Some(string(raw)?.unwrap_or_else(|| raw.get().to_owned())))
}

/// The text of a string; `None` for anything else.
fn string(raw: &RawValue) -> Result<Option<String>, DecodeError> {
    if raw.get().starts_with('"') {
        parse(raw.get()).map(Some)
    } else {
        Ok(None)
    }
}

/// The elements of an array. One that stands alone counts as an array of one, null as an empty one.
fn elements(raw: &RawValue) -> Result<Vec<&RawValue>, DecodeError> {
    match raw.get() {
        "null" => Ok(Vec::new()),
        array if array.starts_with('[') => parse(array),
        _ => Ok(vec![raw]),
    }
}

/// The entries of an object, in order, duplicates included.
fn entries<'a>(field: &str, raw: &'a RawValue) -> Result<Vec<(Cow<'a, str>, &'a RawValue)>, DecodeError> {
    if !raw.get().starts_with('{') {
        return Err(DecodeError::field(field, "an object", raw.get()));
    }
    parse::<Entries<'a>>(raw.get()).map(|entries| entries.0)
}

fn parse<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, DecodeError> {
    serde_json::from_str(text).map_err(|error| DecodeError::syntax(Format::Json, error))
}

/// An object as a list; serde's own maps drop the order and the duplicates.
struct Entries<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

/// A key, borrowed where it has no escapes.
#[derive(Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> Deserialize<'de> for Entries<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct EntriesVisitor;

        impl<'de> Visitor<'de> for EntriesVisitor {
            type Value = Entries<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::with_capacity(32);
                while let Some((Key(key), value)) = map.next_entry()? {
                    entries.push((key, value));
                }
                Ok(Entries(entries))
            }
        }

        deserializer.deserialize_map(EntriesVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::model::{DataCenterName, Port, Status};

    fn read(body: &str) -> InstanceInfo<'static> {
        decode_instance(body.as_bytes()).unwrap()
    }

    fn refusal(body: &str) -> String {
        decode_instance(body.as_bytes()).unwrap_err().to_string()
    }

    fn port(number: i32, enabled: bool) -> Port {
        Port { number, enabled }
    }

    /// Clients in scripting languages write ports in every way that JSON allows.
    #[test]
    fn ports_are_read_in_every_form() {
        for (json, expected) in [
            (r#"{"$":8080,"@enabled":"true"}"#, port(8080, true)),
            (r#"{"$":"8080","@enabled":true}"#, port(8080, true)),
            (r#"{"@enabled":1,"$":" 8080 "}"#, port(8080, true)),
            (r#"{"$":8080,"@enabled":"false","x":[]}"#, port(8080, false)),
            (r#"{"$":8080,"@enabled":0}"#, port(8080, false)),
            (r#"{"$":null,"@enabled":null}"#, port(7001, true)),
            ("8080", port(8080, true)),
            (r#""8080""#, port(8080, true)),
            ("null", port(7001, true)),
        ] {
            assert_eq!(read(&format!(r#"{{"port":{json}}}"#)).port, expected, "{json}");
        }
        assert_eq!(read(r#"{"securePort":8443}"#).secure_port, port(8443, false));
    }

    /// The root is there or not, with anything beside it; the last of two roots or fields counts.
    #[test]
    fn the_root_may_be_missing_and_the_last_duplicate_counts() {
        for body in [
            r#"{"instance":{"app":"x","app":"a"}}"#,
            "\u{feff} {\"instance\": {\"app\": \"a\"}, \"other\": [{}]} \n",
            r#"{"instance":{"app":"x"},"instance":{"app":"a"}}"#,
            r#"{"app":"a","unknown":{"deep":[[[[1,{"a":null}]]]]}}"#,
            r#"{"\u0061pp":"\u0061"}"#,
        ] {
            assert_eq!(read(body).app, "A", "{body}");
        }
    }

    /// Both spellings of the override are in use.
    #[test]
    fn both_spellings_of_the_override_are_read() {
        assert_eq!(
            read(r#"{"overriddenstatus":"DOWN"}"#).overridden_status,
            Status::Down
        );
        assert_eq!(
            read(r#"{"overriddenStatus":"DOWN"}"#).overridden_status,
            Status::Down
        );
        assert_eq!(
            read(r#"{"overriddenStatus":"down"}"#).overridden_status,
            Status::Unknown
        );
    }

    /// A number in the metadata is somebody's version: it stays as it was written.
    #[test]
    fn metadata_values_that_are_no_strings_become_their_json() {
        let info = read(r#"{"metadata":{"v":1.50,"b":true,"n":null,"o":{"x":[1, 2]},"s":"\n"}}"#);
        let values: Vec<&str> = info.metadata.iter().map(|(_, value)| &**value).collect();
        assert_eq!(values, ["1.50", "true", "null", r#"{"x":[1, 2]}"#, "\n"]);
        assert_eq!(
            read(r#"{"metadata":{"@class":"java.util.Collections$EmptyMap"}}"#).metadata,
            []
        );
        assert_eq!(read(r#"{"metadata":null}"#).metadata, []);
    }

    /// The class decides over the name as in the original, but is not needed.
    #[test]
    fn amazon_is_known_by_its_class_or_its_name() {
        for body in [
            r#"{"@class":"com.netflix.appinfo.AmazonInfo","name":"MyOwn","metadata":{"instance-id":"i"}}"#,
            r#"{"name":"Amazon","metadata":{"instance-id":"i"}}"#,
        ] {
            let info = read(&format!(r#"{{"dataCenterInfo":{body}}}"#));
            assert_eq!(info.id(), "i", "{body}");
            assert_eq!(
                info.data_center_info.unwrap().name,
                Some(DataCenterName::Amazon),
                "{body}"
            );
        }
    }

    /// Writers that turn a list of one into its element, and empty lists into null, are still out there.
    #[test]
    fn a_list_of_one_may_stand_without_its_brackets() {
        let body = r#"{"applications":{"versions__delta":7,"apps_hashcode":"UP_1_",
            "application":{"name":"A","instance":{"instanceId":"i"}}}}"#;
        let list = decode_applications(body.as_bytes()).unwrap();
        assert_eq!((list.versions_delta, &*list.apps_hashcode), (7, "UP_1_"));
        assert_eq!(list.applications[0].instances[0].id(), "i");
        let empty = decode_applications(br#"{"application":[{"name":"A","instance":null}]}"#).unwrap();
        assert_eq!(empty.applications[0].instances, []);
    }

    /// Who sends a wrong body must learn which field is wrong and what was expected.
    #[test]
    fn errors_name_the_field() {
        assert_eq!(
            refusal(r#"{"hostName":["h"]}"#),
            r#"hostName: expected a text, a number or a boolean, found "[\"h\"]""#
        );
        assert_eq!(
            refusal(r#"{"leaseInfo":5}"#),
            r#"leaseInfo: expected an object, found "5""#
        );
        assert!(
            refusal(r#"{"leaseInfo":{"durationInSecs":1e15}}"#)
                .starts_with("leaseInfo.durationInSecs: expected")
        );
        assert!(
            refusal(r#"{"metadata":{"":"x"}}"#).starts_with("metadata: expected keys that are not empty")
        );
        assert!(
            refusal(r#"{"metadata":{"k":"\u0000"}}"#)
                .starts_with("metadata.k: expected a text without control")
        );
        for body in [
            "",
            "null",
            "[]",
            "5",
            "{",
            "{}x",
            "{\"app\":\"\\ud800\"}",
            "{\"a\":01}",
            "<instance/>",
        ] {
            decode_instance(body.as_bytes()).expect_err(body);
        }
        decode_instance(b"\xff\xfe").unwrap_err();
        let long = vec![b' '; INSTANCE_LEN_MAX + 1];
        assert!(matches!(decode_instance(&long), Err(DecodeError::TooLong { .. })));
    }
}
