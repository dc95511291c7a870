//! The handle: what is done in memory, by namespace, at the present time: everything with ephemeral instances, and reading.

use std::fmt;
use std::sync::Arc;

use koinon_base::{Clock, InstanceId, Namespace, Now, Rng, ServiceName};
use koinon_core_registry::{
    Config, Delta, Figures, Instance, Pairs, Registration, RegistryError, RenewOutcome, Renewal, Snapshot,
    Status,
};
use koinon_store::{Space as StoreSpace, StoreError};

use crate::error::ServiceError;
use crate::persistent::{Follower, Persistence};
use crate::position::Position;
use crate::space::Space;
use crate::spaces::Spaces;
use crate::subscription::Subscription;

/// Settings of the running registry.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Settings of each namespace.
    pub namespace: Config,
    /// The most namespaces. Default 64: each is a whole registry.
    pub namespaces_max: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            namespace: Config::default(),
            namespaces_max: 64,
        }
    }
}

/// The running registry. Clones share it.
#[derive(Clone)]
pub struct RegistryHandle {
    shared: Arc<Shared>,
}

struct Shared {
    clock: Arc<dyn Clock>,
    life: u64,
    spaces: Spaces,
    persistence: Option<Persistence>,
}

impl fmt::Debug for RegistryHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistryHandle")
            .field("settings", self.settings())
            .finish_non_exhaustive()
    }
}

impl RegistryHandle {
    /// An empty registry with the namespace `default`, and without a store: for what needs ephemeral instances only.
    #[must_use]
    pub fn new(settings: Settings, clock: Arc<dyn Clock>, rng: Rng) -> Self {
        Self::made(settings, clock, rng, None)
    }

    /// A registry with the persistent instances that `store` has, and what keeps it up to date with the store from then on:
    /// [`Follower::run`] must run as long as the registry is used.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn open(
        settings: Settings,
        clock: Arc<dyn Clock>,
        rng: Rng,
        store: StoreSpace,
    ) -> Result<(Self, Follower), StoreError> {
        let handle = Self::made(settings, clock, rng, Some(Persistence::new(store.clone())));
        let follower = Follower::open(handle.clone(), store).await?;
        Ok((handle, follower))
    }

    fn made(
        settings: Settings,
        clock: Arc<dyn Clock>,
        mut rng: Rng,
        persistence: Option<Persistence>,
    ) -> Self {
        Self {
            shared: Arc::new(Shared {
                clock,
                life: rng.next_u64(),
                spaces: Spaces::new(settings),
                persistence,
            }),
        }
    }

    /// Registers an ephemeral instance; the first of a namespace creates it.
    ///
    /// # Errors
    /// When the instance is persistent or registered as such, or a limit is reached.
    pub fn register(
        &self,
        namespace: &Namespace,
        registration: Registration,
    ) -> Result<Arc<Instance>, ServiceError> {
        let space = self.shared.spaces.get_or_new(namespace)?;
        let now = self.now();
        Ok(space.change(|registry| registry.register(now, registration))?)
    }

    /// Takes a heartbeat.
    #[must_use]
    pub fn renew(
        &self,
        namespace: &Namespace,
        service: &ServiceName,
        id: &InstanceId,
        renewal: Renewal,
    ) -> RenewOutcome {
        let now = self.now();
        let renewed = |space: &Space| space.change(|registry| registry.renew(now, service, id, renewal));
        self.space(namespace)
            .map_or(RenewOutcome::NotRegistered, |space| renewed(&space))
    }

    /// Removes an ephemeral instance that leaves; see [`Self::deregister`].
    ///
    /// # Errors
    /// When it is not registered, or persistent.
    pub fn cancel(
        &self,
        namespace: &Namespace,
        service: &ServiceName,
        id: &InstanceId,
    ) -> Result<(), ServiceError> {
        let now = self.now();
        self.existing(namespace, service, id)?
            .change(|registry| registry.cancel(now, service, id))?;
        Ok(())
    }

    /// Overrides the status of an ephemeral instance; see [`Self::set_override`].
    ///
    /// # Errors
    /// When it is not registered, or persistent.
    pub fn override_status(
        &self,
        namespace: &Namespace,
        service: &ServiceName,
        id: &InstanceId,
        status: Status,
        last_dirty_ms: Option<i64>,
    ) -> Result<(), ServiceError> {
        let now = self.now();
        let space = self.existing(namespace, service, id)?;
        space.change(|registry| registry.override_status(now, service, id, status, last_dirty_ms))?;
        Ok(())
    }

    /// Removes the override and leaves the ephemeral instance in `status`; see [`Self::clear_override`].
    ///
    /// # Errors
    /// When it is not registered, or persistent.
    pub fn remove_override(
        &self,
        namespace: &Namespace,
        service: &ServiceName,
        id: &InstanceId,
        status: Status,
        last_dirty_ms: Option<i64>,
    ) -> Result<(), ServiceError> {
        let now = self.now();
        let space = self.existing(namespace, service, id)?;
        space.change(|registry| registry.remove_override(now, service, id, status, last_dirty_ms))?;
        Ok(())
    }

    /// Adds to or replaces an ephemeral instance's metadata; see [`Self::add_metadata`].
    ///
    /// # Errors
    /// When it is not registered, or persistent.
    pub fn merge_metadata(
        &self,
        namespace: &Namespace,
        service: &ServiceName,
        id: &InstanceId,
        pairs: &Pairs,
    ) -> Result<Arc<Instance>, ServiceError> {
        let now = self.now();
        let space = self.existing(namespace, service, id)?;
        Ok(space.change(|registry| registry.merge_metadata(now, service, id, pairs))?)
    }

    /// An instance, unless its lease has run out.
    #[must_use]
    pub fn get(
        &self,
        namespace: &Namespace,
        service: &ServiceName,
        id: &InstanceId,
    ) -> Option<Arc<Instance>> {
        let now = self.now();
        self.space(namespace)?.lock().get(now, service, id)
    }

    /// The first instance of this id in any service of the namespace.
    #[must_use]
    pub fn find(&self, namespace: &Namespace, id: &InstanceId) -> Option<Arc<Instance>> {
        let now = self.now();
        self.space(namespace)?.lock().find(now, id)
    }

    /// The present revision of a namespace. When there is none of that name: the one that it would start at, which is
    /// 0 until a namespace was freed.
    #[must_use]
    pub fn revision(&self, namespace: &Namespace) -> u64 {
        let space = self.shared.spaces.get_or_start(namespace);
        space.map_or_else(|start| start, |space| space.lock().revision())
    }

    /// Everything in a namespace at its present revision.
    #[must_use]
    pub fn snapshot(&self, namespace: &Namespace) -> Option<Snapshot> {
        Some(self.space(namespace)?.lock().snapshot())
    }

    /// What changed lately in a namespace.
    #[must_use]
    pub fn delta(&self, namespace: &Namespace) -> Option<Delta> {
        Some(self.space(namespace)?.lock().delta())
    }

    /// Identifies a namespace's present delta without reading it; of one that is not there, that which it would
    /// start with.
    #[must_use]
    pub fn delta_version(&self, namespace: &Namespace) -> Option<(u64, u64)> {
        let space = self.shared.spaces.get_or_start(namespace);
        Some(space.map_or_else(|start| (start, start), |space| space.lock().delta_version()))
    }

    /// Follows a namespace, or one service of it: from `position` if it can be resumed, else from a snapshot.
    ///
    /// # Errors
    /// When the namespace does not exist and there may be no more.
    pub fn subscribe(
        &self,
        namespace: &Namespace,
        service: Option<ServiceName>,
        position: Option<Position>,
    ) -> Result<Subscription, ServiceError> {
        let space = self.shared.spaces.get_or_new(namespace)?;
        Ok(Subscription::new(space, self.shared.life, service, position))
    }

    /// The namespaces with their figures.
    #[must_use]
    pub fn figures(&self) -> Vec<(Namespace, Figures)> {
        let now = self.now();
        let figures = |(name, space): (Namespace, Arc<Space>)| (name, space.lock().figures(now));
        self.spaces().all().into_iter().map(figures).collect()
    }

    /// The settings it runs with.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        self.shared.spaces.settings()
    }

    pub(crate) fn now(&self) -> Now {
        self.shared.clock.now()
    }

    pub(crate) fn spaces(&self) -> &Spaces {
        &self.shared.spaces
    }

    pub(crate) fn persistence(&self) -> Option<&Persistence> {
        self.shared.persistence.as_ref()
    }

    fn space(&self, namespace: &Namespace) -> Option<Arc<Space>> {
        self.shared.spaces.get(namespace)
    }

    fn existing(
        &self,
        namespace: &Namespace,
        service: &ServiceName,
        id: &InstanceId,
    ) -> Result<Arc<Space>, RegistryError> {
        let missing = || RegistryError::NotRegistered {
            service: service.clone(),
            id: id.clone(),
        };
        self.space(namespace).ok_or_else(missing)
    }
}
