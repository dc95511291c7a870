//! Persistent instances: what the store has is brought here, so that every view shows the union of both classes.
//!
//! They have no lease: nothing evicts them, and self-preservation does not reckon with them. Nothing is decided here; the
//! store has decided already. An id is of one class at a time: each class is refused an id that the other has. Two servers may
//! still let in one each, before they hear of each other; then the store's is the one that stays, everywhere alike.

use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use koinon_base::{InstanceId, Now, ServiceName};

use super::{Registry, fresh, other_class};
use crate::error::RegistryError;
use crate::model::{ChangeKind, Consistency, Description, Instance, Kept, Status};
use crate::status_rules::{self, Claims};

impl Registry {
    /// Whether a persistent instance would be let in. The store should not be given what would not be.
    ///
    /// # Errors
    /// When the id is registered as ephemeral, or there is no room.
    pub fn check_keep(&mut self, now: Now, description: &Description) -> Result<(), RegistryError> {
        // One whose lease has run out is as good as gone.
        let held = self.get(now, &description.service, &description.id);
        if held.is_some_and(|held| held.consistency == Consistency::Ephemeral) {
            return Err(other_class(description, Consistency::Ephemeral));
        }
        let held = self.description(description);
        self.check_number(held.is_some())?;
        self.make_room(description, held.as_deref())?;
        self.settle();
        Ok(())
    }

    /// Takes in what the store has, in place of what is held.
    ///
    /// # Errors
    /// When there is no room.
    pub fn keep(&mut self, now: Now, kept: Kept) -> Result<Arc<Instance>, RegistryError> {
        let Kept {
            mut description,
            status: said,
            status_override,
            registered_ms,
            changed_ms,
        } = kept;
        let entry = self.entry(&description.service, &description.id);
        let held = entry.map(|entry| Arc::clone(&entry.instance));
        self.check_number(held.is_some())?;
        if let Some(view) = self.view.get(&description.service) {
            description.service = view.name.clone();
        }
        self.make_room(&description, held.as_ref().map(|held| &*held.description))?;
        if held
            .as_ref()
            .is_some_and(|held| held.consistency == Consistency::Ephemeral)
        {
            self.preservation.client_removed();
        }
        let kind = match &held {
            Some(held) if *held.description == description => ChangeKind::Modified,
            _ => ChangeKind::Added,
        };
        let status = status_rules::decide(Claims {
            said,
            overridden: status_override,
            held: None,
            replicated: false,
        });
        let up_before_ms = held.map_or(0, |held| held.up_since_ms);
        let instance = Instance {
            consistency: Consistency::Persistent,
            registered_ms,
            renewed_ms: Arc::new(AtomicI64::new(registered_ms)),
            up_since_ms: match (up_before_ms, status) {
                (0, Status::Up) => changed_ms,
                _ => up_before_ms,
            },
            ..fresh(description, status, status_override, changed_ms)
        };
        Ok(self.put(now, kind, instance, None))
    }

    /// Lets go of what the store has no more. Says whether it was held.
    pub fn release(&mut self, now: Now, service: &ServiceName, id: &InstanceId) -> bool {
        let is_kept = self
            .entry(service, id)
            .is_some_and(|entry| entry.instance.consistency == Consistency::Persistent);
        is_kept && self.remove(now, service, id).is_some()
    }

    fn description(&self, of: &Description) -> Option<Arc<Description>> {
        let entry = self.entry(&of.service, &of.id)?;
        Some(Arc::clone(&entry.instance.description))
    }
}
