//! Seeded randomness for state machines: the same seed gives the same choices in every version of Koinon.
//!
//! A library's small generators do not promise that (their streams may change with a release), and a recorded
//! simulation seed must replay years later; so the generator is written here: SplitMix64, as published by
//! Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (OOPSLA 2014). Not for secrets.

use std::hash::{BuildHasher, RandomState};

/// A deterministic generator.
#[derive(Debug, Clone)]
pub struct Rng {
    state: u64,
}

impl Rng {
    /// A generator that always gives the same sequence for the same seed.
    #[must_use]
    pub fn from_seed(seed: u64) -> Self {
        Self { state: seed }
    }

    /// A generator that nobody can predict from outside, for a running node.
    #[must_use]
    pub fn from_entropy() -> Self {
        Self::from_seed(RandomState::new().hash_one("koinon"))
    }

    /// The next 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `bound`; 0 when `bound` is 0.
    pub fn below(&mut self, bound: usize) -> usize {
        // Multiply-shift: the bias is below bound / 2^64, far under anything these choices can show.
        let wide = u128::from(self.next_u64()) * bound as u128;
        (wide >> 64) as usize
    }

    /// Moves `count` randomly chosen items to the front (a partial Fisher-Yates shuffle).
    pub fn choose_front<T>(&mut self, items: &mut [T], count: usize) {
        for at in 0..count.min(items.len()) {
            let other = at + self.below(items.len() - at);
            items.swap(at, other);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A recorded seed must replay for ever: the published test vector for seed 1234567.
    #[test]
    fn the_sequence_of_a_seed_is_fixed() {
        let mut rng = Rng::from_seed(1_234_567);
        assert_eq!(rng.next_u64(), 6_457_827_717_110_365_317);
        assert_eq!(rng.next_u64(), 3_203_168_211_198_807_973);
    }

    /// Eviction must hit all alike: every item is chosen about as often as every other.
    #[test]
    fn choosing_is_fair() {
        let mut rng = Rng::from_seed(7);
        let mut hits = [0_u32; 10];
        for _ in 0..10_000 {
            let mut items: Vec<usize> = (0..10).collect();
            rng.choose_front(&mut items, 3);
            for item in &items[..3] {
                hits[*item] += 1;
            }
        }
        assert!(hits.iter().all(|n| (2700..3300).contains(n)), "{hits:?}");
    }
}
