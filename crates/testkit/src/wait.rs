//! Waiting on a condition with a deadline: the only way a test here may wait.

use std::thread;
use std::time::{Duration, Instant};

use crate::{Error, Result};

/// How often a condition is looked at: short beside every deadline, long beside what a look costs.
pub const POLL: Duration = Duration::from_millis(20);

/// Looks every [`POLL`] until `probe` gives a value; the last look is at or after the deadline, so that a slow
/// machine never fails a condition that holds.
///
/// # Errors
/// [`Error::TimedOut`] names `what`.
pub fn wait_until<T>(what: &str, within: Duration, mut probe: impl FnMut() -> Option<T>) -> Result<T> {
    let deadline = Instant::now() + within;
    loop {
        let last = Instant::now() >= deadline;
        if let Some(value) = probe() {
            return Ok(value);
        }
        if last {
            return Err(Error::TimedOut {
                what: what.to_owned(),
                within,
            });
        }
        thread::sleep(POLL);
    }
}

/// Looks every [`POLL`] for the whole time and says whether the condition held at every look: for rules that say
/// that something must not happen.
pub fn holds_for(time: Duration, mut probe: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + time;
    while Instant::now() < deadline {
        if !probe() {
            return false;
        }
        thread::sleep(POLL);
    }
    probe()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects: a condition that comes true late in the wait is still seen.
    #[test]
    fn the_value_is_returned_once_it_is_there() {
        let mut looks = 0;
        let value = wait_until("three looks", Duration::from_secs(30), || {
            looks += 1;
            (looks == 3).then_some(looks)
        });
        assert_eq!(value.unwrap(), 3);
    }

    /// Protects: a wait that fails says what it waited for.
    #[test]
    fn a_timeout_names_the_condition() {
        let error = wait_until("the moon", Duration::ZERO, || None::<()>).unwrap_err();
        assert!(error.to_string().contains("the moon"), "{error}");
    }

    /// Protects: a rule that is broken once is reported broken.
    #[test]
    fn holds_for_notices_one_failing_look() {
        let mut looks = 0;
        assert!(!holds_for(Duration::from_secs(30), || {
            looks += 1;
            looks < 3
        }));
    }
}
