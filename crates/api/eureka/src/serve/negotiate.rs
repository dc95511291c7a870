//! What a request's headers and query ask for.

use koinon_core_http1::{Fields, RequestHead};
use koinon_core_registry::Status;

use super::route::query;
use crate::translate::core_status;
use crate::wire::{self, Detail, Encoder, Format};

/// What a peer server sends with what it passes on.
const REPLICATION: &str = "x-netflix-discovery-replication";

/// What a client that wants short answers sends.
const EUREKA_ACCEPT: &str = "x-eureka-accept";

/// A part of the query that cannot be used, and what was expected there.
#[derive(Debug)]
pub(super) struct Unusable(pub(super) &'static str);

/// How the answer is written: JSON where it is accepted, else XML.
pub(super) fn encoder(fields: &Fields) -> Encoder {
    let format = if texts(fields, "accept").any(|value| value.contains("json")) {
        Format::Json
    } else {
        Format::Xml
    };
    let compact = fields
        .get(EUREKA_ACCEPT)
        .is_some_and(|value| value.eq_ignore_ascii_case(b"compact"));
    Encoder::new(format, if compact { Detail::Compact } else { Detail::Full })
}

fn texts<'a>(fields: &'a Fields, name: &'a str) -> impl Iterator<Item = &'a str> {
    fields
        .get_all(name)
        .filter_map(|value| std::str::from_utf8(value).ok())
}

/// Whether `gzip` is among the accepted codings and not ruled out with `q=0`.
pub(super) fn accepts_gzip(fields: &Fields) -> bool {
    texts(fields, "accept-encoding")
        .flat_map(|list| list.split(','))
        .any(|coding| {
            let mut words = coding.split(';').map(str::trim);
            let named = words.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
            let ruled_out = |word: &str| {
                let quality = word.strip_prefix("q=").or_else(|| word.strip_prefix("Q="));
                quality.is_some_and(|quality| quality.parse() == Ok(0.0_f32))
            };
            named && !words.any(ruled_out)
        })
}

pub(super) fn is_replication(fields: &Fields) -> bool {
    fields.get(REPLICATION).is_some_and(|value| value == b"true")
}

/// In what the body is written: as the header says, or by its first byte where the header says nothing.
pub(super) fn body_format(fields: &Fields, body: &[u8]) -> Result<Format, &'static str> {
    let said = fields
        .get("content-type")
        .map(|value| String::from_utf8_lossy(value).to_ascii_lowercase());
    match said {
        Some(said) if said.contains("json") => Ok(Format::Json),
        Some(said) if said.contains("xml") => Ok(Format::Xml),
        Some(_) => Err("a registration is application/json or application/xml"),
        None => match body.iter().find(|byte| !byte.is_ascii_whitespace()) {
            Some(b'<') => Ok(Format::Xml),
            _ => Ok(Format::Json),
        },
    }
}

fn parameter(head: &RequestHead, name: &str) -> Option<String> {
    query(head.query()?)
        .find(|(key, _)| key == name)
        .map(|(_, value)| value)
}

pub(super) fn last_dirty(head: &RequestHead) -> Result<Option<i64>, Unusable> {
    let Some(text) = parameter(head, "lastDirtyTimestamp") else {
        return Ok(None);
    };
    let expected = "lastDirtyTimestamp must be a whole number of milliseconds since 1970";
    text.parse().map(Some).map_err(|_| Unusable(expected))
}

pub(super) fn status_value(head: &RequestHead) -> Result<Option<Status>, Unusable> {
    let Some(text) = parameter(head, "value") else {
        return Ok(None);
    };
    let expected = "value must be UP, DOWN, STARTING, OUT_OF_SERVICE or UNKNOWN";
    let status = wire::Status::from_name(&text).ok_or(Unusable(expected))?;
    Ok(Some(core_status(status)))
}

/// The override that a peer server sends along; one that is no status is none.
pub(super) fn peers_override(head: &RequestHead) -> Option<Status> {
    let status = wire::Status::from_name(&parameter(head, "overriddenstatus")?)?;
    Some(core_status(status)).filter(|status| *status != Status::Unknown)
}
