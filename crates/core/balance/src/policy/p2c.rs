//! Power of two choices: two different endpoints at random, of these the one with fewer requests in flight.
//!
//! Two looks are enough to keep the longest queue exponentially shorter than random choice does (Mitzenmacher,
//! "The power of two choices in randomized load balancing", 1996), and unlike a search for the least, workers
//! that decide at the same moment do not all run to the same endpoint.

use koinon_base::Rng;

use super::Policy;
use crate::candidates::Candidates;

#[derive(Debug)]
pub(super) struct P2c;

/// Two different usable places; the second is `None` when there is only one.
fn two_choices(candidates: &Candidates<'_>, rng: &mut Rng) -> Option<(usize, Option<usize>)> {
    let first = candidates.any_usable(None, rng)?;
    Some((first, candidates.any_usable(Some(first), rng)))
}

impl Policy for P2c {
    fn choose(&self, candidates: &Candidates<'_>, rng: &mut Rng) -> Option<usize> {
        let (first, second) = two_choices(candidates, rng)?;
        match second {
            Some(second) if candidates.in_flight(second) < candidates.in_flight(first) => Some(second),
            Some(_) | None => Some(first),
        }
    }
}

#[cfg(test)]
mod tests {
    use koinon_base::{Now, Rng};
    use proptest::prelude::*;

    use super::*;
    use crate::{Endpoint, EndpointId, EndpointSet, Tried};

    proptest! {
        /// The law of the policy: of its two choices it never takes the busier one, and the two differ.
        #[test]
        fn never_the_busier_of_the_two(
            loads in prop::collection::vec(0_u32..6, 1..20),
            seed: u64,
        ) {
            let endpoints = (0..loads.len()).map(|n| {
                Endpoint::new(EndpointId::of_address(&format!("h{n:02}"), 80), ())
            });
            let set = EndpointSet::build(endpoints.collect(), None, None);
            for ((_, state), load) in set.iter().zip(&loads) {
                (0..*load).for_each(|_| state.begin());
            }
            let tried = Tried::new();
            let group = set.groups(false).next().unwrap();
            let now = Now { mono_ms: 0, unix_ms: 0 };
            let candidates = Candidates::new(set.slots(group), group, &tried, now);

            let (mut rng, mut replay) = (Rng::from_seed(seed), Rng::from_seed(seed));
            for _ in 0..50 {
                let chosen = P2c.choose(&candidates, &mut rng).unwrap();
                let (first, second) = two_choices(&candidates, &mut replay).unwrap();
                prop_assert_eq!(second.is_none(), loads.len() == 1);
                let second = second.unwrap_or(first);
                prop_assert!(chosen == first || chosen == second);
                prop_assert!(loads[chosen] <= loads[first].min(loads[second]));
                prop_assert!(loads.len() == 1 || first != second);
            }
        }
    }
}
