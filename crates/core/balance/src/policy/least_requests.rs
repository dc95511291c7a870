//! Least requests: the endpoint with the fewest requests in flight from this node; of several such, any.
//!
//! (Ribbon's `BestAvailableRule` takes the first of several, which under light load is always the same one.)

use koinon_base::Rng;

use super::Policy;
use crate::candidates::{Candidates, least_of};

#[derive(Debug)]
pub(super) struct LeastRequests;

impl Policy for LeastRequests {
    fn choose(&self, candidates: &Candidates<'_>, rng: &mut Rng) -> Option<usize> {
        let usable = (0..candidates.len()).filter(|at| candidates.is_usable(*at));
        least_of(usable, rng, |at| candidates.in_flight(at))
    }
}
