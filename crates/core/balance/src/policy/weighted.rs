//! Weighted: each endpoint exactly as often as its weight says, evenly spread (see `shares`).

use koinon_base::Rng;

use super::Policy;
use crate::candidates::Candidates;
use crate::cursor::Cursors;

/// Draws before the choice is left to chance. Draws that fall on an unusable endpoint are given back, which
/// keeps the shares of the rest exact; when nearly all of the weight is unusable that takes too long, and chance
/// gives the same shares on average.
const DRAWS_MAX: usize = 32;

#[derive(Debug)]
pub(super) struct Weighted {
    cursors: Cursors,
}

impl Weighted {
    pub(super) fn new(rng: &mut Rng) -> Self {
        Self {
            cursors: Cursors::new(rng),
        }
    }
}

impl Policy for Weighted {
    fn choose(&self, candidates: &Candidates<'_>, rng: &mut Rng) -> Option<usize> {
        for _ in 0..DRAWS_MAX {
            let at = candidates.at_draw(self.cursors.draw(candidates.group()));
            if candidates.is_usable(at) {
                return Some(at);
            }
        }
        candidates.any_usable_by_weight(rng)
    }
}
