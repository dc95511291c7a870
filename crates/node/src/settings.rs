//! What can be set, where it may be set, and what it means when it is not.
//!
//! `defaults < koinon.toml < KOINON__SECTION__KEY < --set section.key=value`. Every key has a default, so the tree
//! of the defaults is also the list of keys: one that is not in it is refused, with the nearest that is.

mod gateway;
mod layers;
pub mod reference;
mod store;

use std::path::PathBuf;
use std::time::Duration;

use koinon_base::ErrorKind;
use koinon_core_registry::{Config, PreservationMode};
use koinon_io_net::ServeOptions;
use koinon_service_registry::{Settings as RegistrySettings, TimerSettings};
use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use gateway::Gateway;
pub use layers::Sources;
pub use store::{Etcd, Store};

/// Which defaults apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// `koinon dev`: one developer's machine.
    Dev,
}

/// Everything that is wrong with the settings, at once.
#[derive(Debug, Error)]
#[error("{}", problems.join("\n"))]
pub struct SettingsError {
    /// One line each.
    pub problems: Vec<String>,
}

impl SettingsError {
    /// Always [`ErrorKind::Invalid`].
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        ErrorKind::Invalid
    }
}

/// All settings of a node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where everything is kept that must outlive the process.
    pub data_dir: PathBuf,
    /// The listeners.
    pub listen: Listen,
    /// The store.
    pub store: Store,
    /// The etcd API.
    pub etcd: Etcd,
    /// The registry.
    pub registry: Registry,
    /// The data plane.
    pub gateway: Gateway,
}

/// Who is listened to, and where.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listen {
    /// The native API.
    pub admin: String,
    /// The etcd API.
    pub etcd: String,
    /// The Eureka API.
    pub eureka: String,
    /// The data plane.
    pub gateway: String,
    /// Host names that requests to a loopback listener may name besides this machine's own.
    pub allowed_hosts: Vec<String>,
    /// Whether a listener may be reachable from other machines without asking for credentials.
    pub allow_insecure: bool,
    /// Connections that each listener serves at once.
    pub connections_max: usize,
    /// How long a drain may take before what is still in flight is dropped, in milliseconds.
    pub drain_timeout_ms: u64,
}

/// When self-preservation suspends expiry; see the registry's own documentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SelfPreservation {
    /// Eureka's rule exactly.
    Eureka,
    /// Eureka's rule, off while there are few instances.
    Auto,
    /// Never.
    Off,
}

/// How the registry behaves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Registry {
    /// When expiry is suspended.
    pub self_preservation: SelfPreservation,
    /// Below how many instances of a namespace `auto` does not protect.
    pub self_preservation_instances_min: usize,
    /// The share of expected renewals that must arrive, and of instances that survive one eviction.
    pub renewal_percent_threshold: f64,
    /// Seconds in which every client is expected to renew once.
    pub expected_renewal_interval_s: u32,
    /// Clients expected before any has registered.
    pub expected_clients_initial: u32,
    /// Between two evictions.
    pub eviction_interval_ms: u64,
    /// How long a change stays in the delta.
    pub delta_retention_ms: u64,
    /// Between two looks for changes that are too old for it.
    pub delta_retention_interval_ms: u64,
    /// The most changes remembered per namespace.
    pub change_log_len_max: usize,
    /// The most instances per namespace.
    pub instances_max: usize,
    /// The most bytes of all instances together.
    pub bytes_max: usize,
    /// The most namespaces.
    pub namespaces_max: usize,
}

impl Settings {
    /// The defaults of a role.
    #[must_use]
    pub fn defaults(role: Role) -> Self {
        match role {
            Role::Dev => Self {
                data_dir: PathBuf::from(".koinon"),
                listen: Listen {
                    gateway: "127.0.0.1:9080".into(),
                    ..Listen::default()
                },
                // A developer kills instances all day and wants to see them go.
                registry: Registry {
                    self_preservation: SelfPreservation::Auto,
                    eviction_interval_ms: 1_000,
                    ..Registry::default()
                },
                store: Store::default(),
                etcd: Etcd::default(),
                gateway: Gateway::default(),
            },
        }
    }

    /// Reads all layers.
    ///
    /// # Errors
    /// Everything that is wrong in any of them.
    pub fn load(role: Role, sources: &Sources) -> Result<Self, SettingsError> {
        let settings = layers::load(&Self::defaults(role), sources)?;
        let problems = settings.problems();
        if problems.is_empty() {
            Ok(settings)
        } else {
            Err(SettingsError { problems })
        }
    }

    /// Moves every listener's port by `offset`; port 0 stays, because the system chooses it anyway.
    ///
    /// # Errors
    /// When a port would leave the range.
    pub fn shift_ports(&mut self, offset: u16) -> Result<(), SettingsError> {
        let mut problems = Vec::new();
        for (name, address) in [
            ("admin", &mut self.listen.admin),
            ("etcd", &mut self.listen.etcd),
            ("eureka", &mut self.listen.eureka),
            ("gateway", &mut self.listen.gateway),
        ] {
            let Some((host, port)) = address.rsplit_once(':') else {
                continue;
            };
            match port.parse::<u16>() {
                Ok(0) | Err(_) => {}
                Ok(port) => match port.checked_add(offset) {
                    Some(shifted) => *address = format!("{host}:{shifted}"),
                    None => problems.push(format!("--port-offset {offset} moves listen.{name} past 65535")),
                },
            }
        }
        if problems.is_empty() {
            Ok(())
        } else {
            Err(SettingsError { problems })
        }
    }

    fn problems(&self) -> Vec<String> {
        let registry = &self.registry;
        let rules = [
            (
                !(registry.renewal_percent_threshold > 0.0 && registry.renewal_percent_threshold <= 1.0),
                "registry.renewal_percent_threshold must be above 0 and at most 1",
            ),
            (
                registry.expected_renewal_interval_s == 0,
                "registry.expected_renewal_interval_s must be at least 1",
            ),
            (
                registry.eviction_interval_ms == 0,
                "registry.eviction_interval_ms must be at least 1",
            ),
            (
                registry.delta_retention_interval_ms == 0,
                "registry.delta_retention_interval_ms must be at least 1",
            ),
            (
                registry.change_log_len_max == 0,
                "registry.change_log_len_max must be at least 1",
            ),
            (
                registry.instances_max == 0,
                "registry.instances_max must be at least 1",
            ),
            (registry.bytes_max == 0, "registry.bytes_max must be at least 1"),
            (
                registry.namespaces_max == 0,
                "registry.namespaces_max must be at least 1",
            ),
            (
                self.listen.connections_max == 0,
                "listen.connections_max must be at least 1",
            ),
            (self.data_dir.as_os_str().is_empty(), "data_dir must not be empty"),
        ];
        let broken = rules.into_iter().filter(|(broken, _)| *broken);
        let broken = broken.map(|(_, text)| text.to_owned());
        let of_sections = self.store.problems().into_iter().chain(self.etcd.problems());
        broken.chain(of_sections).chain(self.gateway.problems()).collect()
    }
}

impl Default for Listen {
    fn default() -> Self {
        let limits = ServeOptions::default();
        Self {
            admin: "127.0.0.1:7070".into(),
            etcd: "127.0.0.1:2379".into(),
            eureka: "127.0.0.1:8761".into(),
            // Only roles with a data plane turn it on.
            gateway: "off".into(),
            allowed_hosts: Vec::new(),
            allow_insecure: false,
            connections_max: limits.connections_max,
            // What is in flight here takes milliseconds; 10 s outlasts a slow reader of a large answer, and is
            // well below the 30 s after which orchestrators kill.
            drain_timeout_ms: 10_000,
        }
    }
}

impl Default for Registry {
    fn default() -> Self {
        let (service, timers) = (RegistrySettings::default(), TimerSettings::default());
        let config = service.namespace;
        Self {
            self_preservation: match config.preservation {
                PreservationMode::Eureka => SelfPreservation::Eureka,
                PreservationMode::Auto => SelfPreservation::Auto,
                PreservationMode::Off => SelfPreservation::Off,
            },
            self_preservation_instances_min: config.preservation_instances_min,
            renewal_percent_threshold: config.renewal_percent_threshold,
            expected_renewal_interval_s: config.expected_renewal_interval_s,
            expected_clients_initial: config.expected_clients_initial,
            eviction_interval_ms: millis(timers.eviction_interval),
            delta_retention_ms: config.delta_retention_ms,
            delta_retention_interval_ms: millis(timers.retention_interval),
            change_log_len_max: config.change_log_len_max,
            instances_max: config.instances_max,
            bytes_max: config.bytes_max,
            namespaces_max: service.namespaces_max,
        }
    }
}

impl Registry {
    pub(crate) fn service_settings(&self) -> RegistrySettings {
        let namespace = Config {
            preservation: match self.self_preservation {
                SelfPreservation::Eureka => PreservationMode::Eureka,
                SelfPreservation::Auto => PreservationMode::Auto,
                SelfPreservation::Off => PreservationMode::Off,
            },
            preservation_instances_min: self.self_preservation_instances_min,
            renewal_percent_threshold: self.renewal_percent_threshold,
            expected_renewal_interval_s: self.expected_renewal_interval_s,
            expected_clients_initial: self.expected_clients_initial,
            delta_retention_ms: self.delta_retention_ms,
            change_log_len_max: self.change_log_len_max,
            instances_max: self.instances_max,
            bytes_max: self.bytes_max,
            ..Config::default()
        };
        RegistrySettings {
            namespace,
            namespaces_max: self.namespaces_max,
        }
    }

    pub(crate) fn timer_settings(&self) -> TimerSettings {
        TimerSettings {
            eviction_interval: Duration::from_millis(self.eviction_interval_ms),
            retention_interval: Duration::from_millis(self.delta_retention_interval_ms),
            ..TimerSettings::default()
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
