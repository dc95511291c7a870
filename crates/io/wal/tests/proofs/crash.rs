//! The process dies at every point, the power fails, and what was acknowledged is there.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use koinon_base::Rng;
use koinon_io_disk::Disk;
use koinon_sim::SimDisk;

use crate::ledger::Ledger;
use crate::workload::{open, run};

/// Steps of a workload before the crash, and after it.
const STEPS: usize = 40;
const STEPS_AFTER: usize = 12;

/// How a proof is run: on what the log takes for its disk, and how thoroughly.
pub(crate) struct Proof {
    pub(crate) wrap: fn(SimDisk) -> Arc<dyn Disk>,
    pub(crate) sector: usize,
    pub(crate) workloads: u64,
    pub(crate) crashes: u64,
    /// Whether the process only is killed before the power fails in its next life.
    pub(crate) kill_first: bool,
}

impl Proof {
    /// Goes through all crash points of all workloads; how many there were, or the first that breaks the law.
    pub(crate) fn run(&self) -> Result<u64, String> {
        let mut points = 0;
        for workload in 0..self.workloads {
            let operations = self.operations(workload)?;
            for point in 0..operations {
                for crash in 0..self.crashes {
                    let seed = workload << 40 | point << 8 | crash;
                    self.one(workload, point, seed).map_err(|what| {
                        format!("workload {workload}, dying in operation {point} of {operations}, crash {seed:#x}: {what}")
                    })?;
                    points += 1;
                }
            }
        }
        Ok(points)
    }

    /// How many operations the workload takes when nothing happens to it.
    fn operations(&self, workload: u64) -> Result<u64, String> {
        let disk = SimDisk::new(self.sector, workload);
        let mut ledger = Ledger::default();
        self.live(&disk, &mut ledger, workload, STEPS)?;
        Ok(disk.operations())
    }

    /// One life: opens the log, judges what it holds, works. A dead process is no error.
    fn live(&self, disk: &SimDisk, ledger: &mut Ledger, seed: u64, steps: usize) -> Result<(), String> {
        let (mut wal, recovered) = match open((self.wrap)(disk.clone()), self.sector) {
            Ok(opened) => opened,
            Err(_) if disk.is_dead() => return Ok(()),
            Err(error) => return Err(format!("refuses to open: {error}")),
        };
        if let Err(what) = ledger.judge(&wal, &recovered) {
            return if disk.is_dead() { Ok(()) } else { Err(what) };
        }
        match run(&mut wal, ledger, &mut Rng::from_seed(seed), steps) {
            Err(error) if !disk.is_dead() => Err(format!("refuses to work: {error}")),
            _ => Ok(()),
        }
    }

    fn one(&self, workload: u64, point: u64, seed: u64) -> Result<(), String> {
        let disk = SimDisk::new(self.sector, seed);
        let mut ledger = Ledger::default();
        disk.die_at(point);
        self.live(&disk, &mut ledger, workload, STEPS)?;
        if self.kill_first {
            // A life that only reads what the last one left behind: it may rely on that from now on.
            disk.kill();
            self.live(&disk, &mut ledger, seed, 0)?;
        }
        disk.crash(seed);
        // Recovery is work too, and may be interrupted as well.
        if seed.is_multiple_of(2) {
            disk.die_at(disk.operations() + seed % 17);
            self.live(&disk, &mut ledger, seed, 0)?;
            disk.crash(seed + 1);
        }
        self.live(&disk, &mut ledger, seed, STEPS_AFTER)?;
        disk.crash(seed + 2);
        self.live(&disk, &mut ledger, seed, 0)
    }
}

fn honest(disk: SimDisk) -> Arc<dyn Disk> {
    Arc::new(disk)
}

/// Protects: on a disk that writes 512 bytes whole, a crash at any operation loses nothing acknowledged, invents nothing,
/// doubles nothing, and leaves a log that goes on.
#[test]
fn nothing_acknowledged_is_lost() {
    let proof = Proof {
        wrap: honest,
        sector: 512,
        workloads: 16,
        crashes: 5,
        kill_first: false,
    };
    let points = proof.run().unwrap();
    assert!(points > 3_000, "{points} crashes prove little");
}

/// Protects: the same on a disk that writes 4,096 bytes whole.
#[test]
fn nothing_acknowledged_is_lost_in_large_sectors() {
    let proof = Proof {
        wrap: honest,
        sector: 4_096,
        workloads: 3,
        crashes: 4,
        kill_first: false,
    };
    proof.run().unwrap();
}

/// Protects: what a life finds, after the one before was killed, survives the power failure that follows, though no sync of
/// the killed one ever covered it.
#[test]
fn what_was_found_is_durable() {
    let proof = Proof {
        wrap: honest,
        sector: 512,
        workloads: 3,
        crashes: 3,
        kill_first: true,
    };
    proof.run().unwrap();
}

/// Protects: a run can be repeated: the same seed leads to the same bytes on the disk.
#[test]
fn a_seed_decides_everything() {
    let image = |seed: u64| {
        let disk = SimDisk::new(512, seed);
        disk.die_at(40 + seed);
        let proof = Proof {
            wrap: honest,
            sector: 512,
            workloads: 1,
            crashes: 1,
            kill_first: false,
        };
        proof.live(&disk, &mut Ledger::default(), 3, STEPS).unwrap();
        disk.crash(seed);
        let mut hasher = DefaultHasher::new();
        disk.paths()
            .into_iter()
            .for_each(|path| (disk.peek(&path), path).hash(&mut hasher));
        (disk.operations(), hasher.finish())
    };
    assert_eq!(image(7), image(7));
    assert_ne!(image(7), image(8));
}
