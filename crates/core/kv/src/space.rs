//! Keyspaces: each protocol's clients see exactly the keys, leases and revisions that the original would show them.

use std::fmt;

/// A keyspace's number, as the log and the disk know it. Numbers are never given away twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SpaceId(pub u8);

impl SpaceId {
    /// What etcd v3 clients see.
    pub const ETCD: Self = Self(1);
    /// What etcd v2 clients see.
    pub const ETCD_V2: Self = Self(2);
    /// Persistent instances of the registry.
    pub const REGISTRY: Self = Self(3);
    /// What an etcd's members know of each other beside keys: alarms. Clients see it through calls of their own only.
    pub const ETCD_CLUSTER: Self = Self(4);

    /// Every keyspace, with its name in settings, metrics and messages.
    pub const ALL: [(Self, &'static str); 4] = [
        (Self::ETCD, "etcd"),
        (Self::ETCD_V2, "etcd_v2"),
        (Self::REGISTRY, "registry"),
        (Self::ETCD_CLUSTER, "etcd_cluster"),
    ];

    /// The keyspace's name, if it is one of [`Self::ALL`].
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        Self::ALL
            .iter()
            .find(|(id, _)| *id == self)
            .map(|(_, name)| *name)
    }
}

impl fmt::Display for SpaceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "keyspace {}", self.0),
        }
    }
}
