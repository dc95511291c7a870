//! The listener's answers, as far as they are printed: JSON of protobuf messages, whose 64-bit numbers are texts, whose
//! bytes are in base 64, and whose empty fields are absent.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::de::Error;
use serde::{Deserialize, Deserializer};

/// A 64-bit number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Int(pub(super) i64);

impl<'de> Deserialize<'de> for Int {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Number(i64),
            Text(String),
        }
        match Written::deserialize(from)? {
            Written::Number(number) => Ok(Self(number)),
            // Member ids are unsigned and use all bits.
            Written::Text(text) => text
                .parse()
                .or_else(|_| text.parse::<u64>().map(u64::cast_signed))
                .map(Self)
                .map_err(D::Error::custom),
        }
    }
}

/// Bytes of any kind.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Blob(pub(super) Vec<u8>);

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        BASE64_STANDARD.decode(text).map(Self).map_err(D::Error::custom)
    }
}

/// Bytes as a request has them.
pub(super) fn encoded(bytes: impl AsRef<[u8]>) -> String {
    BASE64_STANDARD.encode(bytes)
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Header {
    pub(super) member_id: Int,
    pub(super) revision: Int,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Kv {
    pub(super) key: Blob,
    pub(super) value: Blob,
    pub(super) mod_revision: Int,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Range {
    pub(super) kvs: Vec<Kv>,
    pub(super) count: Int,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Put {
    pub(super) prev_kv: Option<Kv>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Deleted {
    pub(super) deleted: Int,
    pub(super) prev_kvs: Vec<Kv>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Txn {
    pub(super) succeeded: bool,
    pub(super) responses: Vec<Response>,
}

/// What one request of a txn did.
#[derive(Debug, Deserialize)]
pub(super) enum Response {
    #[serde(rename = "response_put")]
    Put(Put),
    #[serde(rename = "response_range")]
    Range(Range),
    #[serde(rename = "response_delete_range")]
    Deleted(Deleted),
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Watched {
    pub(super) header: Header,
    pub(super) created: bool,
    pub(super) canceled: bool,
    pub(super) cancel_reason: String,
    pub(super) compact_revision: Int,
    pub(super) events: Vec<Event>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Event {
    #[serde(rename = "type")]
    pub(super) kind: EventKind,
    pub(super) kv: Kv,
    pub(super) prev_kv: Option<Kv>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum EventKind {
    #[default]
    Put,
    Delete,
}

impl EventKind {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }
}

/// Of a lease: its grant, a heartbeat, or its time to live.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Lease {
    #[serde(rename = "ID")]
    pub(super) id: Int,
    #[serde(rename = "TTL")]
    pub(super) ttl: Int,
    #[serde(rename = "grantedTTL")]
    pub(super) granted: Int,
    pub(super) keys: Vec<Blob>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Leases {
    pub(super) leases: Vec<Lease>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Locked {
    pub(super) header: Header,
    pub(super) key: Blob,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Status {
    pub(super) header: Header,
    pub(super) version: String,
    #[serde(rename = "dbSize")]
    pub(super) db_bytes: Int,
    #[serde(rename = "dbSizeInUse")]
    pub(super) db_bytes_in_use: Int,
    pub(super) leader: Int,
    #[serde(rename = "raftTerm")]
    pub(super) term: Int,
    #[serde(rename = "raftIndex")]
    pub(super) index: Int,
    #[serde(rename = "raftAppliedIndex")]
    pub(super) applied: Int,
    pub(super) errors: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Hash {
    pub(super) hash: u32,
    pub(super) hash_revision: Int,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers come as texts or as numbers, ids with the highest bit set, and absent fields are empty.
    #[test]
    fn the_json_of_protobuf_is_read() {
        let header: Header =
            serde_json::from_str(r#"{"member_id":"11046527456118344142","revision":7}"#).unwrap();
        assert_eq!(
            (header.member_id.0 as u64, header.revision),
            (11_046_527_456_118_344_142, Int(7))
        );
        let watched: Watched =
            serde_json::from_str(r#"{"events":[{"kv":{"key":"YQ=="}},{"type":"DELETE"}]}"#).unwrap();
        assert_eq!(watched.events[0].kv.key.0, b"a");
        assert_eq!(
            watched
                .events
                .iter()
                .map(|event| event.kind.word())
                .collect::<Vec<_>>(),
            ["PUT", "DELETE"]
        );
        assert!(serde_json::from_str::<Header>(r#"{"revision":"x"}"#).is_err());
        assert!(serde_json::from_str::<Kv>(r#"{"key":"%"}"#).is_err());
    }
}
