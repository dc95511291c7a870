//! Medians and percentiles of samples.

/// The middle value; the mean of the two middle ones for an even count. 0 without samples.
pub(crate) fn median(samples: &[f64]) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    match (sorted.len(), sorted.len() / 2) {
        (0, _) => 0.0,
        (len, middle) if len % 2 == 0 => f64::midpoint(sorted[middle - 1], sorted[middle]),
        (_, middle) => sorted[middle],
    }
}

/// The smallest sample that at least `percent` of all samples do not exceed (nearest rank). 0 without samples.
pub(crate) fn percentile(samples: &[u32], percent: u32) -> u32 {
    per_mille(samples, percent * 10)
}

/// The same in thousandths.
pub(crate) fn per_mille(samples: &[u32], per_mille: u32) -> u32 {
    let mut sorted = samples.to_vec();
    sorted.sort_unstable();
    let rank = (sorted.len() * per_mille as usize).div_ceil(1000);
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects: the figures in the table are the ones they are called.
    #[test]
    fn medians_and_percentiles_are_exact() {
        assert_eq!(median(&[3.0, 1.0, 2.0]).to_bits(), 2.0_f64.to_bits());
        assert_eq!(median(&[4.0, 1.0]).to_bits(), 2.5_f64.to_bits());
        assert_eq!(median(&[]).to_bits(), 0.0_f64.to_bits());
        let hundred: Vec<u32> = (1..=100).rev().collect();
        assert_eq!(
            (
                percentile(&hundred, 50),
                percentile(&hundred, 99),
                percentile(&hundred, 100)
            ),
            (50, 99, 100)
        );
        assert_eq!((per_mille(&hundred, 999), per_mille(&hundred, 985)), (100, 99));
        assert_eq!((percentile(&[7], 99), percentile(&[], 50)), (7, 0));
    }
}
