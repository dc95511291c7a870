//! What the registry's operations take and answer.

use std::sync::Arc;

use koinon_base::{InstanceId, ServiceName};

use crate::change_log::Change;
use crate::model::{Instance, Status};
use crate::preservation::PreservationState;
use crate::snapshot::StatusCounts;

/// What a heartbeat says beyond "still here".
#[derive(Debug, Clone, Copy, Default)]
pub struct Renewal {
    /// When the registrant last changed something about itself, by its own clock, Unix milliseconds.
    pub last_dirty_ms: Option<i64>,
    /// The override that a peer server knows of. It is taken over where the peer's registrant turns out to be the
    /// newer one, because the registration that follows may not carry it.
    pub status_override: Option<Status>,
    /// Whether a peer server passes it on.
    pub replicated: bool,
}

/// What became of a heartbeat.
#[derive(Debug, Clone)]
pub enum RenewOutcome {
    /// The lease goes on.
    Renewed,
    /// It is persistent and has no lease: nothing was done, and nothing need be.
    NotNeeded,
    /// No such instance: the client must register.
    NotRegistered,
    /// Its status is unknown (an override was removed): the client must register to say it again.
    StatusUnknown,
    /// The lease goes on, but the client knows something newer about itself: it must register.
    RegistrantIsNewer,
    /// The lease goes on, but this server knows something newer than the peer that passed the heartbeat on.
    RegistryIsNewer(Arc<Instance>),
}

/// Which instances an eviction run will remove; see [`crate::Registry::plan_eviction`].
#[derive(Debug, Clone, Default)]
pub struct Eviction {
    /// How many leases have run out.
    pub expired: usize,
    /// The most that one run may remove.
    pub limit: usize,
    /// Chosen at random among the expired.
    pub chosen: Vec<(ServiceName, InstanceId)>,
}

/// The latest change of each instance that changed within the retention time.
#[derive(Debug, Clone)]
pub struct Delta {
    /// The revision at which it was read.
    pub revision: u64,
    /// Everything up to here is no longer in it.
    pub floor: u64,
    /// How many instances of the whole registry are in each status.
    pub counts: StatusCounts,
    /// One per instance, in the order of the changes.
    pub changes: Vec<Change>,
}

/// How often each thing has happened.
#[derive(Debug, Clone, Copy, Default)]
pub struct Counters {
    /// Registrations.
    pub registrations: u64,
    /// Heartbeats of known instances.
    pub renewals: u64,
    /// Heartbeats that were told to register.
    pub renewals_refused: u64,
    /// Instances that left by themselves.
    pub cancels: u64,
    /// Instances that were evicted.
    pub evictions: u64,
    /// Overrides set or removed.
    pub overrides: u64,
}

/// The registry in numbers.
#[derive(Debug, Clone, Copy)]
pub struct Figures {
    /// The present revision.
    pub revision: u64,
    /// Instances by status.
    pub counts: StatusCounts,
    /// How many of them are persistent.
    pub persistent: usize,
    /// Services with an instance.
    pub services: usize,
    /// Renewals in the last whole window.
    pub renewals_last_window: u64,
    /// Renewals above which silent instances expire.
    pub renewals_threshold: u64,
    /// What self-preservation does.
    pub preservation: PreservationState,
    /// Bytes that instances take, about, those that the change log remembers as removed included.
    pub bytes: usize,
    /// Changes remembered.
    pub change_log_len: usize,
    /// What has happened.
    pub counters: Counters,
}
