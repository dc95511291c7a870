//! Zeros: what a segment is filled with, and what a cut is replaced by.

use std::io;

use koinon_io_disk::DiskFile;

/// Zeros written at once.
const ZEROS_LEN: usize = 64 * 1_024;

/// Fills a part of a file with zeros.
pub(crate) fn zero(file: &dyn DiskFile, from: u64, to: u64) -> io::Result<()> {
    let zeros = vec![0; ZEROS_LEN];
    let mut at = from;
    while at < to {
        let len = usize::try_from(to - at).unwrap_or(usize::MAX).min(ZEROS_LEN);
        file.write_at(&zeros[..len], at)?;
        at += len as u64;
    }
    Ok(())
}
