//! How long an endpoint that refused is left alone before one request finds out again.
//!
//! The wait doubles with every failed probe and is drawn between one and two times its floor, so that a fleet of
//! gateways that saw the same endpoint die does not come back to it in step. The ranges of consecutive failures
//! meet without a gap: 50–100 ms, 100–200 ms, … 5–10 s.

use koinon_base::Rng;

/// The bounds of the wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The shortest wait after the first failure, in milliseconds.
    pub first_ms: u64,
    /// The longest wait after any number of failures, in milliseconds.
    pub max_ms: u64,
}

impl Default for Backoff {
    /// 50 ms is longer than a restart behind a socket that stays open and short enough to go unnoticed; 10 s
    /// means at most six probes a minute of an endpoint that stays dead, and is how long one may come back unseen
    /// if it does not register again.
    fn default() -> Self {
        Self {
            first_ms: 50,
            max_ms: 10_000,
        }
    }
}

impl Backoff {
    /// The wait after `failures` failures in a row: at least 1 ms, and within the bounds if they make sense
    /// (`first_ms ≤ max_ms`; otherwise `first_ms`, without jitter).
    #[must_use]
    pub fn delay_ms(&self, failures: u32, rng: &mut Rng) -> u64 {
        let doublings = failures.saturating_sub(1).min(63);
        let doubled_ms = u128::from(self.first_ms) << doublings;
        let floor_max_ms = (self.max_ms / 2).max(self.first_ms);
        let floor_ms = u64::try_from(doubled_ms)
            .unwrap_or(u64::MAX)
            .min(floor_max_ms)
            .max(1);
        let top_ms = floor_ms.saturating_mul(2).min(self.max_ms).max(floor_ms);
        let jitter_ms = rng.below(
            usize::try_from(top_ms - floor_ms)
                .unwrap_or(usize::MAX)
                .saturating_add(1),
        );
        floor_ms + jitter_ms as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each failure doubles the wait, up to the bound, and the wait varies within its range.
    #[test]
    fn the_wait_doubles_within_its_bounds() {
        let backoff = Backoff::default();
        let mut rng = Rng::from_seed(1);
        let floors = [50, 100, 200, 400, 800, 1600, 3200, 5000, 5000];
        for (failures, floor_ms) in (1..).zip(floors) {
            let drawn: Vec<u64> = (0..1000).map(|_| backoff.delay_ms(failures, &mut rng)).collect();
            let (least, most) = (drawn.iter().min().unwrap(), drawn.iter().max().unwrap());
            assert!(*least >= floor_ms && *most <= floor_ms * 2, "{least}..{most}");
            assert!(
                most - least > floor_ms * 9 / 10,
                "hardly any jitter: {least}..{most}"
            );
        }
    }

    /// Nonsense in the settings must neither overflow nor make a wait of nothing, which would undo the mark.
    #[test]
    fn odd_bounds_are_safe() {
        let mut rng = Rng::from_seed(1);
        let mut delay =
            |first_ms, max_ms, failures| Backoff { first_ms, max_ms }.delay_ms(failures, &mut rng);
        assert_eq!(delay(0, 0, 1), 1);
        assert_eq!(delay(70, 20, 9), 70);
        assert!((100..=150).contains(&delay(100, 150, 1)));
        assert!(delay(u64::MAX, u64::MAX, u32::MAX) > 0);
        assert!((5_000..=10_000).contains(&delay(50, 10_000, u32::MAX)));
    }
}
