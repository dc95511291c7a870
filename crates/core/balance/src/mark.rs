//! The failure mark of an endpoint: since how many failures it is skipped, until when, and whether somebody is
//! finding out.
//!
//! One word holds all of it, so that every change is one compare-and-swap and no reader sees half of one.
//!
//! Invariant: the word of a claim ([`Mark::claimed`]) never comes back. A later mark lies at least a
//! millisecond further in time, because a claim is made only when the mark is due and a new mark is due later
//! than it is set. So the owner of a claim may compare the whole word and cannot take another's claim for its own.

/// Low to high: 1 bit probing, 15 bits failures, 48 bits milliseconds (8,900 years of monotonic time).
const PROBING: u64 = 1;
const FAILURES_SHIFT: u32 = 1;
const FAILURES_MAX: u32 = (1 << 15) - 1;
const DUE_SHIFT: u32 = 16;
const DUE_MAX_MS: u64 = (1 << 48) - 1;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark(u64);

impl Mark {
    /// No failure since the last success.
    pub(crate) const CLEAR: Self = Self(0);

    /// Skipped until `due_ms` after `failures` failures in a row (at least one).
    pub(crate) fn new(failures: u32, due_ms: u64) -> Self {
        let failures = u64::from(failures.clamp(1, FAILURES_MAX));
        Self(due_ms.min(DUE_MAX_MS) << DUE_SHIFT | failures << FAILURES_SHIFT)
    }

    pub(crate) fn from_word(word: u64) -> Self {
        Self(word)
    }

    pub(crate) fn word(self) -> u64 {
        self.0
    }

    pub(crate) fn is_clear(self) -> bool {
        self.0 == 0
    }

    pub(crate) fn failures(self) -> u32 {
        (self.0 >> FAILURES_SHIFT) as u32 & FAILURES_MAX
    }

    pub(crate) fn due_ms(self) -> u64 {
        self.0 >> DUE_SHIFT
    }

    /// Whether one request is finding out at this moment.
    pub(crate) fn is_probing(self) -> bool {
        self.0 & PROBING != 0
    }

    /// Whether a request may pass at `now_ms`: freely, or as the one probe.
    pub(crate) fn admits(self, now_ms: u64) -> bool {
        self.is_clear() || (!self.is_probing() && self.due_ms() <= now_ms)
    }

    /// The same mark with its probe taken.
    pub(crate) fn claimed(self) -> Self {
        Self(self.0 | PROBING)
    }

    /// The same mark with its probe free.
    pub(crate) fn released(self) -> Self {
        Self(self.0 & !PROBING)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The parts must not run into each other, at the extremes either.
    #[test]
    fn the_parts_of_the_word_keep_apart() {
        for (failures, due_ms) in [(1, 0), (1, 1), (FAILURES_MAX, DUE_MAX_MS), (7, 123_456_789)] {
            let mark = Mark::new(failures, due_ms);
            assert_eq!((mark.failures(), mark.due_ms()), (failures, due_ms));
            assert!(!mark.is_probing() && !mark.is_clear());
            assert!(mark.claimed().is_probing());
            assert_eq!(mark.claimed().failures(), failures);
            assert_eq!(mark.claimed().released(), mark);
        }
        let beyond = Mark::new(u32::MAX, u64::MAX);
        assert_eq!((beyond.failures(), beyond.due_ms()), (FAILURES_MAX, DUE_MAX_MS));
        assert!(
            !Mark::new(0, 0).is_clear(),
            "a mark without failures would be none"
        );
    }

    /// A marked endpoint lets nobody pass before its time, then one.
    #[test]
    fn a_mark_admits_when_due_and_unclaimed() {
        let mark = Mark::new(1, 100);
        assert!(Mark::CLEAR.admits(0));
        assert!(!mark.admits(99));
        assert!(mark.admits(100));
        assert!(!mark.claimed().admits(100));
    }
}
