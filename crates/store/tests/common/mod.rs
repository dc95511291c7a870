//! A store on a real disk, and short words for what stories do with it.

#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "a story ends where something it needs fails")]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use koinon_base::{Clock, SystemClock};
use koinon_core_kv::{Delete, Keys, LeaseId, Put, Range, Record, SpaceId};
use koinon_io_disk::{Disk, OsDisk};
use koinon_store::{Consistency, Event, Settings, Space, Store, WatchMessage, WatchRequest, WatchStream};

/// How long a condition may take to become true.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// How often something is tried: what the environment says, or the default.
pub(crate) fn rounds(variable: &str, default: u64) -> u64 {
    let asked = std::env::var(variable).ok();
    asked.and_then(|asked| asked.parse().ok()).unwrap_or(default)
}

pub(crate) fn open(dir: &Path) -> Store {
    open_with(dir, Settings::default())
}

pub(crate) fn open_with(dir: &Path, settings: Settings) -> Store {
    open_at(dir, settings, Arc::new(SystemClock::new()))
}

pub(crate) fn open_at(dir: &Path, settings: Settings, clock: Arc<dyn Clock>) -> Store {
    let disk: Arc<dyn Disk> = Arc::new(OsDisk);
    Store::open(&disk, dir, settings, clock).unwrap()
}

pub(crate) fn etcd(store: &Store) -> Space {
    store.space(SpaceId::ETCD)
}

pub(crate) fn key(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

pub(crate) fn put(of: &str, value: &str) -> Put {
    Put {
        key: key(of),
        value: Some(key(value)),
        lease: Some(LeaseId::NONE),
        prev_kv: false,
    }
}

pub(crate) fn delete(of: &str) -> Delete {
    Delete {
        keys: Keys::One(key(of)),
        prev_kv: false,
    }
}

pub(crate) fn all() -> Keys {
    Keys::From(Bytes::from_static(b"\0"))
}

pub(crate) fn range(keys: Keys, revision: i64) -> Range {
    Range {
        keys,
        revision,
        limit: 0,
        sort: None,
        keys_only: false,
        count_only: false,
        mod_revision: (0, 0),
        create_revision: (0, 0),
    }
}

/// Keys and values as they are now.
pub(crate) async fn held(space: &Space) -> Vec<(String, String)> {
    held_at(space, 0).await
}

/// Keys and values as they were.
pub(crate) async fn held_at(space: &Space, revision: i64) -> Vec<(String, String)> {
    let answer = space
        .range(&range(all(), revision), Consistency::Linearizable)
        .await
        .unwrap();
    let records = answer.value.records.iter();
    records.map(|record| pair(record)).collect()
}

pub(crate) fn pair(record: &Record) -> (String, String) {
    match record {
        Record::Put(kv) => (text(&kv.key), text(&kv.value)),
        Record::Tombstone { key, .. } => (text(key), "(deleted)".to_owned()),
    }
}

pub(crate) fn text(bytes: &Bytes) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

pub(crate) fn watch_all(start_revision: i64) -> WatchRequest {
    WatchRequest {
        id: 0,
        keys: all(),
        start_revision,
        no_put: false,
        no_delete: false,
        prev_kv: false,
    }
}

/// The next events of a stream, whichever watcher they are for.
pub(crate) async fn events(stream: &mut WatchStream, count: usize) -> Vec<Event> {
    let mut all = Vec::new();
    while all.len() < count {
        match tokio::time::timeout(DEADLINE, stream.next())
            .await
            .unwrap()
            .unwrap()
        {
            WatchMessage::Events { events, .. } => all.extend(events),
            other @ WatchMessage::Compacted { .. } => panic!("{other:?}"),
        }
    }
    all
}

pub(crate) fn pairs(events: &[Event]) -> Vec<(String, String)> {
    events.iter().map(|event| pair(&event.record)).collect()
}
