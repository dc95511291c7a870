//! The operations: register, renew, cancel, override, evict, and reading what they left.
//!
//! Each one follows Eureka's server step by step (Netflix/eureka, `AbstractInstanceRegistry` and
//! `InstanceResource`); where it looks odd, Eureka is odd there and clients have met it. One thing differs on
//! purpose: a status that a renewal changes is a change like any other here, while Eureka forgets to tell its
//! delta, which makes every client fetch everything.
//!
//! Invariants:
//! - `view` holds exactly the instances of `entries`, and `counts` counts exactly them;
//! - `kept` counts exactly those that are persistent, and these have no lease;
//! - `bytes` counts exactly the registered instances, and `account` holds that and what the log counts;
//! - every change takes the next revision, and the log holds it;
//! - an instance's `revision` is that of its latest change, so the log's older entry for it can be found.

mod kept;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use koinon_base::{InstanceId, Now, Rng, ServiceName};

use crate::budget::{Account, Budget};
use crate::change_log::{Change, ChangeLog, Changes};
use crate::config::Config;
use crate::entries::{Entries, Entry};
use crate::error::RegistryError;
use crate::lease::Lease;
use crate::model::{ChangeKind, Consistency, Description, Health, Instance, Registration, Status};
use crate::outcome::{Counters, Delta, Eviction, Figures, RenewOutcome, Renewal};
use crate::pairs::Pairs;
use crate::preservation::{Preservation, PreservationState};
use crate::snapshot::{ServiceView, Services, Snapshot, StatusCounts};
use crate::status_rules::{self, Claims};
use crate::table::Table;

/// The most changes that are forgotten for the room of one registration: some hundred microseconds.
const FORGOTTEN_FOR_ROOM_MAX: usize = 1024;

/// The state machine of one namespace.
#[derive(Debug)]
pub struct Registry {
    config: Config,
    entries: Entries,
    view: Services,
    counts: StatusCounts,
    kept: usize,
    bytes: usize,
    account: Account,
    revision: u64,
    log: ChangeLog,
    preservation: Preservation,
    counters: Counters,
}

impl Registry {
    /// An empty registry with a budget of its own.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let budget = Budget::new(config.bytes_max);
        Self::starting_at(0, config, budget)
    }

    /// An empty registry whose next change has the revision after `revision`: one that takes the place of another
    /// must not give its own meaning to the other's positions.
    #[must_use]
    pub fn starting_at(revision: u64, config: Config, budget: Budget) -> Self {
        Self {
            preservation: Preservation::new(&config),
            config,
            entries: Entries::new(),
            view: Services::default(),
            counts: StatusCounts::default(),
            kept: 0,
            bytes: 0,
            account: Account::new(budget),
            revision,
            log: ChangeLog::starting_at(revision),
            counters: Counters::default(),
        }
    }

    /// Registers an instance, or registers it again.
    ///
    /// An older `last_dirty_ms` than the registered one's keeps the registered description; the lease starts anew
    /// all the same.
    ///
    /// # Errors
    /// When it is persistent or is registered as such, or the namespace is full.
    pub fn register(&mut self, now: Now, registration: Registration) -> Result<Arc<Instance>, RegistryError> {
        let Registration {
            mut description,
            consistency,
            status,
            status_override,
            last_dirty_ms,
            replicated,
        } = registration;
        if consistency == Consistency::Persistent {
            return Err(RegistryError::NeedsStore {
                service: description.service,
                id: description.id,
            });
        }
        let held = self
            .entry(&description.service, &description.id)
            .map(|entry| Arc::clone(&entry.instance));
        if held
            .as_ref()
            .is_some_and(|held| held.consistency == Consistency::Persistent)
        {
            return Err(other_class(&description, Consistency::Persistent));
        }
        self.check_number(held.is_some())?;
        let lease = Lease::start(now, description.lease);
        // One that names no time is always taken for newer: neither a step of this server's clock nor a time in the
        // future that another door let in may make the registry ignore it.
        let last_dirty_ms = last_dirty_ms.unwrap_or_else(|| {
            held.as_ref()
                .map_or(now.unix_ms, |held| held.last_dirty_ms.max(now.unix_ms))
        });
        // All instances of a service share one text of its name: less memory, and a heartbeat finds it in the cache.
        if let Some(view) = self.view.get(&description.service) {
            description.service = view.name.clone();
        }
        let newest = match &held {
            Some(held) if held.last_dirty_ms > last_dirty_ms => Instance::clone(held),
            _ => fresh(description, status, status_override, last_dirty_ms),
        };
        self.make_room(&newest.description, held.as_ref().map(|held| &*held.description))?;
        if held.is_none() {
            self.preservation.client_added();
        }
        self.counters.registrations += 1;
        let status_override = held
            .as_ref()
            .and_then(|held| held.status_override)
            .or(newest.status_override);
        let status = status_rules::decide(Claims {
            said: newest.status,
            overridden: status_override,
            held: held.as_ref().map(|held| held.status),
            replicated,
        });
        let up_before_ms = held.as_ref().map_or(0, |held| held.up_since_ms);
        let instance = Instance {
            status,
            status_override,
            registered_ms: now.unix_ms,
            renewed_ms: Arc::new(AtomicI64::new(now.unix_ms)),
            up_since_ms: up_since(up_before_ms, status, now),
            ..newest
        };
        Ok(self.put(now, ChangeKind::Added, instance, Some(lease)))
    }

    /// Takes a heartbeat.
    pub fn renew(
        &mut self,
        now: Now,
        service: &ServiceName,
        id: &InstanceId,
        renewal: Renewal,
    ) -> RenewOutcome {
        let Some(entry) = self.entries.get_mut(service, id) else {
            self.counters.renewals_refused += 1;
            return RenewOutcome::NotRegistered;
        };
        let held = &entry.instance;
        let status = status_rules::decide(Claims {
            said: held.status,
            overridden: held.status_override,
            held: Some(held.status),
            replicated: renewal.replicated,
        });
        if status == Status::Unknown {
            self.counters.renewals_refused += 1;
            return RenewOutcome::StatusUnknown;
        }
        let Some(lease) = &mut entry.lease else {
            return RenewOutcome::NotNeeded;
        };
        held.renewed_ms.store(lease.renew(now), Ordering::Relaxed);
        let last_dirty_ms = held.last_dirty_ms;
        let changed = (status != held.status).then(|| Instance {
            status,
            ..Instance::clone(held)
        });
        self.counters.renewals += 1;
        self.preservation.renewed(now, &self.config);
        if let Some(instance) = changed {
            self.put(now, ChangeKind::Modified, instance, None);
        }
        match renewal.last_dirty_ms {
            Some(said) if said > last_dirty_ms => {
                if let Some(status) = renewal.status_override.filter(|_| renewal.replicated) {
                    self.adopt_override(now, service, id, status);
                }
                RenewOutcome::RegistrantIsNewer
            }
            Some(said) if said < last_dirty_ms && renewal.replicated => self
                .entry(service, id)
                .map_or(RenewOutcome::NotRegistered, |entry| {
                    RenewOutcome::RegistryIsNewer(Arc::clone(&entry.instance))
                }),
            _ => RenewOutcome::Renewed,
        }
    }

    /// Takes over an override that a peer knows of; the status follows with the next heartbeat or registration.
    fn adopt_override(&mut self, now: Now, service: &ServiceName, id: &InstanceId, status: Status) {
        let held = self.entry(service, id).map(|entry| Arc::clone(&entry.instance));
        if let Some(held) = held.filter(|held| held.status_override != Some(status)) {
            let changed = Instance {
                status_override: Some(status),
                ..Instance::clone(&held)
            };
            self.put(now, ChangeKind::Modified, changed, None);
        }
    }

    /// Removes an instance that leaves.
    ///
    /// # Errors
    /// When it is not registered, or persistent.
    pub fn cancel(&mut self, now: Now, service: &ServiceName, id: &InstanceId) -> Result<(), RegistryError> {
        self.check_ephemeral(service, id)?;
        self.remove(now, service, id)
            .ok_or_else(|| not_registered(service, id))?;
        self.counters.cancels += 1;
        Ok(())
    }

    /// Overrides the status of an instance. Its lease is renewed by the way; the status it has already is no
    /// change and sets no override.
    ///
    /// # Errors
    /// When it is not registered or persistent, or its lease has run out.
    pub fn override_status(
        &mut self,
        now: Now,
        service: &ServiceName,
        id: &InstanceId,
        status: Status,
        last_dirty_ms: Option<i64>,
    ) -> Result<(), RegistryError> {
        let held = self.renewed_for_override(now, service, id)?;
        if held.status != status {
            let changed = with_status(&held, now, status, Some(status), last_dirty_ms);
            self.put(now, ChangeKind::Modified, changed, None);
        }
        Ok(())
    }

    /// Removes the override and leaves the instance in `status` ([`Status::Unknown`] makes its next heartbeat
    /// register it again). Its lease is renewed by the way; without an override nothing else happens.
    ///
    /// # Errors
    /// When it is not registered or persistent, or its lease has run out.
    pub fn remove_override(
        &mut self,
        now: Now,
        service: &ServiceName,
        id: &InstanceId,
        status: Status,
        last_dirty_ms: Option<i64>,
    ) -> Result<(), RegistryError> {
        let held = self.renewed_for_override(now, service, id)?;
        if held.status_override.is_some() {
            let changed = with_status(&held, now, status, None, last_dirty_ms);
            self.put(now, ChangeKind::Modified, changed, None);
        }
        Ok(())
    }

    /// Adds to or replaces an instance's metadata. As in Eureka this is a registration with what is known; unlike
    /// there it may not grow without end, because everybody fetches it.
    ///
    /// # Errors
    /// When it is not registered or persistent, its lease has run out, or there would be too much of it.
    pub fn merge_metadata(
        &mut self,
        now: Now,
        service: &ServiceName,
        id: &InstanceId,
        pairs: &Pairs,
    ) -> Result<Arc<Instance>, RegistryError> {
        self.check_ephemeral(service, id)?;
        let held = self
            .get(now, service, id)
            .ok_or_else(|| not_registered(service, id))?;
        let mut description = Description::clone(&held.description);
        self.config.merge_metadata(&mut description, pairs)?;
        self.register(
            now,
            Registration {
                description,
                consistency: Consistency::Ephemeral,
                status: held.status,
                status_override: held.status_override,
                last_dirty_ms: Some(held.last_dirty_ms),
                replicated: false,
            },
        )
    }

    /// An instance, unless its lease has run out and expiry is on (it is as good as gone).
    pub fn get(&mut self, now: Now, service: &ServiceName, id: &InstanceId) -> Option<Arc<Instance>> {
        let expiry_on = self.is_expiry_on(now);
        let entry = self.entry(service, id)?;
        (!expiry_on || !entry.is_expired(now, 0)).then(|| Arc::clone(&entry.instance))
    }

    /// The first instance of this id in any service, like [`Self::get`].
    pub fn find(&mut self, now: Now, id: &InstanceId) -> Option<Arc<Instance>> {
        let expiry_on = self.is_expiry_on(now);
        let alive = |entry: &&Entry| !expiry_on || !entry.is_expired(now, 0);
        let mut found = self.entries.of_id(id);
        found.find(alive).map(|entry| Arc::clone(&entry.instance))
    }

    /// Chooses whom to evict: at random among the expired, so that no service is wiped out before others are
    /// touched, and at most 15 % of all at once. `grace_ms` is how much later than planned this run happens.
    pub fn plan_eviction(&mut self, now: Now, grace_ms: u64, rng: &mut Rng) -> Eviction {
        if !self.is_expiry_on(now) {
            return Eviction::default();
        }
        // Only names are looked at, and only those chosen are kept: this runs over everything under the lock.
        let late = self
            .entries
            .iter()
            .filter(|entry| entry.is_expired(now, grace_ms));
        let mut expired: Vec<&Instance> = late.map(|entry| &*entry.instance).collect();
        // Any order will do, if it is the same for the same history.
        expired.sort_unstable_by_key(|instance| instance.revision);
        let all = self.leased();
        let limit = all - (all as f64 * self.config.renewal_percent_threshold) as usize;
        rng.choose_front(&mut expired, limit);
        let chosen = expired.iter().take(limit);
        Eviction {
            expired: expired.len(),
            limit,
            chosen: chosen
                .map(|instance| (instance.service().clone(), instance.id().clone()))
                .collect(),
        }
    }

    /// Evicts one of the chosen, unless it came back meanwhile.
    pub fn evict(
        &mut self,
        now: Now,
        grace_ms: u64,
        service: &ServiceName,
        id: &InstanceId,
    ) -> Option<Arc<Instance>> {
        self.entry(service, id)
            .filter(|entry| entry.is_expired(now, grace_ms))?;
        let evicted = self.remove(now, service, id)?;
        self.counters.evictions += 1;
        Some(evicted)
    }

    /// Forgets changes older than the retention time, at most `limit`. Says whether there are more of them.
    pub fn trim_changes(&mut self, now: Now, limit: usize) -> bool {
        let more = self.log.trim(now, self.config.delta_retention_ms, limit);
        self.settle();
        more
    }

    /// Whether nothing would be lost with it: nobody is registered, and nobody's leaving remembered.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.counts.total() == 0 && self.log.len() == 0
    }

    /// Corrects how many renewing clients are expected; due every 15 minutes.
    pub fn correct_expected_clients(&mut self) {
        self.preservation.expect(self.leased(), &self.config);
    }

    /// The present revision.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Everything at the present revision.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            revision: self.revision,
            counts: self.counts,
            services: self.view.clone(),
        }
    }

    /// At most `limit` changes after `position`, or `None` when some of them are forgotten (or `position` was
    /// never reached): then take a snapshot.
    #[must_use]
    pub fn changes_since(&self, position: u64, limit: usize) -> Option<Changes> {
        self.log.since(position, self.revision, limit)
    }

    /// What changed within the retention time.
    #[must_use]
    pub fn delta(&self) -> Delta {
        Delta {
            revision: self.revision,
            floor: self.log.floor(),
            counts: self.counts,
            changes: self.log.all().collect(),
        }
    }

    /// Identifies the delta's contents: it changes when the delta does.
    #[must_use]
    pub fn delta_version(&self) -> (u64, u64) {
        (self.revision, self.log.floor())
    }

    /// The registry in numbers.
    pub fn figures(&mut self, now: Now) -> Figures {
        Figures {
            revision: self.revision,
            counts: self.counts,
            persistent: self.kept,
            services: self.view.len(),
            renewals_last_window: self.preservation.renewals_last_window(now, &self.config),
            renewals_threshold: self.preservation.threshold(&self.config),
            preservation: self.preservation.state(now, self.leased(), &self.config),
            bytes: self.bytes + self.log.removed_bytes(),
            change_log_len: self.log.len(),
            counters: self.counters,
        }
    }

    fn is_expiry_on(&mut self, now: Now) -> bool {
        let state = self.preservation.state(now, self.leased(), &self.config);
        state != PreservationState::Protecting
    }

    /// How many instances live by heartbeats: those that eviction and self-preservation reckon with.
    fn leased(&self) -> usize {
        self.counts.total() - self.kept
    }

    /// Whether there may be one more, or again one that is there.
    fn check_number(&self, is_held: bool) -> Result<(), RegistryError> {
        if !is_held && self.counts.total() >= self.config.instances_max {
            return Err(RegistryError::Full {
                max: self.config.instances_max,
            });
        }
        Ok(())
    }

    fn check_ephemeral(&self, service: &ServiceName, id: &InstanceId) -> Result<(), RegistryError> {
        let held = self.entry(service, id).map(|entry| entry.instance.consistency);
        match held {
            Some(Consistency::Persistent) => Err(RegistryError::InStore {
                service: service.clone(),
                id: id.clone(),
            }),
            Some(Consistency::Ephemeral) | None => Ok(()),
        }
    }

    fn entry(&self, service: &ServiceName, id: &InstanceId) -> Option<&Entry> {
        self.entries.get(service, id)
    }

    fn renewed_for_override(
        &mut self,
        now: Now,
        service: &ServiceName,
        id: &InstanceId,
    ) -> Result<Arc<Instance>, RegistryError> {
        self.check_ephemeral(service, id)?;
        let held = self
            .get(now, service, id)
            .ok_or_else(|| not_registered(service, id))?;
        let entry = self.entries.get_mut(service, id);
        if let Some(lease) = entry.and_then(|entry| entry.lease.as_mut()) {
            held.renewed_ms.store(lease.renew(now), Ordering::Relaxed);
        }
        self.counters.overrides += 1;
        Ok(held)
    }

    /// Takes the bytes that `new` needs beyond those of `old`, which it replaces. Instances come before the memory of
    /// those that have left.
    fn make_room(&mut self, new: &Description, old: Option<&Description>) -> Result<(), RegistryError> {
        let need = new
            .size_bytes()
            .saturating_sub(old.map_or(0, Description::size_bytes));
        if self.account.could_take(need, self.log.removed_bytes()) {
            for _ in 0..=FORGOTTEN_FOR_ROOM_MAX {
                if self.account.try_take(need) {
                    return Ok(());
                }
                if !self.log.drop_oldest() {
                    break;
                }
                self.settle();
            }
        }
        Err(RegistryError::OutOfBytes {
            service: new.service.clone(),
            id: new.id.clone(),
            max: self.account.max(),
        })
    }

    fn settle(&mut self) {
        self.account.settle(self.bytes + self.log.removed_bytes());
    }

    /// Stores an instance as the next revision, with a new lease or with the one it has; without one if it is persistent.
    fn put(&mut self, now: Now, kind: ChangeKind, instance: Instance, lease: Option<Lease>) -> Arc<Instance> {
        self.revision += 1;
        let instance = Arc::new(Instance {
            revision: self.revision,
            last_change: kind,
            last_updated_ms: now.unix_ms,
            ..instance
        });
        let mut replaces = None;
        if let Some(held) = self.entries.get_mut(instance.service(), instance.id()) {
            replaces = Some(held.instance.revision);
            self.counts.remove(held.instance.status);
            self.kept -= usize::from(held.instance.consistency == Consistency::Persistent);
            self.bytes -= held.instance.description.size_bytes();
            held.lease = lease_of(&instance, now, lease.or(held.lease));
            held.instance = Arc::clone(&instance);
        } else {
            let lease = lease_of(&instance, now, lease);
            self.entries.insert(Entry::new(Arc::clone(&instance), lease));
        }
        self.kept += usize::from(instance.consistency == Consistency::Persistent);
        self.counts.add(instance.status);
        self.bytes += instance.description.size_bytes();
        self.show(&instance);
        self.remember(now, kind, &instance, replaces);
        instance
    }

    fn remove(&mut self, now: Now, service: &ServiceName, id: &InstanceId) -> Option<Arc<Instance>> {
        let held = self.entries.remove(service, id)?.instance;
        match held.consistency {
            Consistency::Ephemeral => self.preservation.client_removed(),
            Consistency::Persistent => self.kept -= 1,
        }
        self.counts.remove(held.status);
        self.bytes -= held.description.size_bytes();
        self.revision += 1;
        let gone = Arc::new(Instance {
            revision: self.revision,
            last_change: ChangeKind::Removed,
            last_updated_ms: now.unix_ms,
            removed_ms: now.unix_ms,
            ..Instance::clone(&held)
        });
        self.hide(&gone);
        self.remember(now, ChangeKind::Removed, &gone, Some(held.revision));
        Some(gone)
    }

    fn show(&mut self, instance: &Arc<Instance>) {
        let (service, id) = (instance.service(), instance.id());
        if let Some(view) = self.view.get_mut(service) {
            let view = Arc::make_mut(view);
            view.revision = instance.revision;
            view.instances.insert(id.clone(), Arc::clone(instance));
            return;
        }
        let mut view = ServiceView {
            name: service.clone(),
            revision: instance.revision,
            instances: Table::default(),
        };
        view.instances.insert(id.clone(), Arc::clone(instance));
        self.view.insert(service.clone(), Arc::new(view));
    }

    fn hide(&mut self, gone: &Instance) {
        let Some(view) = self.view.get_mut(gone.service()) else {
            return;
        };
        let view = Arc::make_mut(view);
        view.revision = gone.revision;
        view.instances.remove(gone.id());
        if view.instances.is_empty() {
            self.view.remove(gone.service());
        }
    }

    fn remember(&mut self, now: Now, kind: ChangeKind, instance: &Arc<Instance>, replaces: Option<u64>) {
        let change = Change {
            revision: self.revision,
            kind,
            instance: Arc::clone(instance),
        };
        self.log
            .push(now, change, replaces, self.config.change_log_len_max);
        self.settle();
    }
}

fn not_registered(service: &ServiceName, id: &InstanceId) -> RegistryError {
    RegistryError::NotRegistered {
        service: service.clone(),
        id: id.clone(),
    }
}

fn other_class(description: &Description, held: Consistency) -> RegistryError {
    RegistryError::OtherClass {
        service: description.service.clone(),
        id: description.id.clone(),
        held,
        asked: match held {
            Consistency::Ephemeral => Consistency::Persistent,
            Consistency::Persistent => Consistency::Ephemeral,
        },
    }
}

/// The lease that an instance lives by: the given one or a new one, and none if it is persistent.
fn lease_of(instance: &Instance, now: Now, lease: Option<Lease>) -> Option<Lease> {
    match instance.consistency {
        Consistency::Ephemeral => {
            Some(lease.unwrap_or_else(|| Lease::start(now, instance.description.lease)))
        }
        Consistency::Persistent => None,
    }
}

/// An instance that nobody has seen yet; `put` and `register` fill in what they decide.
fn fresh(
    description: Description,
    status: Status,
    status_override: Option<Status>,
    last_dirty_ms: i64,
) -> Instance {
    Instance {
        description: Arc::new(description),
        consistency: Consistency::Ephemeral,
        status,
        status_override,
        health: Health::Unknown,
        last_dirty_ms,
        last_updated_ms: 0,
        registered_ms: 0,
        up_since_ms: 0,
        removed_ms: 0,
        renewed_ms: Arc::default(),
        last_change: ChangeKind::Added,
        revision: 0,
    }
}

/// The same instance after an override was set or removed. A peer's later dirty timestamp is taken over.
fn with_status(
    held: &Instance,
    now: Now,
    status: Status,
    status_override: Option<Status>,
    last_dirty_ms: Option<i64>,
) -> Instance {
    // Eureka notes the time of being up where an override is set, not where one is removed.
    let up_since_ms = match status_override {
        Some(_) => up_since(held.up_since_ms, status, now),
        None => held.up_since_ms,
    };
    Instance {
        status,
        status_override,
        up_since_ms,
        last_dirty_ms: held.last_dirty_ms.max(last_dirty_ms.unwrap_or(0)),
        ..held.clone()
    }
}

fn up_since(before_ms: i64, status: Status, now: Now) -> i64 {
    if before_ms == 0 && status == Status::Up {
        now.unix_ms
    } else {
        before_ms
    }
}
