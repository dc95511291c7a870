//! Property tests without crashes: overwriting, purging, recycling and reading back, against the model.

use std::sync::Arc;

use koinon_io_wal::{Entry, Wal};
use koinon_sim::SimDisk;
use proptest::prelude::*;

use crate::ledger::{Ledger, Step, found};
use crate::torn::{SECTOR, segments};
use crate::workload::{append, open};

#[derive(Debug, Clone)]
enum Act {
    /// Entries of these lengths behind the last one.
    Append(Vec<usize>),
    /// As many entries, beginning so far before the end.
    Overwrite(u64, u64),
    Sync,
    /// All but so many durable entries.
    Purge(u64),
    Reopen,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        4 => prop::collection::vec(0_usize..400, 1..6).prop_map(Act::Append),
        2 => (0_u64..12, 1_u64..4).prop_map(|(back, count)| Act::Overwrite(back, count)),
        4 => Just(Act::Sync),
        2 => (0_u64..8).prop_map(Act::Purge),
        1 => Just(Act::Reopen),
    ];
    prop::collection::vec(act, 1..60)
}

struct Run {
    disk: SimDisk,
    wal: Wal,
    ledger: Ledger,
    made: u64,
}

impl Run {
    fn entries(&mut self, first: u64, lens: &[usize]) {
        let steps: Vec<Step> = (first..)
            .zip(lens)
            .map(|(index, len)| {
                self.made += 1;
                Step::Entry(Entry {
                    term: self.made,
                    index,
                    payload: vec![self.made as u8; *len],
                })
            })
            .collect();
        append(&mut self.wal, &mut self.ledger, &steps).unwrap();
    }

    fn act(&mut self, act: &Act) {
        let last = self.wal.last_index();
        match act {
            Act::Append(lens) => self.entries(last + 1, lens),
            Act::Overwrite(back, count) => {
                let first = (last + 1)
                    .saturating_sub(*back)
                    .max(self.ledger.purged_below)
                    .max(1);
                self.entries(first, &vec![40; *count as usize]);
            }
            Act::Sync => {
                self.wal.sync().unwrap();
                self.ledger.acknowledge();
            }
            Act::Purge(keep) => {
                let below = (self.ledger.acknowledged.last() + 1)
                    .saturating_sub(*keep)
                    .min(last);
                self.ledger.purged_below = self.ledger.purged_below.max(below);
                self.wal.purge(self.ledger.purged_below).unwrap();
            }
            Act::Reopen => {
                self.disk.kill();
                let (wal, recovered) = open(Arc::new(self.disk.clone()), SECTOR).unwrap();
                self.wal = wal;
                self.ledger.judge(&self.wal, &recovered).unwrap();
            }
        }
    }

    /// Reading from every index gives the same entries, and they are the model's.
    fn check(&mut self) {
        self.act(&Act::Sync);
        let first = self.wal.first_index();
        assert!(first <= self.ledger.purged_below.max(1));
        let wanted: Vec<&Entry> = self
            .ledger
            .acknowledged
            .entries
            .iter()
            .filter(|entry| entry.index >= first)
            .collect();
        for from in first..=self.wal.last_index() + 1 {
            let read: Vec<Entry> = self.wal.entries(from).unwrap().map(Result::unwrap).collect();
            assert_eq!(
                read.iter().collect::<Vec<_>>(),
                wanted[(from - first) as usize..],
                "from {from}"
            );
        }
        assert!(first == 0 || self.wal.entries(first - 1).is_err());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Protects: in any order of appends, overwrites, purges and reopenings the log holds exactly what the rules say, from
    /// whichever index it is read.
    #[test]
    fn the_log_is_what_the_rules_say(acts in acts()) {
        let disk = SimDisk::new(SECTOR, 1);
        let (wal, _) = open(Arc::new(disk.clone()), SECTOR).unwrap();
        let mut run = Run { disk, wal, ledger: Ledger::default(), made: 0 };
        for act in &acts {
            run.act(act);
        }
        run.check();
        run.act(&Act::Reopen);
        run.check();
    }
}

/// Protects: a log that is purged as it grows takes no more space, because segments are used again; and one that is used
/// again holds nothing of its past when it is prepared.
#[test]
fn purged_segments_are_used_again() {
    let disk = SimDisk::new(SECTOR, 1);
    let (wal, _) = open(Arc::new(disk.clone()), SECTOR).unwrap();
    let mut run = Run {
        disk: disk.clone(),
        wal,
        ledger: Ledger::default(),
        made: 0,
    };
    let mut used_max = 0;
    for round in 0..400 {
        run.act(&Act::Append(vec![100; 4]));
        run.act(&Act::Sync);
        run.act(&Act::Purge(3));
        let figures = run.wal.figures();
        assert!(figures.segments <= 2, "{figures:?}");
        for (path, bytes) in segments(&disk).iter().skip(figures.segments as usize) {
            assert!(
                bytes.iter().all(|byte| *byte == 0),
                "{} is prepared and not empty",
                path.display()
            );
        }
        if round > 40 {
            used_max = used_max.max(disk.used_bytes());
        }
    }
    let figures = run.wal.figures();
    assert!(figures.segments_recycled > 20, "{figures:?}");
    assert!(figures.segments_made <= 6, "{figures:?}");
    assert!(used_max <= 6 * SECTOR as u64 * 12, "{used_max} bytes on the disk");
    assert_eq!(figures.segments_waited_for, 0, "{figures:?}");
}

/// Protects: the iterator keeps what it has yet to read: purging while it lives takes nothing from it.
#[test]
fn a_reader_is_not_purged_under() {
    let disk = SimDisk::new(SECTOR, 1);
    let (wal, recovered) = open(Arc::new(disk.clone()), SECTOR).unwrap();
    drop(found(&wal, &recovered).unwrap());
    let mut run = Run {
        disk,
        wal,
        ledger: Ledger::default(),
        made: 0,
    };
    for _ in 0..30 {
        run.act(&Act::Append(vec![300; 3]));
        run.act(&Act::Sync);
    }
    let mut entries = run.wal.entries(1).unwrap();
    assert_eq!(entries.next().unwrap().unwrap().index, 1);
    run.act(&Act::Purge(0));
    assert_eq!(run.wal.first_index(), 1);
    assert_eq!(
        entries.map(Result::unwrap).map(|entry| entry.index).last(),
        Some(90)
    );
    run.act(&Act::Purge(0));
    assert!(run.wal.first_index() > 60);
}
