//! What a snapshot holds and what was restored, for people and for scripts.

use koinon_core_kv::SpaceId;
use koinon_store::{Inventory, Restored};
use serde::Serialize;

use crate::remote::CommandError;
use crate::table::{NOTHING, layout};

/// A snapshot in JSON.
#[derive(Debug, Serialize)]
struct Status {
    /// Bytes of the file.
    size: u64,
    /// The SHA-256 of all of it before its end, which has this sum.
    hash: String,
    /// The log entry that it is of.
    index: u64,
    keyspaces: Vec<Keyspace>,
}

/// A keyspace of a snapshot in JSON.
#[derive(Debug, Serialize)]
struct Keyspace {
    name: String,
    revision: i64,
    /// The oldest revision that can be read; absent if all can.
    #[serde(skip_serializing_if = "Option::is_none")]
    compacted: Option<i64>,
    /// Keys that exist.
    keys: usize,
    leases: usize,
    #[serde(flatten)]
    records: Option<Records>,
}

/// A snapshot's records of a keyspace.
#[derive(Debug, Serialize)]
struct Records {
    /// With the keys' older revisions.
    records: u64,
    bytes: u64,
    /// The SHA-256 of them with their revisions.
    hash: String,
}

/// What was restored in JSON.
#[derive(Debug, Serialize)]
struct Done {
    /// The log entry behind which the store goes on.
    index: u64,
    keyspaces: Vec<Keyspace>,
}

pub(super) fn json(held: &Inventory) -> Result<Vec<u8>, CommandError> {
    to_json(&status(held))
}

pub(super) fn table(held: &Inventory) -> String {
    let status = status(held);
    let head = [
        "KEYSPACE",
        "REVISION",
        "COMPACTED",
        "KEYS",
        "LEASES",
        "RECORDS",
        "BYTES",
        "HASH",
    ];
    let rows = status.keyspaces.into_iter().map(|space| {
        let (records, bytes, hash) = match space.records {
            Some(of) => (of.records.to_string(), of.bytes.to_string(), of.hash),
            None => (NOTHING.to_owned(), NOTHING.to_owned(), NOTHING.to_owned()),
        };
        [
            space.name,
            space.revision.to_string(),
            compacted_text(space.compacted),
            space.keys.to_string(),
            space.leases.to_string(),
            records,
            bytes,
            hash,
        ]
    });
    let spaces = layout(std::iter::once(head.map(str::to_owned)).chain(rows).collect());
    let whole = layout(vec![
        ["size", &status.size.to_string()].map(str::to_owned),
        ["index", &status.index.to_string()].map(str::to_owned),
        ["hash", &status.hash].map(str::to_owned),
    ]);
    format!("{whole}\n\n{spaces}")
}

pub(super) fn restored_json(restored: &Restored) -> Result<Vec<u8>, CommandError> {
    to_json(&done(restored))
}

pub(super) fn restored_table(restored: &Restored) -> String {
    let head = ["KEYSPACE", "REVISION", "COMPACTED", "KEYS", "LEASES"];
    let rows = done(restored).keyspaces.into_iter().map(|space| {
        [
            space.name,
            space.revision.to_string(),
            compacted_text(space.compacted),
            space.keys.to_string(),
            space.leases.to_string(),
        ]
    });
    layout(std::iter::once(head.map(str::to_owned)).chain(rows).collect())
}

fn status(held: &Inventory) -> Status {
    let spaces = held.spaces.iter().map(|(space, of)| {
        let marks = of.held.marks;
        Keyspace {
            name: name(*space),
            revision: marks.map_or(1, |marks| marks.revision),
            compacted: marks.map(|marks| marks.compacted).filter(|main| *main > 0),
            keys: of.keys,
            leases: of.leases,
            records: Some(Records {
                records: of.held.figures.records,
                bytes: of.held.figures.bytes,
                hash: hex(&of.hash),
            }),
        }
    });
    Status {
        size: held.len,
        hash: hex(&held.hash),
        index: held.applied.index,
        keyspaces: spaces.collect(),
    }
}

fn done(restored: &Restored) -> Done {
    let spaces = restored.spaces.iter().map(|(space, of)| Keyspace {
        name: name(*space),
        revision: of.revision,
        compacted: Some(of.compacted).filter(|main| *main > 0),
        keys: of.keys,
        leases: of.leases,
        records: None,
    });
    Done {
        index: restored.applied.index,
        keyspaces: spaces.collect(),
    }
}

fn to_json(shape: &impl Serialize) -> Result<Vec<u8>, CommandError> {
    serde_json::to_vec(shape).map_err(CommandError::Unreadable)
}

fn name(space: SpaceId) -> String {
    space.name().map_or_else(|| space.0.to_string(), str::to_owned)
}

fn compacted_text(compacted: Option<i64>) -> String {
    compacted.map_or_else(|| NOTHING.to_owned(), |main| main.to_string())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
