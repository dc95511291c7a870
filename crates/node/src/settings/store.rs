//! The sections `store` and `etcd`: how much is kept, and what a client may ask for at once.
//!
//! Defaults are the store's and the door's own, which are etcd's.

use std::time::Duration;

use koinon_api_etcd::serve::Limits;
use koinon_store::Retention;
use serde::{Deserialize, Serialize};

use super::millis;

/// How much the store keeps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Store {
    /// The most live bytes of a keyspace.
    pub quota_bytes: u64,
    /// Memory for values that the disk has, too.
    pub cache_bytes_max: usize,
}

/// How the etcd API behaves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Etcd {
    /// The most bytes of a request.
    pub request_bytes_max: usize,
    /// The most operations of a transaction.
    pub txn_ops_max: usize,
    /// Between two words to a watcher that asked for them.
    pub progress_interval_ms: u64,
    /// The age of history that is kept; 0: any.
    pub history_ms: u64,
    /// The revisions of history that are kept; 0: all.
    pub history_revisions: i64,
}

/// A request goes through the log as one entry, whose bound is 64 MiB with all that is around it.
const REQUEST_BYTES_MAX: usize = 32 << 20;
/// Keys take some, so less is no store.
const QUOTA_BYTES_MIN: u64 = 1 << 20;
/// Nested lists are walked with a stack, and a list of this many takes a blink.
const TXN_OPS_MAX: usize = 100_000;
/// Below it etcd refuses, too.
const PROGRESS_MS_MIN: u64 = 100;

impl Default for Store {
    fn default() -> Self {
        let settings = koinon_store::Settings::default();
        Self {
            quota_bytes: settings.quota_bytes,
            cache_bytes_max: settings.cache_bytes_max,
        }
    }
}

impl Default for Etcd {
    fn default() -> Self {
        let limits = Limits::default();
        Self {
            request_bytes_max: limits.request_bytes_max,
            txn_ops_max: limits.txn_ops_max,
            progress_interval_ms: millis(limits.progress_interval),
            history_ms: 0,
            history_revisions: 0,
        }
    }
}

impl Store {
    /// Everything that is wrong here.
    pub(super) fn problems(&self) -> Option<String> {
        (self.quota_bytes < QUOTA_BYTES_MIN)
            .then(|| format!("store.quota_bytes must be at least {QUOTA_BYTES_MIN} (1 MiB)"))
    }

    /// As the store takes it.
    pub(crate) fn settings(&self) -> koinon_store::Settings {
        koinon_store::Settings {
            quota_bytes: self.quota_bytes,
            cache_bytes_max: self.cache_bytes_max,
            ..koinon_store::Settings::default()
        }
    }
}

impl Etcd {
    /// Everything that is wrong here.
    pub(super) fn problems(&self) -> Vec<String> {
        let rules = [
            (
                !(1..=REQUEST_BYTES_MAX).contains(&self.request_bytes_max),
                format!("etcd.request_bytes_max must be at least 1 and at most {REQUEST_BYTES_MAX} (32 MiB)"),
            ),
            (
                !(1..=TXN_OPS_MAX).contains(&self.txn_ops_max),
                format!("etcd.txn_ops_max must be at least 1 and at most {TXN_OPS_MAX}"),
            ),
            (
                self.progress_interval_ms < PROGRESS_MS_MIN,
                format!("etcd.progress_interval_ms must be at least {PROGRESS_MS_MIN}"),
            ),
            (
                self.history_revisions < 0,
                "etcd.history_revisions must be at least 0".to_owned(),
            ),
            (
                self.history_ms > 0 && self.history_revisions > 0,
                "set etcd.history_ms or etcd.history_revisions, not both".to_owned(),
            ),
        ];
        let broken = rules.into_iter().filter(|(broken, _)| *broken);
        broken.map(|(_, text)| text).collect()
    }

    /// As the door takes it.
    pub(crate) fn limits(&self) -> Limits {
        Limits {
            request_bytes_max: self.request_bytes_max,
            txn_ops_max: self.txn_ops_max,
            progress_interval: Duration::from_millis(self.progress_interval_ms),
            ..Limits::default()
        }
    }

    /// How much history of its keyspace is kept.
    pub(crate) fn retention(&self) -> Retention {
        match (self.history_ms, self.history_revisions) {
            (0, 0) => Retention::Everything,
            (0, revisions) => Retention::Revisions(revisions),
            (age_ms, _) => Retention::Age(Duration::from_millis(age_ms)),
        }
    }
}
