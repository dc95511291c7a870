//! What doors do with an instance of which they do not know the class, and registering a persistent one.
//!
//! Most instances are ephemeral, so memory is asked first. What it refuses because the store has the instance, or because it
//! has never heard of it, is done in the store: there is no moment in which an instance that was registered cannot be
//! deregistered.

use std::sync::Arc;

use koinon_base::{InstanceId, Namespace, ServiceName};
use koinon_core_registry::{Instance, Pairs, Registration, RegistryError, Status};

use crate::error::ServiceError;
use crate::handle::RegistryHandle;
use crate::persistent::{Held, Next, Persistence, Problem, Stored, Who};

impl RegistryHandle {
    /// Registers a persistent instance, or registers it again; answers when the store has it and this node shows it. An
    /// override that it has stays.
    ///
    /// # Errors
    /// When its id is registered as ephemeral, a limit is reached, the store refuses it or nobody knows.
    pub async fn register_persistent(
        &self,
        namespace: &Namespace,
        registration: Registration,
    ) -> Result<Arc<Instance>, ServiceError> {
        let who = Who::of(namespace, &registration.description);
        let Some(persistence) = self.persistence() else {
            return Err(ServiceError::Registry(RegistryError::NeedsStore {
                service: who.service,
                id: who.id,
            }));
        };
        // Held until the end, so that the namespace stays.
        let space = self.spaces().get_or_new(namespace)?;
        space.lock().check_keep(self.now(), &registration.description)?;
        let now_ms = self.now().unix_ms;
        let stored =
            |before: Option<&Stored>| Next::Put(Box::new(Stored::new(&registration, before, now_ms)));
        let decide = |held| match held {
            Held::Nothing | Held::Unreadable(Problem::NoInstance(_)) => Ok(stored(None)),
            Held::Instance(before) => Ok(stored(Some(&*before))),
            Held::Unreadable(problem @ Problem::Newer(_)) => Err(who.unreadable(&problem)),
        };
        persistence.change(&who, decide).await?;
        self.get(namespace, &who.service, &who.id)
            .ok_or_else(|| who.not_shown())
    }

    /// Removes an instance of either class.
    ///
    /// # Errors
    /// When it is not registered, the store refuses it or nobody knows.
    pub async fn deregister(
        &self,
        namespace: &Namespace,
        service: &ServiceName,
        id: &InstanceId,
    ) -> Result<(), ServiceError> {
        let done = self.cancel(namespace, service, id);
        let Some(persistence) = self.in_store(&done) else {
            return done;
        };
        let who = Who::new(namespace, service, id);
        let decide = |held| match held {
            Held::Nothing => Err(who.not_registered().into()),
            Held::Instance(_) | Held::Unreadable(_) => Ok(Next::Delete),
        };
        persistence.change(&who, decide).await
    }

    /// Overrides the status of an instance of either class. A persistent one keeps the override over restarts.
    ///
    /// # Errors
    /// When it is not registered, the store refuses it or nobody knows.
    pub async fn set_override(
        &self,
        namespace: &Namespace,
        service: &ServiceName,
        id: &InstanceId,
        status: Status,
        last_dirty_ms: Option<i64>,
    ) -> Result<(), ServiceError> {
        let done = self.override_status(namespace, service, id, status, last_dirty_ms);
        let Some(persistence) = self.in_store(&done) else {
            return done;
        };
        let (who, now_ms) = (Who::new(namespace, service, id), self.now().unix_ms);
        let decide = |held: Held| {
            let stored = held.instance(&who)?;
            if stored.status_override() == Some(status) {
                return Ok(Next::Stay);
            }
            Ok(Next::Put(Box::new(stored.overridden(Some(status), now_ms))))
        };
        persistence.change(&who, decide).await
    }

    /// Removes the override of an instance of either class. An ephemeral one is left in `status`; a persistent one says that
    /// from now on, unless it is [`Status::Unknown`]: it has no heartbeat with which to say what it is, so what it was registered
    /// with holds again.
    ///
    /// # Errors
    /// When it is not registered, the store refuses it or nobody knows.
    pub async fn clear_override(
        &self,
        namespace: &Namespace,
        service: &ServiceName,
        id: &InstanceId,
        status: Status,
        last_dirty_ms: Option<i64>,
    ) -> Result<(), ServiceError> {
        let done = self.remove_override(namespace, service, id, status, last_dirty_ms);
        let Some(persistence) = self.in_store(&done) else {
            return done;
        };
        let (who, now_ms) = (Who::new(namespace, service, id), self.now().unix_ms);
        let decide = |held: Held| {
            let stored = held.instance(&who)?;
            if stored.status_override().is_none() {
                return Ok(Next::Stay);
            }
            let cleared = stored.overridden(None, now_ms);
            Ok(Next::Put(Box::new(match status {
                Status::Unknown => cleared,
                Status::Up | Status::Down | Status::Starting | Status::OutOfService => cleared.saying(status),
            })))
        };
        persistence.change(&who, decide).await
    }

    /// Adds to or replaces the metadata of an instance of either class.
    ///
    /// # Errors
    /// When it is not registered, there would be too much of it, the store refuses it or nobody knows.
    pub async fn add_metadata(
        &self,
        namespace: &Namespace,
        service: &ServiceName,
        id: &InstanceId,
        pairs: &Pairs,
    ) -> Result<(), ServiceError> {
        let done = self.merge_metadata(namespace, service, id, pairs).map(drop);
        let Some(persistence) = self.in_store(&done) else {
            return done;
        };
        let (who, now_ms) = (Who::new(namespace, service, id), self.now().unix_ms);
        let limits = &self.settings().namespace;
        let decide = |held: Held| {
            let stored = held.instance(&who)?;
            let mut description = stored.clone().description(&who);
            limits.merge_metadata(&mut description, pairs)?;
            let merged = stored.with_metadata(&description.metadata, now_ms);
            Ok(Next::Put(Box::new(merged)))
        };
        persistence.change(&who, decide).await
    }

    /// The store, if it is the one to be asked after memory has answered this.
    fn in_store(&self, done: &Result<(), ServiceError>) -> Option<&Persistence> {
        match done {
            Err(ServiceError::Registry(
                RegistryError::InStore { .. } | RegistryError::NotRegistered { .. },
            )) => self.persistence(),
            Ok(()) | Err(_) => None,
        }
    }
}
