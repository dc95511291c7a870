//! A view into a file that moves forward: what is asked for is in memory, the rest is not.
//!
//! Segments are read from beginning to end, frames of some hundred bytes in files of many MiB, so a buffer is kept
//! and filled in large reads. It grows to the longest frame at most.

use std::io;

use koinon_io_disk::DiskFile;

/// Read at once.
const READ_LEN: usize = 256 * 1_024;

/// The window.
#[derive(Debug)]
pub(crate) struct Window {
    buffer: Vec<u8>,
    /// Where in the file the buffer begins.
    start: u64,
    file_len: u64,
}

impl Window {
    pub(crate) fn new(file: &dyn DiskFile) -> io::Result<Self> {
        Ok(Self {
            buffer: Vec::new(),
            start: 0,
            file_len: file.len()?,
        })
    }

    /// The bytes from `offset` on: `len` of them, or as many as the file has.
    pub(crate) fn bytes(&mut self, file: &dyn DiskFile, offset: u64, len: usize) -> io::Result<&[u8]> {
        let len = usize::try_from(self.file_len.saturating_sub(offset))
            .unwrap_or(usize::MAX)
            .min(len);
        let held = self.start..=self.start + self.buffer.len() as u64;
        if !(held.contains(&offset) && held.contains(&(offset + len as u64))) {
            self.fill(file, offset, len)?;
        }
        let begin = usize::try_from(offset - self.start).unwrap_or(usize::MAX);
        Ok(&self.buffer[begin..begin + len])
    }

    fn fill(&mut self, file: &dyn DiskFile, offset: u64, len: usize) -> io::Result<()> {
        let rest = usize::try_from(self.file_len - offset.min(self.file_len)).unwrap_or(usize::MAX);
        self.buffer.clear();
        self.start = offset;
        self.buffer.resize(rest.min(len.max(READ_LEN)), 0);
        let read = file.read_exact_at(&mut self.buffer, offset);
        if read.is_err() {
            self.buffer.clear();
        }
        read
    }
}

/// The position behind the file's last byte that is not zero: 0 for a file of zeros. Reads backwards, and stops there.
pub(crate) fn used_end(file: &dyn DiskFile) -> io::Result<u64> {
    let mut end = file.len()?;
    let mut buffer = vec![0; READ_LEN];
    while end > 0 {
        let len = usize::try_from(end).unwrap_or(usize::MAX).min(READ_LEN);
        let start = end - len as u64;
        file.read_exact_at(&mut buffer[..len], start)?;
        if let Some(last) = last_used(&buffer[..len]) {
            return Ok(start + last as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}

fn last_used(bytes: &[u8]) -> Option<usize> {
    // Whole blocks first: most of what is looked at is zeros, and comparing blocks is as fast as reading them.
    let mut end = bytes.len();
    while end >= 64 && bytes[end - 64..end] == [0; 64] {
        end -= 64;
    }
    bytes[..end].iter().rposition(|byte| *byte != 0)
}
