//! Self-preservation: when renewals fall away together, the network is the likelier fault than the instances,
//! and nothing expires until they return.
//!
//! Eureka's arithmetic: `threshold = clients expected × (60 s / renewal interval) × 0.85`, cut to a whole number;
//! expiry is on while the renewals of the last *whole* window of a minute are above the threshold. The number of
//! clients expected follows registrations and cancels, and every 15 minutes the real count, unless that has
//! fallen too far. (Source: Netflix/eureka, `AbstractInstanceRegistry`, `PeerAwareInstanceRegistryImpl`.)

use koinon_base::Now;

use crate::config::{Config, PreservationMode};

/// What self-preservation does at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PreservationState {
    /// Silent instances expire, and renewals are watched.
    Watching,
    /// Too few renewals: nothing expires.
    Protecting,
    /// It is off, by its mode or because there are too few instances for `Auto`.
    Off,
}

#[derive(Debug)]
pub(crate) struct Preservation {
    expected_clients: u64,
    window_ends_ms: Option<u64>,
    renewals_last_window: u64,
    renewals_this_window: u64,
}

impl Preservation {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            expected_clients: u64::from(config.expected_clients_initial),
            window_ends_ms: None,
            renewals_last_window: 0,
            renewals_this_window: 0,
        }
    }

    /// Counts a client more. As in Eureka, the count does not start from zero by itself.
    pub(crate) fn client_added(&mut self) {
        if self.expected_clients > 0 {
            self.expected_clients += 1;
        }
    }

    pub(crate) fn client_removed(&mut self) {
        self.expected_clients = self.expected_clients.saturating_sub(1);
    }

    pub(crate) fn renewed(&mut self, now: Now, config: &Config) {
        self.roll(now, config);
        self.renewals_this_window += 1;
    }

    /// Takes the real number of instances as the expected one, unless that would hide a mass loss.
    pub(crate) fn expect(&mut self, instances: usize, config: &Config) {
        let real = instances as u64;
        let fallen = real as f64 <= config.renewal_percent_threshold * self.expected_clients as f64;
        if !fallen || config.preservation == PreservationMode::Off {
            self.expected_clients = real;
        }
    }

    pub(crate) fn threshold(&self, config: &Config) -> u64 {
        let per_client = 60.0 / f64::from(config.expected_renewal_interval_s.max(1));
        (self.expected_clients as f64 * per_client * config.renewal_percent_threshold) as u64
    }

    pub(crate) fn renewals_last_window(&mut self, now: Now, config: &Config) -> u64 {
        self.roll(now, config);
        self.renewals_last_window
    }

    pub(crate) fn state(&mut self, now: Now, instances: usize, config: &Config) -> PreservationState {
        let off = match config.preservation {
            PreservationMode::Off => true,
            PreservationMode::Auto => instances < config.preservation_instances_min,
            PreservationMode::Eureka => false,
        };
        if off {
            return PreservationState::Off;
        }
        let threshold = self.threshold(config);
        if threshold > 0 && self.renewals_last_window(now, config) > threshold {
            PreservationState::Watching
        } else {
            PreservationState::Protecting
        }
    }

    /// Closes the windows that have ended. The first begins with the first call.
    fn roll(&mut self, now: Now, config: &Config) {
        let window_ms = config.renewal_window_ms.max(1);
        let ends_ms = *self
            .window_ends_ms
            .get_or_insert(now.mono_ms.saturating_add(window_ms));
        if now.mono_ms < ends_ms {
            return;
        }
        let skipped = (now.mono_ms - ends_ms) / window_ms;
        self.renewals_last_window = if skipped == 0 {
            self.renewals_this_window
        } else {
            0
        };
        self.renewals_this_window = 0;
        self.window_ends_ms = Some(ends_ms + (skipped + 1) * window_ms);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Now = Now {
        mono_ms: 0,
        unix_ms: 0,
    };

    fn with_clients(clients: u32, config: &Config) -> Preservation {
        let mut preservation = Preservation::new(config);
        (0..clients).for_each(|_| preservation.client_added());
        preservation.roll(START, config);
        preservation
    }

    /// The threshold is Eureka's number, cut and not rounded.
    #[test]
    fn the_threshold_is_eurekas() {
        let config = Config::default();
        assert_eq!(with_clients(0, &config).threshold(&config), 1); // 1 × 2 × 0.85
        assert_eq!(with_clients(9, &config).threshold(&config), 17);
        assert_eq!(with_clients(2, &config).threshold(&config), 5); // 5.1
    }

    /// Only whole windows count, and expiry needs more than the threshold.
    #[test]
    fn protection_ends_when_a_whole_window_was_good() {
        let config = Config::default();
        let mut preservation = with_clients(9, &config);
        (0..18).for_each(|_| preservation.renewed(START.plus_ms(10), &config));
        let state = |p: &mut Preservation, at_ms| p.state(START.plus_ms(at_ms), 50, &config);
        assert_eq!(state(&mut preservation, 59_999), PreservationState::Protecting);
        assert_eq!(state(&mut preservation, 60_000), PreservationState::Watching);
        (0..17).for_each(|_| preservation.renewed(START.plus_ms(61_000), &config));
        assert_eq!(state(&mut preservation, 119_999), PreservationState::Watching);
        assert_eq!(state(&mut preservation, 120_000), PreservationState::Protecting);
    }

    /// A window nobody looked at must not be taken for the last one.
    #[test]
    fn a_skipped_window_counts_as_empty() {
        let config = Config::default();
        let mut preservation = with_clients(9, &config);
        (0..100).for_each(|_| preservation.renewed(START, &config));
        assert_eq!(
            preservation.renewals_last_window(START.plus_ms(130_000), &config),
            0
        );
    }

    /// `Auto` lets the dead instance of a small system go and protects a large one.
    #[test]
    fn auto_is_off_for_small_systems() {
        let config = Config {
            preservation: PreservationMode::Auto,
            ..Config::default()
        };
        let mut preservation = with_clients(19, &config);
        assert_eq!(preservation.state(START, 19, &config), PreservationState::Off);
        assert_eq!(
            preservation.state(START, 20, &config),
            PreservationState::Protecting
        );
    }

    /// The periodic correction may not lower the bar just when many clients are gone.
    #[test]
    fn a_mass_loss_does_not_lower_the_threshold() {
        let config = Config::default();
        let mut preservation = with_clients(99, &config);
        preservation.expect(80, &config);
        assert_eq!(preservation.expected_clients, 100);
        preservation.expect(90, &config);
        assert_eq!(preservation.expected_clients, 90);
        let off = Config {
            preservation: PreservationMode::Off,
            ..Config::default()
        };
        preservation.expect(3, &off);
        assert_eq!(preservation.expected_clients, 3);
    }
}
