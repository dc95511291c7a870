//! CRC-32 after Castagnoli, with which etcd hashes its keys.

const TABLE: [u32; 256] = table();

const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut at = 0;
    while at < 256 {
        let mut sum = at as u32;
        let mut bit = 0;
        while bit < 8 {
            sum = if sum & 1 == 1 {
                (sum >> 1) ^ 0x82F6_3B78
            } else {
                sum >> 1
            };
            bit += 1;
        }
        table[at] = sum;
        at += 1;
    }
    table
}

/// A sum that is being made.
#[derive(Debug, Clone)]
pub struct Crc32c(u32);

impl Default for Crc32c {
    fn default() -> Self {
        Self(u32::MAX)
    }
}

impl Crc32c {
    /// Takes bytes in.
    pub fn add(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |sum, byte| {
            let [low, ..] = sum.to_le_bytes();
            TABLE.get(usize::from(low ^ byte)).copied().unwrap_or(0) ^ (sum >> 8)
        });
    }

    /// The sum of all bytes so far.
    #[must_use]
    pub fn sum(&self) -> u32 {
        !self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The check value that is published for this sum, and bytes in pieces.
    #[test]
    fn the_published_value_comes_out() {
        let mut crc = Crc32c::default();
        crc.add(b"1234");
        crc.add(b"56789");
        assert_eq!(crc.sum(), 0xE306_9283);
    }
}
