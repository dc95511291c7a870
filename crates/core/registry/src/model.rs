//! What an instance is.
//!
//! A [`Description`] is what the registrant says of itself and never changes; an [`Instance`] is that plus what
//! the registry knows at one revision. Both are shared, never mutated: a change makes a new `Instance`, so that
//! a snapshot, a change and a cached answer can hold the old one for as long as they like.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use koinon_base::{InstanceId, ServiceName};

use crate::lease::LeaseTerms;
use crate::pairs::Pairs;

/// A text that is not a name: kept as given, in as little memory as it needs.
pub type Text = Box<str>;

/// Whether an instance takes traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// It takes traffic.
    Up,
    /// It says that it cannot.
    Down,
    /// It is not ready yet.
    Starting,
    /// It, or an operator, took it out on purpose.
    OutOfService,
    /// Nobody knows: it has to say it again.
    Unknown,
}

impl Status {
    /// Every status, in the order of their discriminants.
    pub const ALL: [Self; 5] = [
        Self::Up,
        Self::Down,
        Self::Starting,
        Self::OutOfService,
        Self::Unknown,
    ];

    /// The name in `snake_case`, for metrics and the native API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Starting => "starting",
            Self::OutOfService => "out_of_service",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What health checks found; heartbeats alone find nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Health {
    /// Nobody has checked.
    #[default]
    Unknown,
    /// Checks pass.
    Passing,
    /// Checks pass with a reservation.
    Warning,
    /// Checks fail.
    Critical,
}

/// How to speak to an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Scheme {
    /// Plain HTTP.
    #[default]
    Http,
    /// HTTP over TLS.
    Https,
    /// Bytes over TCP.
    Tcp,
}

/// What keeps an instance alive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Consistency {
    /// Its heartbeats; available under partition.
    #[default]
    Ephemeral,
    /// The store; linearizable, stays until it is removed.
    Persistent,
}

/// What a registrant says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// The service it belongs to.
    pub service: ServiceName,
    /// Its identity within the service.
    pub id: InstanceId,
    /// The host name or IP address to dial.
    pub address: Text,
    /// The port to dial; 0 when it takes no connections.
    pub port: u16,
    /// How to speak to it.
    pub scheme: Scheme,
    /// Where it runs, for zone-aware balancing.
    pub zone: Option<Text>,
    /// Its share of traffic relative to the others of its service. Default 100.
    pub weight: u32,
    /// The version of the software it runs.
    pub version: Option<Text>,
    /// The registrant's own pairs, for everybody.
    pub metadata: Pairs,
    /// What only the front door it came through understands, so that its clients read back what they wrote.
    pub attributes: Pairs,
    /// How long it may be silent.
    pub lease: LeaseTerms,
}

impl Description {
    /// The weight of an instance that states none.
    pub const WEIGHT_DEFAULT: u32 = 100;

    /// About what keeping such an instance takes: its texts, the structures they hang in, and its places in the
    /// tables and the change log.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        const PLACES: usize = 384;
        let optional = |text: &Option<Text>| text.as_ref().map_or(0, |text| text.len());
        PLACES
            + size_of::<Instance>()
            + size_of::<Self>()
            + self.service.as_str().len()
            + self.id.as_str().len()
            + self.address.len()
            + optional(&self.zone)
            + optional(&self.version)
            + self.metadata.size_bytes()
            + self.attributes.size_bytes()
    }
}

/// A request to be registered.
#[derive(Debug, Clone)]
pub struct Registration {
    /// Who.
    pub description: Description,
    /// What keeps it alive.
    pub consistency: Consistency,
    /// In which status.
    pub status: Status,
    /// An override it brings along (a server that restarted learns it again this way).
    pub status_override: Option<Status>,
    /// When the registrant last changed something about itself, by its own clock, in Unix milliseconds. `None`:
    /// the time of registration, and never older than what is registered.
    pub last_dirty_ms: Option<i64>,
    /// Whether a peer server passes it on; then this server's own opinion of the status does not outrank it.
    pub replicated: bool,
}

/// A persistent instance as the store has it.
#[derive(Debug, Clone)]
pub struct Kept {
    /// Who.
    pub description: Description,
    /// What it says of itself.
    pub status: Status,
    /// The override an operator set, if any.
    pub status_override: Option<Status>,
    /// When it was first registered, Unix milliseconds.
    pub registered_ms: i64,
    /// When the store last changed it, Unix milliseconds.
    pub changed_ms: i64,
}

/// What happened to an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// It registered, or registered again.
    Added,
    /// Its status changed.
    Modified,
    /// It left or was evicted.
    Removed,
}

/// A registered instance at one revision.
#[derive(Debug, Clone)]
pub struct Instance {
    /// What it says of itself.
    pub description: Arc<Description>,
    /// What keeps it alive.
    pub consistency: Consistency,
    /// The status that holds.
    pub status: Status,
    /// The override an operator set, if any.
    pub status_override: Option<Status>,
    /// What checks found.
    pub health: Health,
    /// When it last changed something about itself, by its own clock, Unix milliseconds.
    pub last_dirty_ms: i64,
    /// When the registry last changed something about it, Unix milliseconds.
    pub last_updated_ms: i64,
    /// When its present lease began, Unix milliseconds.
    pub registered_ms: i64,
    /// When it first was up, Unix milliseconds; 0 if never.
    pub up_since_ms: i64,
    /// When it was removed, Unix milliseconds; 0 while it is registered.
    pub removed_ms: i64,
    /// The latest renewal, Unix milliseconds, shared by all versions of one lease.
    pub(crate) renewed_ms: Arc<AtomicI64>,
    /// The kind of the latest change.
    pub last_change: ChangeKind,
    /// The revision of the latest change.
    pub revision: u64,
}

impl Consistency {
    /// The class's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ephemeral => "ephemeral",
            Self::Persistent => "persistent",
        }
    }
}

impl fmt::Display for Consistency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Instance {
    /// The instance's identity.
    #[must_use]
    pub fn id(&self) -> &InstanceId {
        &self.description.id
    }

    /// The service it belongs to.
    #[must_use]
    pub fn service(&self) -> &ServiceName {
        &self.description.service
    }

    /// When the lease was last renewed, as Eureka shows it: a renewal counts from one duration ahead. Without a lease,
    /// when it was registered.
    #[must_use]
    pub fn renewed_ms(&self) -> i64 {
        self.renewed_ms.load(Ordering::Relaxed)
    }
}
