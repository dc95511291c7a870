//! Durable bytes that change: whatever changes, it is refused with file and offset, or it was the very end of the log.

use std::path::PathBuf;

use koinon_base::ErrorKind;
use koinon_io_wal::WalError;

use crate::ledger::State;
use crate::torn::{Kept, disk_with, frames, kept, last_used, read, segments};

/// Opens the log with one byte changed, and checks the law. Answers whether it was refused.
fn refused(kept: &Kept, files: &[(PathBuf, Vec<u8>)], file: usize, at: usize, mask: u8) -> bool {
    let mut rotten = files.to_vec();
    rotten[file].1[at] ^= mask;
    let place = format!("{} byte {at} mask {mask:#x}", files[file].0.display());
    let last = last_used(files);
    let borders = frames(&files[file].1);
    let frame = borders.partition_point(|border| *border <= at) - 1;
    match read(&disk_with(&rotten)) {
        Err(WalError::Corrupt {
            file: named, offset, ..
        }) => {
            let offset = offset as usize;
            assert_eq!(named, files[file].0, "{place}: another file is named");
            let right = borders[frame.min(borders.len() - 1)] == offset;
            // A changed byte in the zeros behind the last frame is found there.
            assert!(
                right || offset == borders[borders.len() - 1],
                "{place}: offset {offset} is named"
            );
            true
        }
        Err(error) => {
            // A head that names another version or owner can only be the head.
            assert_eq!((error.kind(), frame), (ErrorKind::Invalid, 0), "{place}: {error}");
            true
        }
        Ok(state) => {
            assert_eq!(file, last, "{place}: taken, though not in the last segment");
            let behind = frame + 1 >= borders.len() - 1;
            assert!(
                behind,
                "{place}: taken, though not in the last frame or behind it"
            );
            assert!(
                nothing_else_lost(&state, kept),
                "{place}: more is gone than the last frame"
            );
            false
        }
    }
}

fn nothing_else_lost(state: &State, kept: &Kept) -> bool {
    let whole: Vec<_> = kept
        .state
        .entries
        .iter()
        .filter(|entry| entry.index >= kept.first)
        .collect();
    let same = state
        .entries
        .iter()
        .zip(&whole)
        .take_while(|(left, right)| left == *right)
        .count();
    same + 1 >= whole.len()
}

/// Protects: a flipped bit or a replaced byte at every position of every frame of every segment is refused, naming the
/// file and the frame; only the last frame's may be taken for a cut, and then nothing else is lost.
#[test]
fn no_changed_byte_is_taken() {
    let (mut tried, mut taken) = (0, 0);
    for seed in [1, 9] {
        let kept = kept(seed, 30);
        let files = segments(&kept.disk);
        for file in 0..=last_used(&files) {
            let borders = frames(&files[file].1);
            for at in 0..borders[borders.len() - 1] {
                for mask in [1 << (at % 8), 0xFF, files[file].1[at]] {
                    if mask != 0 {
                        tried += 1;
                        taken += u64::from(!refused(&kept, &files, file, at, mask));
                    }
                }
            }
        }
    }
    assert!(tried > 10_000, "{tried}");
    // The last byte of each log, when it becomes zero, is all that looks like a cut.
    assert!(taken <= 6, "{taken} of {tried} changes were taken for a cut");
}

/// Protects: every bit of one whole segment, for the positions that the other proof visits with three masks only.
#[test]
fn no_flipped_bit_is_taken() {
    let kept = kept(6, 14);
    let files = segments(&kept.disk);
    let last = last_used(&files);
    let borders = frames(&files[last].1);
    for at in 0..borders[borders.len() - 1] {
        for bit in 0..8 {
            refused(&kept, &files, last, at, 1 << bit);
        }
    }
}

/// Protects: what is written into the unused part of the last segment does not stop anybody, or is refused, but is never
/// taken for a part of the log.
#[test]
fn rubbish_behind_the_end_is_never_taken() {
    let kept = kept(2, 20);
    let files = segments(&kept.disk);
    let last = last_used(&files);
    let borders = frames(&files[last].1);
    for at in borders[borders.len() - 1]..files[last].1.len() {
        refused(&kept, &files, last, at, 0x81);
    }
}

/// Protects: a whole sector of zeros in the middle of what is durable is damage, though a crash leaves such sectors too:
/// later batches prove that this one was durable.
#[test]
fn a_lost_sector_is_no_cut() {
    let kept = kept(9, 30);
    let files = segments(&kept.disk);
    for file in 0..=last_used(&files) {
        let borders = frames(&files[file].1);
        let end = borders[borders.len() - 1];
        for sector in 0..end / 512 {
            let mut rotten = files.clone();
            rotten[file].1[sector * 512..sector * 512 + 512].fill(0);
            // The last batch may be cut anywhere; before it nothing may.
            let in_last_batch =
                file == last_used(&files) && sector * 512 + 512 > last_batch(&files[file].1, &borders);
            match read(&disk_with(&rotten)) {
                Err(error) => assert_eq!(error.kind(), ErrorKind::Corrupt, "sector {sector} of file {file}"),
                Ok(_) => assert!(
                    in_last_batch,
                    "sector {sector} of file {file} was taken for a cut"
                ),
            }
        }
    }
}

/// Where the last batch begins.
fn last_batch(bytes: &[u8], borders: &[usize]) -> usize {
    borders[..borders.len() - 1]
        .iter()
        .copied()
        .filter(|at| matches!(bytes[at + 4], 1 | 2))
        .max()
        .unwrap_or(0)
}

/// Protects: a missing segment in the middle is named.
#[test]
fn a_missing_segment_is_named() {
    let files = segments(&kept(4, 60).disk);
    assert!(last_used(&files) >= 2, "the workload fills three segments");
    let mut gap = files.clone();
    let gone = gap.remove(1);
    let error = read(&disk_with(&gap)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.to_string().contains(gone.0.to_str().unwrap()), "{error}");
}

/// Protects: segments that changed places, or come from another log, are refused.
#[test]
fn segments_in_wrong_places_are_refused() {
    let files = segments(&kept(4, 60).disk);
    let mut swapped = files.clone();
    let first = swapped[0].1.clone();
    swapped[0].1 = std::mem::replace(&mut swapped[1].1, first);
    assert_eq!(read(&disk_with(&swapped)).unwrap_err().kind(), ErrorKind::Corrupt);
    let mut mixed = files;
    let last = last_used(&mixed);
    let others = (5..50).flat_map(|seed| segments(&kept(seed, 60).disk));
    let other = others
        .into_iter()
        .find(|(path, bytes)| *path == mixed[last].0 && bytes.iter().any(|byte| *byte != 0));
    mixed[last].1 = other.unwrap().1;
    assert_eq!(read(&disk_with(&mixed)).unwrap_err().kind(), ErrorKind::Corrupt);
}
