//! What all calls share: the keyspace, who this member is, the limits and the counters.

use std::sync::Arc;
use std::time::Duration;

use koinon_core_kv::SpaceId;
use koinon_store::{Space, Store};

use super::alarm::Alarms;
use super::stats::DoorStats;
use crate::translate::Identity;
use crate::wire::etcdserverpb::ResponseHeader;

/// What a message may be larger than the request in it.
const MESSAGE_OVERHEAD: usize = 512 * 1024;

/// The door's limits, etcd's unless said otherwise.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The most bytes of a request. 1.5 MiB.
    pub request_bytes_max: usize,
    /// The most operations in a list of a transaction, those of the transactions around it counted in. 128.
    pub txn_ops_max: usize,
    /// The most calls at once on one connection. 16,384, where etcd has no bound: some clients open a call for each
    /// watcher, and an idle one costs about 2 KiB, so a connection at most 32 MiB.
    pub calls_max: u32,
    /// How often a watcher that asked for it is told how far history was seen. 10 min, a tenth more by chance.
    pub progress_interval: Duration,
    /// How long an HTTP/2 connection may be silent before it is asked whether it lives. 60 s: etcd waits 2 h, and a
    /// watcher behind a dead router stays that long.
    pub ping_after: Duration,
    /// How long the answer may take. 20 s.
    pub ping_timeout: Duration,
    /// How long a client may take nothing of an answer that waits for it. 60 s.
    pub stall_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            request_bytes_max: 3 << 19,
            txn_ops_max: 128,
            calls_max: 16 * 1024,
            progress_interval: Duration::from_secs(600),
            ping_after: Duration::from_secs(60),
            ping_timeout: Duration::from_secs(20),
            stall_timeout: Duration::from_secs(60),
        }
    }
}

impl Limits {
    /// The most bytes of a message.
    pub(super) fn message_bytes_max(&self) -> usize {
        self.request_bytes_max + MESSAGE_OVERHEAD
    }
}

/// The etcd front door of one keyspace. Clones share it.
#[derive(Debug, Clone)]
pub struct Door {
    pub(super) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) store: Store,
    pub(super) space_id: SpaceId,
    pub(super) space: Space,
    pub(super) identity: Identity,
    pub(super) limits: Limits,
    pub(super) stats: DoorStats,
    pub(super) alarms: Alarms,
}

impl Door {
    /// A door to etcd's keyspace of `store`.
    #[must_use]
    pub fn new(store: &Store, identity: Identity, limits: Limits) -> Self {
        let space_id = SpaceId::ETCD;
        let inner = Inner {
            store: store.clone(),
            space_id,
            space: store.space(space_id),
            identity,
            limits,
            stats: DoorStats::default(),
            alarms: Alarms::new(store),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// What was asked of it, in numbers.
    #[must_use]
    pub fn stats(&self) -> &DoorStats {
        &self.inner.stats
    }
}

impl Inner {
    /// The header of an answer made at `revision`.
    pub(super) fn header(&self, revision: i64) -> Option<ResponseHeader> {
        Some(self.identity.header(revision, self.term()))
    }

    /// The term of the log. With one member, the first.
    pub(super) fn term(&self) -> u64 {
        1
    }
}
