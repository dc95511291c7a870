//! One file's bytes: what a reader sees, what is durable, and what may become durable in a crash.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use koinon_base::Rng;

/// A file's content. Units are the pieces that a disk writes whole: sectors, or pages.
#[derive(Debug, Default)]
pub(crate) struct Content {
    /// What readers see.
    pub(crate) bytes: Vec<u8>,
    /// What a crash cannot take.
    pub(crate) durable: Vec<u8>,
    /// For each unit written since the last sync, every content it had in between, oldest first.
    versions: BTreeMap<usize, Vec<Vec<u8>>>,
    /// Every length since the last sync.
    lens: Vec<usize>,
    /// Units that take space.
    pub(crate) taken: BTreeSet<usize>,
}

impl Content {
    /// Changes `bytes[at..at + with.len()]`, lengthening the file if need be.
    pub(crate) fn write(&mut self, at: usize, with: &[u8], unit: usize) {
        if with.is_empty() {
            return;
        }
        let end = at + with.len();
        if end > self.bytes.len() {
            self.set_len(end, unit);
        }
        self.bytes[at..end].copy_from_slice(with);
        for number in at / unit..end.div_ceil(unit) {
            self.taken.insert(number);
            self.remember(number, unit);
        }
    }

    pub(crate) fn set_len(&mut self, len: usize, unit: usize) {
        let old = self.bytes.len();
        self.bytes.resize(len, 0);
        self.lens.push(len);
        if len < old {
            // What was cut off is gone for readers; were the file to grow again, zeros would be there.
            self.taken.retain(|number| number * unit < len);
            for number in len / unit..old.div_ceil(unit) {
                self.remember(number, unit);
            }
        }
    }

    fn remember(&mut self, number: usize, unit: usize) {
        let mut now = self
            .bytes
            .get(range(number, unit, self.bytes.len()))
            .unwrap_or_default()
            .to_vec();
        now.resize(unit, 0);
        let versions = self.versions.entry(number).or_default();
        if versions.last() != Some(&now) {
            versions.push(now);
        }
    }

    /// The units that a write of `at..end` would newly take.
    pub(crate) fn new_units(&self, at: usize, end: usize, unit: usize) -> Vec<usize> {
        (at / unit..end.div_ceil(unit))
            .filter(|number| !self.taken.contains(number))
            .collect()
    }

    pub(crate) fn sync(&mut self) {
        self.durable.clone_from(&self.bytes);
        self.versions.clear();
        self.lens.clear();
    }

    /// Decides for every unit and for the length, each by itself, which of its contents is durable.
    pub(crate) fn settle(&mut self, unit: usize, rng: &mut Rng) {
        let choice = rng.below(self.lens.len() + 1);
        let len = if choice == 0 {
            self.durable.len()
        } else {
            self.lens[choice - 1]
        };
        // A crash leaves all, nothing or a mixture: the mixture alone would rarely leave a long write whole.
        let mood = rng.below(4);
        for (number, versions) in std::mem::take(&mut self.versions) {
            let newest = versions.len();
            let choice = match mood {
                0 => 0,
                1 => newest,
                _ => rng.below(newest + 1),
            };
            if choice == 0 {
                continue;
            }
            let place = number * unit..(number + 1) * unit;
            if self.durable.len() < place.end {
                self.durable.resize(place.end, 0);
            }
            self.durable[place].copy_from_slice(&versions[choice - 1]);
        }
        self.durable.resize(len, 0);
        self.lens.clear();
    }

    /// After a crash: what is durable is all there is.
    pub(crate) fn crash(&mut self, unit: usize, rng: &mut Rng) {
        self.settle(unit, rng);
        self.bytes.clone_from(&self.durable);
        self.taken.retain(|number| number * unit < self.bytes.len());
    }
}

fn range(number: usize, unit: usize, len: usize) -> Range<usize> {
    (number * unit).min(len)..((number + 1) * unit).min(len)
}
