//! Counters that all workers draw from: each draw is given to one of them only.
//!
//! There is one per group of endpoints. With one for all, a request that looks in vain at its own zone would use
//! up draws before it looks at all endpoints, always as many, and so fall on the same few of them for ever.
//!
//! Invariant: it has a cache line of its own; drawing must not slow the readers of its neighbours.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use koinon_base::Rng;

use crate::candidates::CandidateGroup;

#[derive(Debug)]
pub(crate) struct Cursors {
    own_zone: Cursor,
    serving: Cursor,
    drained: Cursor,
}

impl Cursors {
    pub(crate) fn new(rng: &mut Rng) -> Self {
        Self {
            own_zone: Cursor::new(rng),
            serving: Cursor::new(rng),
            drained: Cursor::new(rng),
        }
    }

    pub(crate) fn draw(&self, group: CandidateGroup) -> u64 {
        let cursor = match group {
            CandidateGroup::OwnZone => &self.own_zone,
            CandidateGroup::Serving => &self.serving,
            CandidateGroup::Drained => &self.drained,
        };
        cursor.0.fetch_add(1, Relaxed)
    }
}

#[derive(Debug)]
#[repr(align(64))]
struct Cursor(AtomicU64);

impl Cursor {
    /// Starts anywhere, so that a fleet that starts together does not send its first requests to one endpoint.
    /// Below 2^32: the counter then never wraps, which would break a cycle in two.
    fn new(rng: &mut Rng) -> Self {
        Self(AtomicU64::new(rng.next_u64() >> 32))
    }
}
