//! Whether a client keeps up with its own exchange: a body that it sends or takes too slowly holds an endpoint's
//! connection and a place among the clients, and the idle timeout alone lets one byte a minute pass.
//!
//! A client has time to its name. It begins with a grace, every byte that moves earns what the byte may take at the least
//! rate, and only the time in which nothing but the client is waited for is taken off. What it saves is bounded, so that
//! a fast beginning pays for a pause and not for an hour. With nothing left it is too slow. That is one subtraction for each
//! look and one deadline for the connection's own timer: no windows that cut a burst in two, and no timer of its own.
//!
//! Invariant: time in which an endpoint is waited for costs the client nothing.

use std::time::{Duration, Instant};

use crate::settings::ClientPace;

/// How much time a client has left for one direction of an exchange.
#[derive(Debug)]
pub(crate) struct Pace {
    terms: ClientPace,
    saved_max: Duration,
    left: Duration,
    /// Since when the client is waited for, if it is.
    awaited_since: Option<Instant>,
    /// Bytes that have earned their time.
    paid: u64,
}

impl Pace {
    /// At most `saved_max` is saved, or the grace if that is longer.
    pub(crate) fn new(terms: ClientPace, saved_max: Duration) -> Self {
        Self {
            terms,
            saved_max: saved_max.max(terms.grace),
            left: terms.grace,
            awaited_since: None,
            paid: 0,
        }
    }

    /// Takes note of the bytes that have moved so far in all, and whether the client is what is waited for from `now`
    /// on. Then it says when its time will be over.
    pub(crate) fn note(&mut self, now: Instant, moved: u64, is_awaited: bool) -> Option<Instant> {
        if self.terms.bytes_per_s_min == 0 {
            return None;
        }
        let spent = self
            .awaited_since
            .map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        let earned = self.time_for(moved.saturating_sub(self.paid));
        let left = self.left.saturating_add(earned).saturating_sub(spent);
        self.left = left.min(self.saved_max);
        self.paid = moved;
        self.awaited_since = is_awaited.then_some(now);
        is_awaited.then(|| now + self.left)
    }

    /// The time that so many bytes may take.
    fn time_for(&self, bytes: u64) -> Duration {
        let nanos = bytes.saturating_mul(1_000_000_000);
        Duration::from_nanos(nanos.checked_div(self.terms.bytes_per_s_min).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRACE: Duration = Duration::from_secs(5);
    const SAVED_MAX: Duration = Duration::from_secs(60);

    fn pace(bytes_per_s_min: u64) -> Pace {
        let terms = ClientPace {
            bytes_per_s_min,
            grace: GRACE,
        };
        Pace::new(terms, SAVED_MAX)
    }

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    /// Sends `bytes` each `step` for at most an hour; says when it was too slow.
    fn drip(pace: &mut Pace, bytes: u64, step: Duration) -> Option<Duration> {
        let start = Instant::now();
        let mut over = pace.note(start, 0, true);
        let (mut at, mut sent) = (Duration::ZERO, 0);
        while at < seconds(3600) {
            at += step;
            if over.is_some_and(|over| over < start + at) {
                return over.map(|over| over - start);
            }
            sent += bytes;
            over = pace.note(start + at, sent, true);
        }
        None
    }

    /// A drip ends soon after the grace, however often a byte of it comes; what keeps the rate goes on for ever.
    #[test]
    fn a_drip_ends_and_a_steady_body_does_not() {
        let ended = drip(&mut pace(240), 1, seconds(1)).unwrap();
        assert!(ended > GRACE && ended < GRACE + seconds(1), "{ended:?}");
        assert_eq!(drip(&mut pace(240), 0, seconds(1)), Some(GRACE));
        assert_eq!(drip(&mut pace(240), 240, seconds(1)), None);
        // In bursts, as buffers fill and empty.
        assert_eq!(drip(&mut pace(240), 240 * 4, seconds(4)), None);
        assert!(drip(&mut pace(240), 230, seconds(1)).is_some());
        // Far above what is counted in whole milliseconds.
        assert_eq!(drip(&mut pace(1_000_000_000), 1_000_000_000, seconds(1)), None);
    }

    /// A fast beginning pays for a pause, but a gigabyte does not pay for an hour.
    #[test]
    fn what_is_saved_is_bounded() {
        let mut pace = pace(240);
        let now = Instant::now();
        assert_eq!(pace.note(now, 240 * 10, true), Some(now + GRACE + seconds(10)));
        assert_eq!(pace.note(now, 1 << 30, true), Some(now + SAVED_MAX));
        assert_eq!(
            pace.note(now + seconds(59), (1 << 30) + 1, true)
                .map(|over| over < now + seconds(61)),
            Some(true)
        );
    }

    /// While an endpoint is waited for, the client's time stands still; it is not given anew either.
    #[test]
    fn only_waiting_for_the_client_costs() {
        let mut pace = pace(240);
        let now = Instant::now();
        assert_eq!(pace.note(now, 0, true), Some(now + GRACE));
        assert_eq!(pace.note(now + seconds(4), 0, false), None);
        assert_eq!(pace.note(now + seconds(3000), 0, false), None);
        let later = now + seconds(4000);
        assert_eq!(pace.note(later, 0, true), Some(later + seconds(1)));
        assert_eq!(
            pace.note(later + seconds(2), 0, true),
            Some(later + seconds(2)),
            "over"
        );
    }

    /// No least rate: never too slow.
    #[test]
    fn zero_means_no_limit() {
        assert_eq!(drip(&mut pace(0), 0, seconds(1)), None);
    }
}
