//! Services and instances as they are shown.
//!
//! Texts are borrowed when they are written, because a snapshot may hold 100,000 instances, and owned when read.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Whether an instance takes traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It takes traffic.
    Up,
    /// It says that it cannot.
    Down,
    /// It is not ready yet.
    Starting,
    /// It, or an operator, took it out on purpose.
    OutOfService,
    /// Nobody knows: it has to register again.
    Unknown,
}

/// What health checks found; heartbeats alone find nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// Nobody has checked.
    Unknown,
    /// Checks pass.
    Passing,
    /// Checks pass with a reservation.
    Warning,
    /// Checks fail.
    Critical,
}

/// How to speak to an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scheme {
    /// Plain HTTP.
    Http,
    /// HTTP over TLS.
    Https,
    /// Bytes over TCP.
    Tcp,
}

/// What keeps an instance registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Consistency {
    /// Its heartbeats; available under partition.
    Ephemeral,
    /// The store; linearizable, stays until it is removed.
    Persistent,
}

/// How long an instance may be silent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Lease {
    /// How often it promises a heartbeat, in seconds.
    pub renewal_interval_s: i32,
    /// How long it may be silent, in seconds. An instance that has sent a heartbeat is kept for twice as long,
    /// as Eureka's clients expect.
    pub duration_s: i32,
}

impl Lease {
    /// That of a registrant that states none.
    pub const DEFAULT: Self = Self {
        renewal_interval_s: 30,
        duration_s: 90,
    };
}

/// A registered instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Instance<'a> {
    /// The service it belongs to.
    pub service: Cow<'a, str>,
    /// Its identity within the service.
    pub id: Cow<'a, str>,
    /// The host name or IP address to dial.
    pub address: Cow<'a, str>,
    /// The port to dial; 0 when it takes no connections.
    pub port: u16,
    /// How to speak to it.
    pub scheme: Scheme,
    /// Where it runs.
    pub zone: Option<Cow<'a, str>>,
    /// Its share of traffic relative to the others of its service.
    pub weight: u32,
    /// The version of the software it runs.
    pub version: Option<Cow<'a, str>>,
    /// Its own pairs.
    pub metadata: BTreeMap<Cow<'a, str>, Cow<'a, str>>,
    /// The status that holds.
    pub status: Status,
    /// The override an operator set, if any.
    pub status_override: Option<Status>,
    /// What checks found.
    pub health: Health,
    /// What keeps it registered.
    pub consistency: Consistency,
    /// How long it may be silent; `null` for a persistent instance, which has no heartbeats.
    pub lease: Option<Lease>,
    /// When its present lease began; of a persistent instance, when it was first registered.
    pub registered_ms: i64,
    /// When its latest heartbeat came, or its registration if none has; `null` for a persistent instance.
    pub last_heartbeat_ms: Option<i64>,
    /// When it first was up; `null` if never.
    pub up_since_ms: Option<i64>,
    /// When the registry last changed something about it.
    pub last_updated_ms: i64,
    /// The revision of that change.
    pub revision: u64,
}

/// How many instances are in each status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct Statuses {
    /// In `up`.
    pub up: usize,
    /// In `down`.
    pub down: usize,
    /// In `starting`.
    pub starting: usize,
    /// In `out_of_service`.
    pub out_of_service: usize,
    /// In `unknown`.
    pub unknown: usize,
}

/// One service in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ServiceSummary {
    /// Its name, in lower case.
    pub name: String,
    /// How many instances it has.
    pub instances: usize,
    /// How many of them are persistent.
    pub persistent: usize,
    /// How many are in each status.
    pub statuses: Statuses,
    /// The revision of its latest change.
    pub revision: u64,
}

/// All services of a namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ServiceList {
    /// The namespace.
    pub namespace: String,
    /// The revision at which it was read.
    pub revision: u64,
    /// By name.
    pub services: Vec<ServiceSummary>,
}

/// One service with its instances.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Service<'a> {
    /// Its name, in lower case.
    pub name: Cow<'a, str>,
    /// The revision of its latest change.
    pub revision: u64,
    /// By id; never empty.
    pub instances: Vec<Instance<'a>>,
}

/// The data of a `snapshot` event: forget what you know, this is everything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WatchSnapshot<'a> {
    /// By name. A service without instances is not there.
    pub services: Vec<Service<'a>>,
}

/// The data of a `remove` event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Removed<'a> {
    /// The service it belonged to.
    pub service: Cow<'a, str>,
    /// Its identity within the service.
    pub id: Cow<'a, str>,
    /// When it was removed.
    pub removed_ms: i64,
    /// The revision of its removal.
    pub revision: u64,
}
