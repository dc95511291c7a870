//! The end of the log after a crash: was the last write cut off, or have durable bytes changed?
//!
//! A batch is written to zeros, with one write, after everything before it is durable; only then the next one is.
//! So a crash leaves of the last batch any subset of its sectors, and zeros where the others were to be. From that:
//! - Bytes of a *later* batch prove that this one was durable: it rotted.
//! - A frame of which no part is missing, and which does not verify, rotted. Missing is what is zeros and was not
//!   (`frame.rs` says how that is known).
//! - Everything else is a cut. What it cuts was never acknowledged, or it was the very last frames and their end was
//!   replaced by zeros: no log can tell these two apart.

use std::io;

use koinon_io_disk::DiskFile;

use crate::frame::{self, ALIGN, Place, SECTOR, Word};
use crate::record::{BATCH, BATCH_LEN, Batch};
use crate::window::Window;

/// What is to be thought of the bytes from the last good frame on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tail {
    /// Zeros: nothing was being written.
    Clean,
    /// A write was cut off; what is left of it may be taken away.
    Cut,
    /// Damage, and how it is known.
    Rotten(&'static str),
}

/// Judges what begins at `at` and does not verify; `used_end` is the position behind the file's last byte that is not zero.
pub(crate) fn judge(file: &dyn DiskFile, mark: u32, at: u64, used_end: u64) -> io::Result<Tail> {
    if used_end <= at {
        return Ok(Tail::Clean);
    }
    if later_batch(file, mark, at, used_end)? {
        return Ok(Tail::Rotten(
            "it does not verify, and a later batch was written when it was durable already",
        ));
    }
    let mut window = Window::new(file)?;
    let first = window.bytes(file, at, 8)?;
    let Ok(first) = <[u8; 8]>::try_from(first) else {
        return Ok(Tail::Cut);
    };
    if first == [0; 8] {
        // The sector that it was to be in must be missing altogether.
        let border = (at / SECTOR as u64 + 1) * SECTOR as u64;
        let sector = usize::try_from(border - at).unwrap_or(SECTOR);
        let missing = frame::is_blank(window.bytes(file, at, sector)?);
        return Ok(if missing {
            Tail::Cut
        } else {
            Tail::Rotten("zeros where a frame began")
        });
    }
    if used_end <= at + 8 {
        return Ok(Tail::Cut);
    }
    let Some(word) = Word::parse(first) else {
        return Ok(Tail::Rotten("a frame's length and kind do not verify"));
    };
    let len = word.frame_len();
    if used_end < at + len as u64 {
        return Ok(Tail::Cut);
    }
    let bytes = window.bytes(file, at, len)?;
    // The first sector is not asked: the first word is in it.
    let missing = frame::blank_sectors(bytes, at, 1) > word.blank;
    Ok(if missing {
        Tail::Cut
    } else {
        Tail::Rotten("a frame's checksum does not hold")
    })
}

/// Whether a batch that was written when the bytes at `at` were durable begins behind them.
fn later_batch(file: &dyn DiskFile, mark: u32, at: u64, used_end: u64) -> io::Result<bool> {
    let len = frame::frame_len(BATCH_LEN);
    let word = Word {
        payload_len: BATCH_LEN,
        kind: BATCH,
        blank: 0,
    };
    let mut window = Window::new(file)?;
    let mut offset = (at + 1).next_multiple_of(ALIGN as u64);
    while offset + len as u64 <= used_end {
        let bytes = window.bytes(file, offset, len)?;
        if bytes[..8] == word.bytes() {
            let batch = Batch::parse(&bytes[frame::HEADER_LEN..frame::HEADER_LEN + BATCH_LEN]);
            if let Some(Batch { durable, chain }) = batch
                && durable > at
                && frame::verify(bytes, word, Place { mark, offset, chain }).is_some()
            {
                return Ok(true);
            }
        }
        offset += ALIGN as u64;
    }
    Ok(false)
}
