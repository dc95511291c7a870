//! Following the registry: a consistent snapshot, then ordered changes, resumable by position.
//!
//! A subscription owns no buffer. It remembers a position, sleeps until the revision moves, and then reads the
//! registry's own bounded change log from there. One that is so slow that the log has forgotten its position is
//! given a new snapshot.

use std::sync::Arc;

use koinon_base::ServiceName;
use koinon_core_registry::{Change, ServiceView, Snapshot};
use tokio::sync::watch;

use crate::position::Position;
use crate::space::Space;

/// The most changes in one [`Event::Changes`]: bounds what one read does under the lock.
const CHANGES_MAX: usize = 1024;

/// What a subscriber is told.
#[derive(Debug, Clone)]
pub enum Event {
    /// Forget what you know: this is everything (of the service, if one was asked for).
    Snapshot {
        /// The position that it brings you to.
        position: Position,
        /// The services, by name; a service without instances is not there.
        services: Vec<Arc<ServiceView>>,
    },
    /// Apply these in order. Several changes of one instance may have become one.
    Changes {
        /// The position that they bring you to.
        position: Position,
        /// At least one.
        changes: Vec<Change>,
    },
}

/// One subscriber's place; see [`crate::RegistryHandle::subscribe`].
#[derive(Debug)]
pub struct Subscription {
    space: Arc<Space>,
    revisions: watch::Receiver<u64>,
    life: u64,
    service: Option<ServiceName>,
    /// The revision reached; `None` until a snapshot was given.
    reached: Option<u64>,
}

impl Subscription {
    pub(crate) fn new(
        space: Arc<Space>,
        life: u64,
        service: Option<ServiceName>,
        position: Option<Position>,
    ) -> Self {
        let revisions = space.revisions();
        let reached = position.filter(|p| p.life == life).map(|p| p.revision);
        Self {
            space,
            revisions,
            life,
            service,
            reached,
        }
    }

    /// The next event. The first comes at once, unless a position was resumed and nothing has changed since.
    /// Dropping the future loses nothing. `None` when the registry is gone.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            // Marked as seen before reading, so that a change after the read wakes the wait below.
            self.revisions.borrow_and_update();
            if let Some(event) = self.poll() {
                return Some(event);
            }
            self.revisions.changed().await.ok()?;
        }
    }

    /// What is there to tell now, if anything.
    fn poll(&mut self) -> Option<Event> {
        loop {
            let space = Arc::clone(&self.space);
            let registry = space.lock();
            let known = self
                .reached
                .and_then(|reached| registry.changes_since(reached, CHANGES_MAX));
            let Some(mut changes) = known else {
                let snapshot = registry.snapshot();
                drop(registry);
                return Some(self.start_over(&snapshot));
            };
            drop(registry);
            let more = Some(changes.revision) != self.reached;
            self.reached = Some(changes.revision);
            if let Some(service) = &self.service {
                changes
                    .changes
                    .retain(|change| change.instance.service() == service);
            }
            if !changes.changes.is_empty() {
                return Some(Event::Changes {
                    position: self.position(),
                    changes: changes.changes,
                });
            }
            if !more {
                return None;
            }
        }
    }

    fn start_over(&mut self, snapshot: &Snapshot) -> Event {
        self.reached = Some(snapshot.revision);
        Event::Snapshot {
            position: self.position(),
            services: self.services(snapshot),
        }
    }

    fn services(&self, snapshot: &Snapshot) -> Vec<Arc<ServiceView>> {
        match &self.service {
            Some(name) => snapshot.service(name).cloned().into_iter().collect(),
            None => snapshot.services().cloned().collect(),
        }
    }

    fn position(&self) -> Position {
        Position {
            life: self.life,
            revision: self.reached.unwrap_or(0),
        }
    }
}
