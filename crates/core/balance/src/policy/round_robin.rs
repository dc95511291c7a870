//! Round robin: one after the other.
//!
//! An endpoint that is not usable gives its draw back: the worker draws again instead of taking the next one in
//! the list, which would then get its neighbour's share on top of its own. So the rest stay exactly even.

use koinon_base::Rng;

use super::Policy;
use crate::candidates::Candidates;
use crate::cursor::Cursors;

#[derive(Debug)]
pub(super) struct RoundRobin {
    cursors: Cursors,
}

impl RoundRobin {
    pub(super) fn new(rng: &mut Rng) -> Self {
        Self {
            cursors: Cursors::new(rng),
        }
    }
}

impl Policy for RoundRobin {
    fn choose(&self, candidates: &Candidates<'_>, rng: &mut Rng) -> Option<usize> {
        let len = candidates.len();
        // Alone, a worker sees every place once in `len` draws; others may draw in between.
        for _ in 0..len {
            let at = (self.cursors.draw(candidates.group()) % len as u64) as usize;
            if candidates.is_usable(at) {
                return Some(at);
            }
        }
        candidates.any_usable(None, rng)
    }
}
