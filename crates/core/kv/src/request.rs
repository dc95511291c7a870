//! What can be asked of a keyspace and changed in it.
//!
//! Requests are what a protocol's front door translates to; commands are what the replicated log carries.

use std::fmt;

use bytes::Bytes;

use crate::space::SpaceId;
use crate::v2::Change;

/// A lease's number. Chosen by the client or by the server, never 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct LeaseId(pub i64);

impl LeaseId {
    /// No lease.
    pub const NONE: Self = Self(0);

    /// Whether it is a lease at all.
    #[must_use]
    pub fn is_some(self) -> bool {
        self.0 != 0
    }
}

impl fmt::Display for LeaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}", self.0)
    }
}

/// Which keys are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Keys {
    /// This one.
    One(Bytes),
    /// From the first, which belongs to it, to the second, which does not.
    Between(Bytes, Bytes),
    /// This one and all after it.
    From(Bytes),
}

impl Keys {
    /// Whether `key` is one of them.
    #[must_use]
    pub fn contain(&self, key: &[u8]) -> bool {
        match self {
            Self::One(one) => one == key,
            Self::Between(first, end) => first <= key && key < end.as_ref(),
            Self::From(first) => first <= key,
        }
    }

    /// All keys that begin with `prefix`; all there are if it is empty.
    #[must_use]
    pub fn prefixed(prefix: &[u8]) -> Self {
        let first = if prefix.is_empty() {
            Bytes::from_static(&[0])
        } else {
            Bytes::copy_from_slice(prefix)
        };
        match after_prefix(prefix) {
            Some(end) => Self::Between(first, end),
            None => Self::From(first),
        }
    }
}

/// The first key after all that begin with `prefix`; `None` if there is none.
pub(crate) fn after_prefix(prefix: &[u8]) -> Option<Bytes> {
    let last = prefix.iter().rposition(|byte| *byte != u8::MAX)?;
    let mut end = prefix.get(..=last)?.to_vec();
    *end.last_mut()? += 1;
    Some(end.into())
}

/// A field to sort by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortBy {
    /// The key.
    Key,
    /// How often it was written.
    Version,
    /// When it was created.
    Create,
    /// When it was last written.
    Mod,
    /// The value.
    Value,
}

/// The order of a range's answer. Keys of equal fields stay in the order of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sort {
    /// By what.
    pub by: SortBy,
    /// The largest first.
    pub descending: bool,
    /// The limit cuts in the order of keys, and only what it leaves is sorted. That is what etcd does when a client names a
    /// field but no direction; else the limit cuts what is sorted.
    pub after_limit: bool,
}

/// Read keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    /// Which.
    pub keys: Keys,
    /// As of which main revision; 0 or less: now.
    pub revision: i64,
    /// At most so many; 0 or less: all.
    pub limit: i64,
    /// In which order; `None`: in the order of keys.
    pub sort: Option<Sort>,
    /// Without values.
    pub keys_only: bool,
    /// Only how many there are.
    pub count_only: bool,
    /// Bounds, both inclusive, 0 for none: `mod_revision` at least and at most.
    pub mod_revision: (i64, i64),
    /// The same for `create_revision`.
    pub create_revision: (i64, i64),
}

impl Range {
    /// All of the keys with their values, as they are now.
    #[must_use]
    pub fn of(keys: Keys) -> Self {
        Self {
            keys,
            revision: 0,
            limit: 0,
            sort: None,
            keys_only: false,
            count_only: false,
            mod_revision: (0, 0),
            create_revision: (0, 0),
        }
    }
}

/// Write a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Put {
    /// The key.
    pub key: Bytes,
    /// Its value; `None` keeps the present one, and the key must exist.
    pub value: Option<Bytes>,
    /// Its lease; `None` keeps the present one, and the key must exist.
    pub lease: Option<LeaseId>,
    /// Answer what was there before.
    pub prev_kv: bool,
}

/// Delete keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delete {
    /// Which.
    pub keys: Keys,
    /// Answer what was there before.
    pub prev_kv: bool,
}

/// How two sides of a comparison must stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ordering {
    /// The key's side equals the given one.
    Equal,
    /// It is greater.
    Greater,
    /// It is less.
    Less,
    /// It differs.
    NotEqual,
}

/// What of a key is compared, and with what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CompareTarget {
    /// Its version; 0 for a key that does not exist.
    Version(i64),
    /// Its creation's main revision; 0 for a key that does not exist.
    Create(i64),
    /// Its last change's main revision; 0 for a key that does not exist.
    Mod(i64),
    /// Its value; a key that does not exist equals nothing and fails every comparison.
    Value(Bytes),
    /// Its lease; 0 for a key that does not exist.
    Lease(i64),
}

/// A condition, on what was there before the transaction, also within a nested one. Over several keys it holds if it holds
/// for each; over a range without keys it is decided as for a key that does not exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compare {
    /// Of which keys.
    pub keys: Keys,
    /// How.
    pub ordering: Ordering,
    /// What.
    pub target: CompareTarget,
}

/// A transaction: all comparisons hold, or else. Everything it changes has one main revision.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Txn {
    /// The conditions.
    pub compare: Vec<Compare>,
    /// Done when all of them hold.
    pub then: Vec<Op>,
    /// Done otherwise.
    pub or_else: Vec<Op>,
}

/// A step of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// Read.
    Range(Range),
    /// Write.
    Put(Put),
    /// Delete.
    Delete(Delete),
    /// A transaction within it.
    Txn(Txn),
}

/// What the log carries: a change that every member applies alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Change keys (a single put or delete is a transaction of one step).
    Txn {
        /// Where.
        space: SpaceId,
        /// What.
        txn: Txn,
    },
    /// Forget history below `revision`.
    Compact {
        /// Where.
        space: SpaceId,
        /// The oldest main revision that stays readable.
        revision: i64,
    },
    /// Make a lease.
    LeaseGrant {
        /// Where.
        space: SpaceId,
        /// Its number, chosen before it is proposed; never [`LeaseId::NONE`].
        id: LeaseId,
        /// Seconds that it lives without being kept alive.
        ttl_s: i64,
    },
    /// End a lease, by its owner or because its time is over: its keys are deleted in one revision.
    LeaseRevoke {
        /// Where.
        space: SpaceId,
        /// Which.
        id: LeaseId,
    },
    /// Change the tree of files and directories that a keyspace holds.
    V2 {
        /// Where.
        space: SpaceId,
        /// When it was proposed, in milliseconds since 1970.
        now_unix_ms: i64,
        /// What.
        change: Change,
    },
}

impl Command {
    /// The keyspace that it is for.
    #[must_use]
    pub fn space(&self) -> SpaceId {
        match self {
            Self::Txn { space, .. }
            | Self::Compact { space, .. }
            | Self::LeaseGrant { space, .. }
            | Self::LeaseRevoke { space, .. }
            | Self::V2 { space, .. } => *space,
        }
    }
}
