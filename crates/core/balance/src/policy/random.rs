//! Random: needs no shared state at all, and is even only on average.

use koinon_base::Rng;

use super::Policy;
use crate::candidates::Candidates;

#[derive(Debug)]
pub(super) struct Random;

impl Policy for Random {
    fn choose(&self, candidates: &Candidates<'_>, rng: &mut Rng) -> Option<usize> {
        candidates.any_usable(None, rng)
    }
}
