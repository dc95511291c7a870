//! Exact weighted shares from a counter.
//!
//! Think of the weights as arcs of a circle whose length is their sum, in units of their greatest common
//! divisor: the *cycle*. Draw number `k` falls on the point `k × stride mod cycle`. Because the stride has no
//! divisor in common with the cycle, every point is hit exactly once in a cycle, so every endpoint gets exactly
//! its weight; because the stride is the golden section of the circle, the hits on an arc are spread evenly in
//! time too (the gaps between them have at most three lengths: the three-gap theorem), as in a smooth weighted
//! round robin. Unlike that, it keeps no state per endpoint and needs no lock: a shared counter is enough.

/// The circle of one group of endpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shares {
    /// The greatest common divisor of the weights.
    unit: u64,
    /// The sum of the weights, in units; 0 when there are none.
    cycle: u64,
    stride: u64,
}

impl Shares {
    pub(crate) fn new(weights: impl Iterator<Item = u64>) -> Self {
        let (mut sum, mut unit) = (0_u64, 0_u64);
        for weight in weights {
            sum = sum.saturating_add(weight);
            unit = greatest_common_divisor(unit, weight);
        }
        let cycle = sum.checked_div(unit).unwrap_or(0);
        Self {
            unit,
            cycle,
            stride: stride(cycle),
        }
    }

    /// Where a draw falls, counted in weights from the first endpoint's start; below the sum of the weights.
    pub(crate) fn point(&self, draw: u64) -> u64 {
        if self.cycle == 0 {
            return 0;
        }
        let turned = u128::from(draw % self.cycle) * u128::from(self.stride);
        // A remainder of a u64 fits into one.
        (turned % u128::from(self.cycle)) as u64 * self.unit
    }

    #[cfg(test)]
    pub(crate) fn cycle(&self) -> u64 {
        self.cycle
    }
}

/// A number near the golden section of `cycle` that has no divisor in common with it and spreads draws well.
///
/// The nearest such number need not be good: what counts is that every partial quotient of `stride / cycle` is
/// small (their sum bounds how far any share is ever off), so the best of some neighbours is taken.
fn stride(cycle: u64) -> u64 {
    /// The golden section as a fraction of 2^64.
    const GOLDEN: u128 = 0x9E37_79B9_7F4A_7C15;
    /// More do not make it noticeably smoother.
    const NEIGHBOURS: usize = 64;
    let section = ((u128::from(cycle) * GOLDEN) >> 64) as u64;
    (0..=section)
        .flat_map(|away| [section.saturating_add(away), section - away])
        .filter_map(|candidate| Some((unevenness(candidate, cycle)?, candidate)))
        .take(NEIGHBOURS)
        .min()
        .map_or(1, |(_, stride)| stride)
}

/// The sum of the partial quotients of `stride / cycle`; `None` if they have a divisor in common.
fn unevenness(stride: u64, cycle: u64) -> Option<u64> {
    let (mut a, mut b, mut sum) = (cycle, stride, 0_u64);
    while b != 0 {
        sum = sum.saturating_add(a / b);
        (a, b) = (b, a % b);
    }
    (a == 1).then_some(sum)
}

fn greatest_common_divisor(a: u64, b: u64) -> u64 {
    let (mut a, mut b) = (a, b);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Which weight's arc a point lies on.
    fn arc(weights: &[u64], point: u64) -> usize {
        let mut end = 0;
        let found = weights.iter().position(|weight| {
            end += weight;
            point < end
        });
        found.unwrap()
    }

    /// How far the most deviating endpoint ever is from its ideal share, in requests, over a whole cycle.
    fn worst_deviation(weights: &[u64]) -> f64 {
        let shares = Shares::new(weights.iter().copied());
        let sum: u64 = weights.iter().sum();
        let mut hits = vec![0_u64; weights.len()];
        let mut worst = 0_f64;
        for draw in 0..shares.cycle() {
            hits[arc(weights, shares.point(draw))] += 1;
            for (hits, weight) in hits.iter().zip(weights) {
                let ideal = (draw + 1) as f64 * *weight as f64 / sum as f64;
                worst = worst.max((*hits as f64 - ideal).abs());
            }
        }
        worst
    }

    proptest! {
        /// A share is exact over any whole cycle, wherever it starts.
        #[test]
        fn shares_are_exact_over_a_cycle(
            weights in prop::collection::vec(1_u64..200, 1..12),
            factor in 1_u64..1000,
            start in 0_u64..1 << 40,
        ) {
            let scaled: Vec<u64> = weights.iter().map(|weight| weight * factor).collect();
            let shares = Shares::new(scaled.iter().copied());
            let mut hits = vec![0_u64; weights.len()];
            for draw in start..start + shares.cycle() {
                hits[arc(&scaled, shares.point(draw))] += 1;
            }
            let unit = weights.iter().sum::<u64>() / shares.cycle();
            let wanted: Vec<u64> = weights.iter().map(|weight| weight / unit).collect();
            prop_assert_eq!(hits, wanted);
        }

        /// And nearly exact at every moment in between: no endpoint is flooded for half a cycle.
        #[test]
        fn shares_are_smooth(weights in prop::collection::vec(1_u64..500, 1..12)) {
            let worst = worst_deviation(&weights);
            prop_assert!(worst < 6.0, "{worst} requests from its share");
        }
    }

    /// Sets without weight, with one endpoint and of the largest weights must not divide by zero or overflow.
    #[test]
    fn extremes_are_safe() {
        assert_eq!(Shares::new(std::iter::empty()).point(7), 0);
        assert_eq!(Shares::new([0, 0].into_iter()).point(7), 0);
        assert_eq!(Shares::new([u64::from(u32::MAX)].into_iter()).point(u64::MAX), 0);
        let large = Shares::new(std::iter::repeat_n(u64::from(u32::MAX), 10_000).chain([1]));
        assert!(large.point(u64::MAX) < u64::from(u32::MAX) * 10_000 + 1);
    }
}
