//! Reads values off bytes that may be anything: what is not there is an error, never a panic.

use bytes::Bytes;

use super::chunk::ChunkError;

/// What of a payload is not read yet.
#[derive(Debug)]
pub(super) struct Cursor<'a> {
    whole: &'a Bytes,
    at: usize,
}

impl<'a> Cursor<'a> {
    /// Reads `whole` from `at` on.
    pub(super) fn new(whole: &'a Bytes, at: usize) -> Self {
        Self { whole, at }
    }

    pub(super) fn is_done(&self) -> bool {
        self.at >= self.whole.len()
    }

    /// The next `len` bytes, in the memory of the whole.
    pub(super) fn bytes(&mut self, len: usize) -> Result<Bytes, ChunkError> {
        let end = self.at.checked_add(len).filter(|end| *end <= self.whole.len());
        let end = end.ok_or(ChunkError::Malformed("it ends within a value"))?;
        let bytes = self.whole.slice(self.at..end);
        self.at = end;
        Ok(bytes)
    }

    /// What is left.
    pub(super) fn rest(&mut self) -> Bytes {
        let rest = self.whole.slice(self.at.min(self.whole.len())..);
        self.at = self.whole.len();
        rest
    }

    pub(super) fn array<const LEN: usize>(&mut self) -> Result<[u8; LEN], ChunkError> {
        let mut array = [0; LEN];
        array.copy_from_slice(&self.bytes(LEN)?);
        Ok(array)
    }

    pub(super) fn u8(&mut self) -> Result<u8, ChunkError> {
        Ok(u8::from_be_bytes(self.array()?))
    }

    pub(super) fn u16(&mut self) -> Result<u16, ChunkError> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    pub(super) fn u32(&mut self) -> Result<u32, ChunkError> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    pub(super) fn u64(&mut self) -> Result<u64, ChunkError> {
        Ok(u64::from_be_bytes(self.array()?))
    }

    pub(super) fn i64(&mut self) -> Result<i64, ChunkError> {
        Ok(i64::from_be_bytes(self.array()?))
    }
}
