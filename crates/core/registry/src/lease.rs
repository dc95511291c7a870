//! How long an instance may be silent.
//!
//! Eureka's `Lease.renew()` stores the moment *plus one duration*, and expiry adds the duration again, so a
//! lease that was renewed lasts twice its duration, and one that never was lasts one. Eureka keeps this for
//! compatibility ("will not be fixed"); clients and operators have tuned their intervals to it, so it is ours too.
//! (Source: Netflix/eureka, `Lease.java`.)

use std::num::NonZeroU64;

use koinon_base::Now;

/// What the registrant asks of its lease. Kept as given, because it is shown as given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaseTerms {
    /// How often it promises to renew, in seconds.
    pub renewal_interval_s: i32,
    /// How long it may be silent, in seconds; not above zero means [`LeaseTerms::DURATION_DEFAULT_S`].
    pub duration_s: i32,
}

impl LeaseTerms {
    /// The renewal interval of a registrant that states none, in seconds.
    pub const RENEWAL_INTERVAL_DEFAULT_S: i32 = 30;
    /// The duration of a registrant that states none, in seconds.
    pub const DURATION_DEFAULT_S: i32 = 90;

    /// The duration that counts, in milliseconds.
    #[must_use]
    pub fn duration_ms(self) -> u64 {
        let seconds = if self.duration_s > 0 {
            self.duration_s
        } else {
            Self::DURATION_DEFAULT_S
        };
        u64::from(seconds.unsigned_abs()) * 1000
    }
}

impl Default for LeaseTerms {
    fn default() -> Self {
        Self {
            renewal_interval_s: Self::RENEWAL_INTERVAL_DEFAULT_S,
            duration_s: Self::DURATION_DEFAULT_S,
        }
    }
}

/// A running lease.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lease {
    /// Never zero, so that having no lease takes no room.
    duration_ms: NonZeroU64,
    /// On the monotonic clock: the start, or the latest renewal plus one duration.
    last_update_ms: u64,
}

impl Lease {
    pub(crate) fn start(now: Now, terms: LeaseTerms) -> Self {
        Self {
            duration_ms: NonZeroU64::new(terms.duration_ms()).unwrap_or(NonZeroU64::MIN),
            last_update_ms: now.mono_ms,
        }
    }

    /// Renews, and says when that was as Eureka shows it (Unix milliseconds, one duration ahead).
    pub(crate) fn renew(&mut self, now: Now) -> i64 {
        let ahead = now.plus_ms(self.duration_ms.get());
        self.last_update_ms = ahead.mono_ms;
        ahead.unix_ms
    }

    /// Whether it has run out, `grace_ms` more allowed.
    pub(crate) fn is_expired(&self, now: Now, grace_ms: u64) -> bool {
        now.mono_ms
            > self
                .last_update_ms
                .saturating_add(self.duration_ms.get())
                .saturating_add(grace_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Now = Now {
        mono_ms: 1_000_000,
        unix_ms: 1_700_000_000_000,
    };
    const TERMS: LeaseTerms = LeaseTerms {
        renewal_interval_s: 1,
        duration_s: 3,
    };

    /// An instance that never renews goes after one duration, one that renewed after two.
    #[test]
    fn a_renewed_lease_lasts_twice_its_duration() {
        let mut lease = Lease::start(START, TERMS);
        assert!(!lease.is_expired(START.plus_ms(3_000), 0));
        assert!(lease.is_expired(START.plus_ms(3_001), 0));
        lease.renew(START.plus_ms(1_000));
        assert!(!lease.is_expired(START.plus_ms(7_000), 0));
        assert!(lease.is_expired(START.plus_ms(7_001), 0));
        assert!(
            !lease.is_expired(START.plus_ms(7_001), 500),
            "a late eviction run gives the lateness back"
        );
    }

    /// Durations that make no sense mean the default, and extremes do not overflow.
    #[test]
    fn odd_durations_are_safe() {
        let ms = |duration_s| {
            LeaseTerms {
                renewal_interval_s: 30,
                duration_s,
            }
            .duration_ms()
        };
        assert_eq!((ms(0), ms(-5), ms(1)), (90_000, 90_000, 1_000));
        assert_eq!(ms(i32::MAX), 2_147_483_647_000);
    }
}
