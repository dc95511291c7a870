//! An instance as the store has it: JSON, which any tool that reads keys can show.
//!
//! `v` is the oldest format whose readers understand the whole; it only rises when a field comes that may not be ignored.
//! Fields that this version does not know are carried along when it changes the others, so that two versions of Koinon can
//! work on one store.

use std::collections::BTreeMap;

use bytes::Bytes;
use koinon_core_registry::{Description, Kept, LeaseTerms, Pairs, Registration, Scheme, Status};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::key::Who;

/// The format that this version writes, and the newest that it reads.
pub(crate) const FORMAT: u32 = 1;

/// Why a value is not an instance that can be read here.
#[derive(Debug)]
pub(crate) enum Problem {
    /// It is of this later format.
    Newer(u32),
    /// It is something else, or damaged.
    NoInstance(String),
}

/// The value at an instance's key. Its namespace, service and id are the key's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Stored {
    v: u32,
    address: String,
    port: u16,
    #[serde(with = "SchemeWord")]
    scheme: Scheme,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    zone: Option<String>,
    weight: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    metadata: BTreeMap<String, String>,
    /// What only the front door it came through understands.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    attributes: BTreeMap<String, String>,
    status: StatusWord,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status_override: Option<StatusWord>,
    registered_ms: i64,
    changed_ms: i64,
    /// What a later version added.
    #[serde(flatten)]
    others: Map<String, Value>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(remote = "Scheme", rename_all = "snake_case")]
enum SchemeWord {
    Http,
    Https,
    Tcp,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
struct StatusWord(#[serde(with = "StatusSpelling")] Status);

#[derive(Debug, Serialize, Deserialize)]
#[serde(remote = "Status", rename_all = "snake_case")]
enum StatusSpelling {
    Up,
    Down,
    Starting,
    OutOfService,
    Unknown,
}

impl Stored {
    /// What a registration asks to be stored, in place of `before`.
    pub(crate) fn new(registration: &Registration, before: Option<&Self>, now_ms: i64) -> Self {
        let said = &registration.description;
        let kept_override = before.and_then(|before| before.status_override);
        Self {
            v: FORMAT,
            address: said.address.to_string(),
            port: said.port,
            scheme: said.scheme,
            zone: said.zone.as_deref().map(str::to_owned),
            weight: said.weight,
            version: said.version.as_deref().map(str::to_owned),
            metadata: map_of(&said.metadata),
            attributes: map_of(&said.attributes),
            status: StatusWord(registration.status),
            status_override: registration.status_override.map(StatusWord).or(kept_override),
            registered_ms: before.map_or(now_ms, |before| before.registered_ms),
            changed_ms: now_ms,
            others: before.map_or_else(Map::new, |before| before.others.clone()),
        }
        .changed_after(before.map_or(i64::MIN, |before| before.changed_ms), now_ms)
    }

    pub(crate) fn decode(value: &[u8]) -> Result<Self, Problem> {
        /// The one field that every format has.
        #[derive(Deserialize)]
        struct Format {
            v: u32,
        }
        let problem = |error: serde_json::Error| Problem::NoInstance(error.to_string());
        match serde_json::from_slice(value).map_err(problem)? {
            Format { v } if v > FORMAT => Err(Problem::Newer(v)),
            Format { .. } => serde_json::from_slice(value).map_err(problem),
        }
    }

    pub(crate) fn encode(&self) -> Bytes {
        // It consists of texts, numbers and maps of texts, so that nothing can go wrong.
        serde_json::to_vec(self).unwrap_or_default().into()
    }

    pub(crate) fn kept(self, who: &Who) -> Kept {
        Kept {
            status: self.status.0,
            status_override: self.status_override.map(|word| word.0),
            registered_ms: self.registered_ms,
            changed_ms: self.changed_ms,
            description: self.description(who),
        }
    }

    pub(crate) fn description(self, who: &Who) -> Description {
        Description {
            service: who.service.clone(),
            id: who.id.clone(),
            address: self.address.into(),
            port: self.port,
            scheme: self.scheme,
            zone: self.zone.map(Into::into),
            weight: self.weight,
            version: self.version.map(Into::into),
            metadata: self.metadata.iter().collect(),
            attributes: self.attributes.iter().collect(),
            lease: LeaseTerms::default(),
        }
    }

    pub(crate) fn status_override(&self) -> Option<Status> {
        self.status_override.map(|word| word.0)
    }

    /// The same with another override, or none.
    pub(crate) fn overridden(self, status: Option<Status>, now_ms: i64) -> Self {
        let before_ms = self.changed_ms;
        Self {
            status_override: status.map(StatusWord),
            ..self
        }
        .changed_after(before_ms, now_ms)
    }

    /// The same saying another status.
    pub(crate) fn saying(self, status: Status) -> Self {
        Self {
            status: StatusWord(status),
            ..self
        }
    }

    /// The same with other metadata.
    pub(crate) fn with_metadata(self, metadata: &Pairs, now_ms: i64) -> Self {
        let before_ms = self.changed_ms;
        Self {
            metadata: map_of(metadata),
            ..self
        }
        .changed_after(before_ms, now_ms)
    }

    /// A step back of the clock must not make clients take a change for an old one.
    fn changed_after(self, before_ms: i64, now_ms: i64) -> Self {
        Self {
            changed_ms: before_ms.max(now_ms),
            ..self
        }
    }
}

fn map_of(pairs: &Pairs) -> BTreeMap<String, String> {
    let owned = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
    pairs.iter().map(owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRITTEN: &str = r#"{"v":1,"address":"10.0.0.1","port":8080,"scheme":"https","weight":100,"metadata":{"k":"v"},"status":"up","status_override":"out_of_service","registered_ms":5,"changed_ms":7}"#;

    /// Stores outlive versions: what was written once must be read for ever, and written again byte for byte.
    #[test]
    fn the_first_format_is_read() {
        let stored = Stored::decode(WRITTEN.as_bytes()).unwrap();
        assert_eq!(stored.status_override(), Some(Status::OutOfService));
        assert_eq!(stored.encode(), WRITTEN);
    }

    /// A newer node's field survives an older node's change.
    #[test]
    fn fields_of_later_versions_are_carried_along() {
        let later = WRITTEN.replace(r#""weight""#, r#""shard":{"of":[1,2]},"weight""#);
        let stored = Stored::decode(later.as_bytes()).unwrap().overridden(None, 3);
        let written: Value = serde_json::from_slice(&stored.encode()).unwrap();
        assert_eq!(written["shard"]["of"][1], 2);
        assert_eq!(
            (written.get("status_override"), written["changed_ms"].as_i64()),
            (None, Some(7))
        );
    }

    /// What cannot be read says whether a newer Koinon is needed, and never panics.
    #[test]
    fn what_is_no_instance_is_told() {
        let newer = WRITTEN.replace(r#""v":1"#, r#""v":2"#);
        assert!(matches!(Stored::decode(newer.as_bytes()), Err(Problem::Newer(2))));
        let nested = "[".repeat(100_000);
        for bad in ["", "7", "{}", r#"{"v":1}"#, r#"{"v":-1}"#, &WRITTEN[1..], &nested] {
            assert!(
                matches!(Stored::decode(bad.as_bytes()), Err(Problem::NoInstance(_))),
                "{bad:.40}"
            );
        }
    }
}
