//! Frames: how one record lies in a segment, and how to tell that it lies there whole.
//!
//! ```text
//! offset  0        4     5      6      8      12
//!         ┌────────┬─────┬──────┬──────┬──────┬─────────────┬─────────┬──────┐
//!         │ length │kind │check │blank │ crc  │ payload …   │ zeros … │ 0xA5 │   padded to a multiple of 8
//!         └────────┴─────┴──────┴──────┴──────┴─────────────┴─────────┴──────┘
//!          the first word               chain
//! ```
//!
//! Numbers are little-endian. `length` counts the payload. The rest serves one question, which is asked when the
//! checksum of the last frames does not hold: *was this cut off by a crash, or did it rot?*
//! - The first word is never zero (kinds begin with 1), and lies in one sector because frames begin at multiples of 8;
//!   `check` proves it by itself, so a length can be believed before the rest is read.
//! - The last byte is never zero, so a frame whose end is zeros was cut.
//! - `blank` counts the 512-byte sectors inside the frame that hold zeros only by right. Segments are filled with
//!   zeros before they are used, so a sector that was never written is blank: more blank ones than that were lost.
//!
//! `crc` is CRC-32 (ISO-HDLC) over the segment's mark, the frame's position, its first word and its payload with padding,
//! begun from the previous frame's: a chain through all segments, in which no frame can be left out, moved or
//! taken from a recycled segment's past. CRC-32C would do as well; in `crc32fast` this one costs the same at 300
//! bytes (34 ns against 37) and less above, and it is linked for gzip already.

/// The smallest unit that a disk writes whole.
pub(crate) const SECTOR: usize = 512;
/// Frames begin at multiples of this.
pub(crate) const ALIGN: usize = 8;
/// Before the payload.
pub(crate) const HEADER_LEN: usize = 12;
/// The longest payload: 16 MiB, whose sectors a `u16` still counts.
pub const PAYLOAD_MAX: usize = 16 * 1_024 * 1_024;

const END: u8 = 0xA5;
/// Makes the check of a word of zeros differ from zero.
const CHECK_SEED: u8 = 0x5A;

const _: () = assert!((PAYLOAD_MAX / SECTOR + 2) < u16::MAX as usize);

/// What a frame's checksum covers besides its own bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// The segment's own number (`segment::mark`).
    pub(crate) mark: u32,
    /// Where the frame begins in the segment.
    pub(crate) offset: u64,
    /// The checksum of the frame before.
    pub(crate) chain: u32,
}

/// A frame's first word, understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Word {
    pub(crate) payload_len: usize,
    pub(crate) kind: u8,
    pub(crate) blank: u16,
}

impl Word {
    /// `None` when these bytes are no first word: zeros, damaged, or longer than any frame.
    pub(crate) fn parse(bytes: [u8; 8]) -> Option<Self> {
        let payload_len = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as usize;
        let word = Self {
            payload_len,
            kind: bytes[4],
            blank: u16::from_le_bytes([bytes[6], bytes[7]]),
        };
        let right = word.kind != 0 && payload_len <= PAYLOAD_MAX && word.bytes() == bytes;
        right.then_some(word)
    }

    pub(crate) fn bytes(self) -> [u8; 8] {
        let len = u32::try_from(self.payload_len).unwrap_or(u32::MAX).to_le_bytes();
        let blank = self.blank.to_le_bytes();
        let mut bytes = [len[0], len[1], len[2], len[3], self.kind, 0, blank[0], blank[1]];
        bytes[5] = bytes
            .iter()
            .fold(CHECK_SEED, |check, byte| check.rotate_left(1) ^ byte);
        bytes
    }

    /// The whole frame's length in the segment.
    pub(crate) fn frame_len(self) -> usize {
        frame_len(self.payload_len)
    }
}

/// How long a frame with so long a payload is in the segment.
pub(crate) fn frame_len(payload_len: usize) -> usize {
    (HEADER_LEN + payload_len + 1).next_multiple_of(ALIGN)
}

/// Appends a frame to `out` and answers its checksum. The payload is given in parts so that none is copied twice.
pub(crate) fn encode(out: &mut Vec<u8>, place: Place, kind: u8, parts: &[&[u8]]) -> u32 {
    let payload_len = parts.iter().map(|part| part.len()).sum();
    let begin = out.len();
    let len = frame_len(payload_len);
    out.reserve(len);
    out.extend_from_slice(&[0; HEADER_LEN]);
    for part in parts {
        out.extend_from_slice(part);
    }
    out.resize(begin + len - 1, 0);
    out.push(END);
    let blank = blank_sectors(&out[begin..], place.offset, HEADER_LEN);
    let word = Word {
        payload_len,
        kind,
        blank,
    };
    out[begin..begin + 8].copy_from_slice(&word.bytes());
    let crc = checksum(&out[begin..], place);
    out[begin + 8..begin + HEADER_LEN].copy_from_slice(&crc.to_le_bytes());
    crc
}

/// The frame's checksum when `bytes`, a whole frame by its first word, are what [`encode`] made at this place.
pub(crate) fn verify(bytes: &[u8], word: Word, place: Place) -> Option<u32> {
    let crc = u32::from_le_bytes([bytes[8], bytes[9], bytes[10], bytes[11]]);
    let (padding, end) =
        bytes[HEADER_LEN + word.payload_len..].split_at(bytes.len() - HEADER_LEN - word.payload_len - 1);
    let right = crc == checksum(bytes, place)
        && end == [END]
        && is_blank(padding)
        && word.blank == blank_sectors(bytes, place.offset, HEADER_LEN);
    right.then_some(crc)
}

fn checksum(frame: &[u8], place: Place) -> u32 {
    let mut before = [0; 16];
    before[..4].copy_from_slice(&place.mark.to_le_bytes());
    // In units of 8, so that the longest segment's positions fit.
    let position = u32::try_from(place.offset / ALIGN as u64).unwrap_or(u32::MAX);
    before[4..8].copy_from_slice(&position.to_le_bytes());
    before[8..].copy_from_slice(&frame[..8]);
    let mut hasher = crc32fast::Hasher::new_with_initial(place.chain);
    hasher.update(&before);
    hasher.update(&frame[HEADER_LEN..]);
    hasher.finalize()
}

/// How many sectors of a frame at `offset` hold zeros only, of those that begin at its byte `from` or later.
/// The sector of the checksum is not counted when the frame is made (`from` is then behind it): it is not known yet.
pub(crate) fn blank_sectors(frame: &[u8], offset: u64, from: usize) -> u16 {
    let into_sector = usize::try_from(offset % SECTOR as u64).unwrap_or(0);
    let mut begin = (SECTOR - into_sector) % SECTOR;
    let mut blank = 0_u16;
    while begin < frame.len() {
        let end = frame.len().min(begin + SECTOR);
        if begin >= from && is_blank(&frame[begin..end]) {
            blank = blank.saturating_add(1);
        }
        begin = end;
    }
    blank
}

pub(crate) fn is_blank(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place = Place {
        mark: 7,
        offset: 4_088,
        chain: 99,
    };

    fn check(bytes: &[u8], place: Place) -> Option<u32> {
        let word = Word::parse(bytes.get(..8)?.try_into().unwrap())?;
        if word.frame_len() > bytes.len() {
            return None;
        }
        verify(&bytes[..word.frame_len()], word, place)
    }

    /// Protects: every byte of a frame is guarded: whichever bit flips, the frame is not taken, wherever it lies
    /// in its sectors and however much of its payload is zeros.
    #[test]
    fn no_flipped_bit_is_taken() {
        for payload in [&b"payload"[..], &[0; 3_000], b""] {
            let mut bytes = Vec::new();
            let crc = encode(&mut bytes, PLACE, 3, &[payload, b"!"]);
            assert_eq!(bytes.len() % ALIGN, 0);
            assert_eq!(check(&bytes, PLACE), Some(crc));
            for at in 0..bytes.len() {
                for bit in 0..8 {
                    bytes[at] ^= 1 << bit;
                    assert_eq!(check(&bytes, PLACE), None, "byte {at} bit {bit}");
                    bytes[at] ^= 1 << bit;
                }
            }
        }
    }

    /// Protects: a frame is only taken where it was written: not in another segment, at another position, or
    /// behind another frame.
    #[test]
    fn a_frame_belongs_to_its_place() {
        let mut bytes = Vec::new();
        encode(&mut bytes, PLACE, 3, &[b"payload"]);
        assert_eq!(check(&bytes, Place { mark: 8, ..PLACE }), None);
        assert_eq!(
            check(
                &bytes,
                Place {
                    offset: 4_096,
                    ..PLACE
                }
            ),
            None
        );
        assert_eq!(check(&bytes, Place { chain: 98, ..PLACE }), None);
    }

    /// Protects: sectors of zeros are counted where they are by right, so that a lost one is one too many.
    #[test]
    fn blank_sectors_are_counted() {
        let mut bytes = Vec::new();
        encode(&mut bytes, PLACE, 3, &[&[0; 3_000]]);
        let word = Word::parse(bytes[..8].try_into().unwrap()).unwrap();
        // 8 bytes before the border, then the checksum's sector, 4 blank ones, and the one with the end.
        assert_eq!(word.blank, 4);
        bytes[8..8 + SECTOR].fill(0);
        assert_eq!(blank_sectors(&bytes, PLACE.offset, 1), 5);
    }
}
