//! Reading numbers, lists and bytes, from bytes that nobody vouches for.

use bytes::{Buf, Bytes};

use super::CodecError;
use super::writer::VARINT_BYTES_MAX;

/// Bytes, read from the front.
pub(super) struct Reader {
    rest: Bytes,
}

impl Reader {
    pub(super) fn new(bytes: Bytes) -> Self {
        Self { rest: bytes }
    }

    pub(super) fn end(&self) -> Result<(), CodecError> {
        match self.rest.len() {
            0 => Ok(()),
            left => Err(CodecError::Trailing(left)),
        }
    }

    pub(super) fn byte(&mut self, what: &'static str) -> Result<u8, CodecError> {
        let byte = self.rest.first().copied().ok_or(CodecError::Truncated(what))?;
        self.rest.advance(1);
        Ok(byte)
    }

    pub(super) fn flag(&mut self, what: &'static str) -> Result<bool, CodecError> {
        match self.byte(what)? {
            0 => Ok(false),
            1 => Ok(true),
            number => Err(CodecError::Unknown { what, number }),
        }
    }

    pub(super) fn unsigned(&mut self, what: &'static str) -> Result<u64, CodecError> {
        let mut number = 0u64;
        for place in 0..VARINT_BYTES_MAX {
            let byte = self.byte(what)?;
            let bits = u64::from(byte & 0x7f);
            let shifted = bits << (7 * place);
            if shifted >> (7 * place) != bits {
                return Err(CodecError::OutOfBounds(what));
            }
            number |= shifted;
            if byte & 0x80 == 0 {
                // A last byte of 0 says nothing: the number has a shorter form.
                let longer = place > 0 && byte == 0;
                return if longer {
                    Err(CodecError::OutOfBounds(what))
                } else {
                    Ok(number)
                };
            }
        }
        Err(CodecError::OutOfBounds(what))
    }

    pub(super) fn signed(&mut self, what: &'static str) -> Result<i64, CodecError> {
        let number = self.unsigned(what)?;
        Ok((number >> 1) as i64 ^ -((number & 1) as i64))
    }

    pub(super) fn bytes(&mut self, what: &'static str) -> Result<Bytes, CodecError> {
        let length = self.unsigned(what)?;
        match usize::try_from(length) {
            Ok(length) if length <= self.rest.len() => Ok(self.rest.split_to(length)),
            Ok(_) | Err(_) => Err(CodecError::Truncated(what)),
        }
    }

    /// As many as it says there are. Each takes a byte at least, so no list is longer than what is left.
    pub(super) fn list<T>(
        &mut self,
        what: &'static str,
        mut item: impl FnMut(&mut Self) -> Result<T, CodecError>,
    ) -> Result<Vec<T>, CodecError> {
        let length = self.unsigned(what)?;
        match usize::try_from(length) {
            Ok(length) if length <= self.rest.len() => (0..length).map(|_| item(self)).collect(),
            Ok(_) | Err(_) => Err(CodecError::Truncated(what)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A number has one form, so what was damaged is not taken for something else that was written.
    #[test]
    fn a_number_has_one_form() {
        let read = |bytes: &'static [u8]| Reader::new(Bytes::from_static(bytes)).unsigned("number");
        assert!(matches!(read(&[0]), Ok(0)));
        assert!(matches!(read(&[0x81, 1]), Ok(129)));
        for longer in [b"\x80\0".as_slice(), b"\x81\0", b"\x81\x80\0"] {
            assert!(
                matches!(read(longer), Err(CodecError::OutOfBounds("number"))),
                "{longer:?}"
            );
        }
    }
}
