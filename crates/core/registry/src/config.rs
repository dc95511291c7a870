//! The registry's settings, with the values that Eureka's servers ship with.

use crate::error::RegistryError;
use crate::model::Description;
use crate::pairs::Pairs;

/// When the registry stops believing that silent instances are dead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PreservationMode {
    /// Eureka's rule exactly: no expiry while the renewals of the last minute are at or below the threshold.
    Eureka,
    /// Eureka's rule, but off while there are fewer than [`Config::preservation_instances_min`] instances: with
    /// few of them, one death is already below the threshold and a dead instance would stay for ever.
    Auto,
    /// Silent instances always expire.
    Off,
}

/// Settings of one registry.
#[derive(Debug, Clone)]
pub struct Config {
    /// When expiry is suspended.
    pub preservation: PreservationMode,
    /// Below how many instances `Auto` does not protect. Default 20: with 20, three silent instances (15 %) is
    /// the first loss that looks like a network fault.
    pub preservation_instances_min: usize,
    /// The share of expected renewals that must arrive, and of instances that must survive one eviction.
    /// Default 0.85.
    pub renewal_percent_threshold: f64,
    /// Seconds in which each client is expected to renew once. Default 30.
    pub expected_renewal_interval_s: u32,
    /// How many renewing clients are expected before any has registered. Default 1, as Spring's server.
    pub expected_clients_initial: u32,
    /// Over how many milliseconds renewals are counted. Default 60 000.
    pub renewal_window_ms: u64,
    /// How long a change stays in the delta, in milliseconds. Default 180 000.
    pub delta_retention_ms: u64,
    /// The most changes remembered, whatever their age. Default 131 072: one mass registration of 100 000.
    pub change_log_len_max: usize,
    /// The most instances one namespace may hold. Default 250 000.
    pub instances_max: usize,
    /// The most bytes that instances may take, those that the change log remembers as removed included, over all the
    /// registries that share a [`crate::Budget`]. About, but strictly. Default 1 GiB: 250 000 instances of 4 KiB, four
    /// times what is usual.
    pub bytes_max: usize,
    /// The most bytes of metadata that an instance may be brought to by adding to it; what a registration brings is
    /// limited by its front door. Default 1 MiB, the most that Eureka's door takes at once.
    pub metadata_len_max: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            preservation: PreservationMode::Eureka,
            preservation_instances_min: 20,
            renewal_percent_threshold: 0.85,
            expected_renewal_interval_s: 30,
            expected_clients_initial: 1,
            renewal_window_ms: 60_000,
            delta_retention_ms: 180_000,
            change_log_len_max: 131_072,
            instances_max: 250_000,
            bytes_max: 1 << 30,
            metadata_len_max: 1 << 20,
        }
    }
}

impl Config {
    /// Adds `pairs` to an instance's metadata, or replaces what is there.
    ///
    /// # Errors
    /// When there would be too much of it.
    pub fn merge_metadata(&self, description: &mut Description, pairs: &Pairs) -> Result<(), RegistryError> {
        let merged = description.metadata.merged_with(pairs);
        let (len, max) = (merged.text_len(), self.metadata_len_max);
        if len > max {
            return Err(RegistryError::MetadataTooLarge {
                service: description.service.clone(),
                id: description.id.clone(),
                len,
                max,
            });
        }
        description.metadata = merged;
        Ok(())
    }
}
