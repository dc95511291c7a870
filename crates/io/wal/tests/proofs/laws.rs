//! The laws that fuzzing checks, on generated segments, so that every test run has seen some.

use std::path::Path;
use std::sync::Arc;

use koinon_io_disk::Disk;
use koinon_io_wal::laws;
use proptest::prelude::*;

use crate::torn::disk_with;
use crate::workload::{DIR, IDENTITY};

fn holds(bytes: &[u8]) -> bool {
    laws::what_is_read_is_what_is_written(bytes);
    let path = Path::new(DIR).join("0000000000000001.wal");
    let disk: Arc<dyn Disk> = Arc::new(disk_with(&[(path, bytes.to_vec())]));
    laws::opening(&disk, Path::new(DIR), IDENTITY)
}

fn entry(term: u8, index: u8) -> (u8, Vec<u8>) {
    let mut payload = vec![0; 16];
    (payload[0], payload[8]) = (term, index);
    (3, payload)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    /// Protects: no bytes make opening panic, and what it takes keeps the laws: frames of every kind and length, rightly
    /// chained, with rubbish or zeros behind them.
    #[test]
    fn no_bytes_break_the_laws(input in prop::collection::vec(any::<u8>(), 0..600), zeros in 0_usize..600) {
        let mut bytes = laws::image(IDENTITY, &input);
        bytes.resize(bytes.len() + zeros, 0);
        holds(&bytes);
    }

    /// Protects: the same for entries with any indexes, which are taken only when they leave no gap.
    #[test]
    fn any_order_of_indexes_keeps_the_laws(indexes in prop::collection::vec(0_u8..5, 0..12), batches in any::<u16>()) {
        let mut frames = Vec::new();
        for (at, index) in indexes.iter().enumerate() {
            if batches >> at & 1 == 1 {
                frames.push((2, Vec::new()));
            }
            frames.push(entry(at as u8, *index));
        }
        let mut last = 0;
        let consecutive = indexes.iter().all(|index| {
            let right = (1..=last + 1).contains(index);
            last = *index;
            right
        });
        prop_assert_eq!(holds(&laws::segment(IDENTITY, &frames)), consecutive);
    }
}
