//! The last frame, cut at every byte, and what recovery does with the rest.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use koinon_base::{ErrorKind, Rng};
use koinon_io_wal::WalError;
use koinon_sim::SimDisk;

use crate::ledger::{Ledger, State, found};
use crate::workload::{DIR, open, run};

pub(crate) const SECTOR: usize = 512;

/// A log as a good life left it: its disk, and what it holds.
pub(crate) struct Kept {
    pub(crate) disk: SimDisk,
    pub(crate) state: State,
    pub(crate) first: u64,
}

/// Runs a workload to a clean end.
pub(crate) fn kept(seed: u64, steps: usize) -> Kept {
    let disk = SimDisk::new(SECTOR, seed);
    let (mut wal, _) = open(Arc::new(disk.clone()), SECTOR).unwrap();
    let mut ledger = Ledger::default();
    run(&mut wal, &mut ledger, &mut Rng::from_seed(seed), steps).unwrap();
    wal.sync().unwrap();
    ledger.acknowledge();
    let first = wal.first_index();
    Kept {
        disk,
        state: ledger.acknowledged,
        first,
    }
}

/// The segments, oldest first, with their bytes.
pub(crate) fn segments(disk: &SimDisk) -> Vec<(PathBuf, Vec<u8>)> {
    let paths = disk
        .paths()
        .into_iter()
        .filter(|path| path.extension().is_some_and(|ending| ending == "wal"));
    paths
        .map(|path| (path.clone(), disk.peek(&path).unwrap()))
        .collect()
}

/// A disk with these files only.
pub(crate) fn disk_with(files: &[(PathBuf, Vec<u8>)]) -> SimDisk {
    let disk = SimDisk::new(SECTOR, 1);
    disk.poke(&Path::new(DIR).join("LOCK"), b"");
    files.iter().for_each(|(path, bytes)| disk.poke(path, bytes));
    disk
}

/// Opens the log and answers everything it holds.
pub(crate) fn read(disk: &SimDisk) -> Result<State, WalError> {
    disk.kill();
    let (wal, recovered) = open(Arc::new(disk.clone()), SECTOR)?;
    Ok(found(&wal, &recovered).unwrap())
}

/// Where each frame of a segment begins, and where the last one ends; read without the log's own code.
pub(crate) fn frames(bytes: &[u8]) -> Vec<usize> {
    let mut borders = vec![0];
    loop {
        let at = borders[borders.len() - 1];
        let Some(header) = bytes.get(at..at + 12).filter(|header| header[4] != 0) else {
            return borders;
        };
        let len = u32::from_le_bytes(header[..4].try_into().unwrap()) as usize;
        borders.push(at + (12 + len + 1).next_multiple_of(8));
    }
}

/// The last segment that was written to.
pub(crate) fn last_used(files: &[(PathBuf, Vec<u8>)]) -> usize {
    files
        .iter()
        .rposition(|(_, bytes)| bytes.iter().any(|byte| *byte != 0))
        .unwrap()
}

/// Protects: however much of the last frame reached the disk, whether zeros or nothing follow, the log opens without it,
/// holds everything before it, and goes on: a later life finds what was written behind the cut.
#[test]
fn the_last_frame_may_be_cut_at_every_byte() {
    for seed in 0..8 {
        let Kept { disk, state, first } = kept(seed, 25);
        let files = segments(&disk);
        let last = last_used(&files);
        let borders = frames(&files[last].1);
        let (begin, end) = (borders[borders.len() - 2], borders[borders.len() - 1]);
        for cut in begin..end {
            for shorten in [false, true] {
                let mut files = files.clone();
                files[last].1[cut..].fill(0);
                if shorten {
                    files[last].1.truncate(cut);
                }
                let disk = disk_with(&files);
                let read = read(&disk).unwrap_or_else(|error| panic!("seed {seed}, cut at {cut}: {error}"));
                assert!(is_beginning(&read, &state, first), "seed {seed}, cut at {cut}");
                goes_on(&disk, read);
            }
        }
    }
}

/// All entries of `part` are those of `whole`, and at most the last frame's are missing.
fn is_beginning(part: &State, whole: &State, first: u64) -> bool {
    let whole: Vec<_> = whole
        .entries
        .iter()
        .filter(|entry| entry.index >= first)
        .collect();
    // The last frame may have been an entry that replaced others; then those are there again.
    let same = part
        .entries
        .iter()
        .zip(&whole)
        .take_while(|(left, right)| left == *right)
        .count();
    same + 1 >= whole.len()
}

fn goes_on(disk: &SimDisk, state: State) {
    disk.kill();
    let (mut wal, recovered) = open(Arc::new(disk.clone()), SECTOR).unwrap();
    let mut ledger = Ledger {
        acknowledged: state,
        since: Vec::new(),
        purged_below: recovered.first_index,
    };
    run(&mut wal, &mut ledger, &mut Rng::from_seed(5), 6).unwrap();
    wal.sync().unwrap();
    ledger.acknowledge();
    drop(wal);
    disk.crash(9);
    let (wal, recovered) = open(Arc::new(disk.clone()), SECTOR).unwrap();
    ledger.judge(&wal, &recovered).unwrap();
}

/// Protects: a cut is told, with the file and the number of bytes taken away, and only once.
#[test]
fn a_cut_is_told() {
    let files = segments(&kept(3, 25).disk);
    let last = last_used(&files);
    let borders = frames(&files[last].1);
    let end = borders[borders.len() - 1];
    let mut torn = files.clone();
    torn[last].1[end - 1] = 0;
    let disk = disk_with(&torn);
    let (wal, recovered) = open(Arc::new(disk.clone()), SECTOR).unwrap();
    let cut = recovered.cut.unwrap();
    assert_eq!(
        (cut.file, cut.offset as usize),
        (files[last].0.clone(), borders[borders.len() - 2])
    );
    assert!(cut.bytes > 0);
    drop(wal);
    assert_eq!(open(Arc::new(disk), SECTOR).unwrap().1.cut, None);
}

/// Protects: a frame cut anywhere but at the end of the last segment is no cut but damage.
#[test]
fn a_cut_in_an_older_segment_is_refused() {
    let files = segments(&kept(4, 60).disk);
    assert!(last_used(&files) > 0, "the workload fills more than one segment");
    let borders = frames(&files[0].1);
    let mut torn = files.clone();
    torn[0].1[borders[borders.len() - 1] - 1] = 0;
    let error = read(&disk_with(&torn)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(
        error.to_string().contains(files[0].0.to_str().unwrap()),
        "{error}"
    );
}
