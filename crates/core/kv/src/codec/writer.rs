//! Writing numbers, lists and bytes.

/// How many bytes an unsigned number takes at most.
pub(super) const VARINT_BYTES_MAX: usize = 10;

pub(super) trait Write {
    fn byte(&mut self, byte: u8);
    fn unsigned(&mut self, number: u64);
    fn signed(&mut self, number: i64);
    fn bytes(&mut self, bytes: &[u8]);
    fn flag(&mut self, flag: bool);
}

impl Write for Vec<u8> {
    fn byte(&mut self, byte: u8) {
        self.push(byte);
    }

    /// Seven bits a byte, the lowest first; the highest bit says that there are more.
    fn unsigned(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.push((number & 0x7f) as u8 | 0x80);
            number >>= 7;
        }
        self.push(number as u8);
    }

    /// The sign becomes the lowest bit, so that small numbers are short whatever their sign.
    fn signed(&mut self, number: i64) {
        self.unsigned(((number << 1) ^ (number >> 63)) as u64);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.unsigned(bytes.len() as u64);
        self.extend_from_slice(bytes);
    }

    fn flag(&mut self, flag: bool) {
        self.push(u8::from(flag));
    }
}
