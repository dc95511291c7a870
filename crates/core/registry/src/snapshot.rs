//! An immutable view of the registry at one revision. Taking one costs a reference count.
//!
//! While somebody holds a snapshot, a change copies the few nodes of the tables on its way, some dozens of pointers
//! whatever the size of the service ([`Table`]).

use std::sync::Arc;

use koinon_base::{InstanceId, ServiceName};

use crate::model::{Instance, Status};
use crate::table::Table;

/// How many instances are in each status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StatusCounts([usize; Status::ALL.len()]);

impl StatusCounts {
    /// How many are in `status`.
    #[must_use]
    pub fn get(&self, status: Status) -> usize {
        self.0[status as usize]
    }

    /// Each status with its count.
    pub fn iter(&self) -> impl Iterator<Item = (Status, usize)> {
        let counts = self.0;
        Status::ALL
            .into_iter()
            .map(move |status| (status, counts[status as usize]))
    }

    /// How many there are in all.
    #[must_use]
    pub fn total(&self) -> usize {
        self.0.iter().sum()
    }

    /// Counts one more in `status`.
    pub fn add(&mut self, status: Status) {
        self.0[status as usize] += 1;
    }

    pub(crate) fn remove(&mut self, status: Status) {
        self.0[status as usize] -= 1;
    }
}

/// One service's instances, by id.
#[derive(Debug, Clone)]
pub struct ServiceView {
    /// The service.
    pub name: ServiceName,
    /// The revision of its latest change.
    pub revision: u64,
    /// Its instances; never empty.
    pub instances: Table<InstanceId, Arc<Instance>>,
}

pub(crate) type Services = Table<ServiceName, Arc<ServiceView>>;

/// All services at one revision.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The revision.
    pub revision: u64,
    /// How many instances are in each status.
    pub counts: StatusCounts,
    pub(crate) services: Services,
}

impl Snapshot {
    /// The service `name`, if it has an instance.
    #[must_use]
    pub fn service(&self, name: &ServiceName) -> Option<&Arc<ServiceView>> {
        self.services.get(name)
    }

    /// All services, by name.
    pub fn services(&self) -> impl ExactSizeIterator<Item = &Arc<ServiceView>> {
        self.services.values()
    }

    /// All instances, by service and id.
    pub fn instances(&self) -> impl Iterator<Item = &Arc<Instance>> {
        self.services().flat_map(|service| service.instances.values())
    }
}
