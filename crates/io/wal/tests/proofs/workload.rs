//! What a node does with its log, from a seed: appends, overwrites, hard states, syncs, purges.

use std::path::Path;
use std::sync::Arc;

use koinon_base::Rng;
use koinon_io_disk::Disk;
use koinon_io_wal::{Entry, HardState, Identity, Record, Recovered, Settings, Wal, WalError};

use crate::ledger::{Ledger, Step};

pub(crate) const DIR: &str = "/node/wal";
pub(crate) const IDENTITY: Identity = Identity {
    cluster: 0xC0,
    member: 0xE1,
};

/// Segments so short that a few appends fill one.
pub(crate) fn settings(sector: usize) -> Settings {
    let sector = sector as u64;
    Settings {
        identity: IDENTITY,
        first_segment_bytes: sector * 4,
        segment_bytes: sector * 12,
        first_index: 1,
        background: false,
    }
}

pub(crate) fn open(disk: Arc<dyn Disk>, sector: usize) -> Result<(Wal, Recovered), WalError> {
    Wal::open(disk, Path::new(DIR), settings(sector))
}

/// Steps until `steps` are done or the log refuses.
pub(crate) fn run(wal: &mut Wal, ledger: &mut Ledger, rng: &mut Rng, steps: usize) -> Result<(), WalError> {
    for _ in 0..steps {
        match rng.below(10) {
            0..6 => {
                let batch = batch(ledger, rng);
                append(wal, ledger, &batch)?;
            }
            6..9 => {
                wal.sync()?;
                ledger.acknowledge();
            }
            _ => {
                // Only what is durable in the log may be durable elsewhere.
                let below = (ledger.acknowledged.last() + 1).saturating_sub(rng.below(12) as u64);
                let lowest = ledger.newest().last().min(below);
                ledger.purged_below = ledger.purged_below.max(lowest);
                wal.purge(ledger.purged_below)?;
            }
        }
    }
    Ok(())
}

pub(crate) fn append(wal: &mut Wal, ledger: &mut Ledger, steps: &[Step]) -> Result<(), WalError> {
    let records: Vec<Record<'_>> = steps.iter().map(Step::record).collect();
    wal.append(&records)?;
    ledger.since.extend_from_slice(steps);
    Ok(())
}

fn batch(ledger: &Ledger, rng: &mut Rng) -> Vec<Step> {
    let mut state = ledger.newest();
    let mut steps = Vec::new();
    for _ in 0..=rng.below(6) {
        let last = state.last();
        let step = if rng.below(5) == 0 {
            Step::Hard(HardState {
                term: rng.next_u64(),
                vote: rng.next_u64() % 4,
                commit: last,
            })
        } else {
            let back = if rng.below(10) == 0 {
                rng.below(5) as u64
            } else {
                0
            };
            let index = (last + 1).saturating_sub(back).max(ledger.purged_below).max(1);
            Step::Entry(Entry {
                term: rng.next_u64() % 100,
                index: index.min(last + 1),
                payload: payload(rng),
            })
        };
        state.apply(&step);
        steps.push(step);
    }
    steps
}

/// Mostly short; some that span sectors, some of zeros, which look like what was never written.
fn payload(rng: &mut Rng) -> Vec<u8> {
    let len = match rng.below(12) {
        0 => 0,
        1 => 512 + rng.below(1_500),
        _ => rng.below(200),
    };
    if rng.below(6) == 0 {
        return vec![0; len];
    }
    (0..len).map(|_| rng.next_u64() as u8).collect()
}
