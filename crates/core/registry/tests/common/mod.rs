//! A registry with a clock in one hand: stories read as a list of what happens when.

#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "test code; each test binary uses its own part of it"
)]

use std::sync::Arc;

use koinon_base::{InstanceId, Now, Rng, ServiceName};
use koinon_core_registry::{
    Config, Consistency, Description, Instance, LeaseTerms, Pairs, PreservationMode, Registration, Registry,
    RenewOutcome, Renewal, Scheme, Status,
};

pub(crate) const START_MS: i64 = 1_700_000_000_000;

pub(crate) struct Story {
    pub(crate) registry: Registry,
    pub(crate) now: Now,
    rng: Rng,
}

pub(crate) fn service(name: &str) -> ServiceName {
    ServiceName::new(name).unwrap()
}

pub(crate) fn id(text: &str) -> InstanceId {
    InstanceId::new(text).unwrap()
}

/// An instance that may be silent for 3 s and last changed at `START_MS`.
pub(crate) fn registration(name: &str, instance: &str, status: Status) -> Registration {
    Registration {
        description: Description {
            service: service(name),
            id: id(instance),
            address: "h1".into(),
            port: 8080,
            scheme: Scheme::Http,
            zone: None,
            weight: Description::WEIGHT_DEFAULT,
            version: None,
            metadata: Pairs::new(),
            attributes: Pairs::new(),
            lease: LeaseTerms {
                renewal_interval_s: 1,
                duration_s: 3,
            },
        },
        consistency: Consistency::Ephemeral,
        status,
        status_override: None,
        last_dirty_ms: Some(START_MS),
        replicated: false,
    }
}

impl Story {
    pub(crate) fn new(config: Config) -> Self {
        let now = Now {
            mono_ms: 500_000,
            unix_ms: START_MS,
        };
        Self {
            registry: Registry::new(config),
            now,
            rng: Rng::from_seed(7),
        }
    }

    /// Expiry always on.
    pub(crate) fn without_preservation() -> Self {
        Self::new(Config {
            preservation: PreservationMode::Off,
            ..Config::default()
        })
    }

    pub(crate) fn wait_ms(&mut self, ms: u64) {
        self.now = self.now.plus_ms(ms);
    }

    pub(crate) fn register(&mut self, registration: Registration) -> Arc<Instance> {
        self.registry.register(self.now, registration).unwrap()
    }

    pub(crate) fn up(&mut self, name: &str, instance: &str) -> Arc<Instance> {
        self.register(registration(name, instance, Status::Up))
    }

    pub(crate) fn renew(&mut self, name: &str, instance: &str) -> RenewOutcome {
        self.registry
            .renew(self.now, &service(name), &id(instance), Renewal::default())
    }

    pub(crate) fn renew_as_of(
        &mut self,
        name: &str,
        instance: &str,
        last_dirty_ms: i64,
        replicated: bool,
    ) -> RenewOutcome {
        let renewal = Renewal {
            last_dirty_ms: Some(last_dirty_ms),
            replicated,
            ..Renewal::default()
        };
        self.registry
            .renew(self.now, &service(name), &id(instance), renewal)
    }

    pub(crate) fn get(&mut self, name: &str, instance: &str) -> Option<Arc<Instance>> {
        self.registry.get(self.now, &service(name), &id(instance))
    }

    pub(crate) fn status(&mut self, name: &str, instance: &str) -> Status {
        self.get(name, instance).unwrap().status
    }

    pub(crate) fn set_status(&mut self, name: &str, instance: &str, status: Status) {
        self.registry
            .override_status(self.now, &service(name), &id(instance), status, None)
            .unwrap();
    }

    pub(crate) fn remove_override(&mut self, name: &str, instance: &str, status: Status) {
        self.registry
            .remove_override(self.now, &service(name), &id(instance), status, None)
            .unwrap();
    }

    /// One eviction run; how many went.
    pub(crate) fn evict(&mut self) -> usize {
        let plan = self.registry.plan_eviction(self.now, 0, &mut self.rng);
        let evicted = plan
            .chosen
            .iter()
            .filter_map(|(s, i)| self.registry.evict(self.now, 0, s, i));
        evicted.count()
    }

    pub(crate) fn len(&self) -> usize {
        self.registry.snapshot().counts.total()
    }
}
