//! The chunked coding (RFC 9112 §7.1).
//!
//! Strict: a size is 1 to 16 hexadecimal digits and nothing before them; an extension is `;name` or `;name=value`, is
//! bounded, and is dropped; a chunk ends in CR LF; the trailer has well-formed fields, none of them decisive.

use httparse::Header;

use crate::fields::{Fields, Known, is_token_byte, is_value};
use crate::{Part, Refusal};

/// The most bytes of all extensions of one chunk.
const EXTENSION_LEN_MAX: u16 = 256;
/// The most bytes of a trailer.
const TRAILER_LEN_MAX: usize = 8 * 1024;
const TRAILER_FIELDS_MAX: usize = 32;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum State {
    /// Before the first digit of a size.
    #[default]
    Size,
    Digits,
    /// Behind `;` or `=`: what must not be empty comes.
    NameStart,
    Name,
    ValueStart,
    Value,
    Quoted,
    QuotedPair,
    QuotedEnd,
    SizeLf,
    Data,
    DataCr,
    DataLf,
    Trailer,
    Ended,
}

/// Reads one chunked body.
#[derive(Debug, Default)]
pub struct ChunkedReader {
    state: State,
    /// The size so far, then what is left of the chunk's data.
    left: u64,
    digits: u8,
    extension_len: u16,
    trailer: Vec<u8>,
    trailer_fields: Fields,
}

impl ChunkedReader {
    pub(crate) fn has_ended(&self) -> bool {
        self.state == State::Ended
    }

    pub(crate) fn left_in_chunk(&self) -> u64 {
        if self.state == State::Data { self.left } else { 0 }
    }

    pub(crate) fn trailer(&self) -> Option<&Fields> {
        self.has_ended().then_some(&self.trailer_fields)
    }

    pub(crate) fn next(&mut self, bytes: &[u8]) -> Result<Part, Refusal> {
        let mut skip = 0;
        while self.state != State::Ended {
            if self.state == State::Data {
                let rest = bytes.len() - skip;
                let data = usize::try_from(self.left).unwrap_or(usize::MAX).min(rest);
                self.left -= data as u64;
                if self.left == 0 {
                    self.state = State::DataCr;
                }
                return Ok(Part {
                    skip,
                    data,
                    ended: false,
                });
            }
            let Some(byte) = bytes.get(skip) else { break };
            skip += 1;
            self.take(*byte)?;
        }
        Ok(Part {
            skip,
            data: 0,
            ended: self.has_ended(),
        })
    }

    /// One byte of framing.
    fn take(&mut self, byte: u8) -> Result<(), Refusal> {
        self.state = match (self.state, byte) {
            (State::Size | State::Digits, _) if byte.is_ascii_hexdigit() => self.digit(byte)?,
            (State::Digits | State::Name | State::Value | State::QuotedEnd, b'\r') => State::SizeLf,
            (State::Digits | State::Name | State::Value | State::QuotedEnd, b';') => State::NameStart,
            (State::NameStart | State::Name, _) if is_token_byte(byte) => State::Name,
            (State::Name, b'=') => State::ValueStart,
            (State::ValueStart, b'"') => State::Quoted,
            (State::ValueStart | State::Value, _) if is_token_byte(byte) => State::Value,
            (State::Quoted, b'"') => State::QuotedEnd,
            (State::Quoted, b'\\') => State::QuotedPair,
            (State::Quoted | State::QuotedPair, _) if is_value(&[byte]) => State::Quoted,
            (State::SizeLf, b'\n') if self.left == 0 => State::Trailer,
            (State::SizeLf, b'\n') => State::Data,
            (State::DataCr, b'\r') => State::DataLf,
            (State::DataLf, b'\n') => {
                (self.digits, self.extension_len) = (0, 0);
                State::Size
            }
            (State::Trailer, _) => self.trailer_byte(byte)?,
            _ => return Err(Refusal::Chunk),
        };
        let in_extension = !matches!(
            self.state,
            State::Size | State::Digits | State::Data | State::DataLf | State::Trailer | State::Ended
        );
        self.extension_len += u16::from(in_extension);
        if self.extension_len > EXTENSION_LEN_MAX {
            return Err(Refusal::Chunk);
        }
        Ok(())
    }

    fn digit(&mut self, byte: u8) -> Result<State, Refusal> {
        self.digits += 1;
        if self.digits > 16 {
            return Err(Refusal::Chunk);
        }
        let value = char::from(byte).to_digit(16).unwrap_or_default();
        self.left = (self.left << 4) | u64::from(value);
        Ok(State::Digits)
    }

    fn trailer_byte(&mut self, byte: u8) -> Result<State, Refusal> {
        self.trailer.push(byte);
        if self.trailer.len() > TRAILER_LEN_MAX {
            return Err(Refusal::Trailer);
        }
        if byte != b'\n' {
            return Ok(State::Trailer);
        }
        if !self.trailer.ends_with(b"\r\n") {
            return Err(Refusal::BareLineEnd);
        }
        let done = self.trailer == b"\r\n" || self.trailer.ends_with(b"\r\n\r\n");
        if !done {
            return Ok(State::Trailer);
        }
        self.read_trailer()?;
        Ok(State::Ended)
    }

    fn read_trailer(&mut self) -> Result<(), Refusal> {
        let mut room = [httparse::EMPTY_HEADER; TRAILER_FIELDS_MAX];
        let parsed: &[Header<'_>] = match httparse::parse_headers(&self.trailer, &mut room) {
            Ok(httparse::Status::Complete((len, parsed))) if len == self.trailer.len() => parsed,
            Ok(_) | Err(_) => return Err(Refusal::Trailer),
        };
        for header in parsed {
            let decisive = Known::of(header.name.as_bytes()) != Known::Other;
            // What is disguised is not added.
            if decisive || !self.trailer_fields.add(header.name, header.value) {
                return Err(Refusal::Trailer);
            }
        }
        Ok(())
    }
}

/// Writes the size line of a chunk of `len` bytes; its data and CR LF follow. `len` must not be 0, which ends a body.
pub fn write_chunk_start(out: &mut Vec<u8>, len: usize) {
    let mut digits = [0; 16];
    let mut at = digits.len();
    let mut rest = len;
    loop {
        at -= 1;
        if let Some(digit) = digits.get_mut(at) {
            *digit = b"0123456789abcdef"[rest & 15];
        }
        rest >>= 4;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(at..).unwrap_or_default());
    out.extend_from_slice(b"\r\n");
}

/// What ends a chunked body that has no trailer.
pub const LAST_CHUNK: &[u8] = b"0\r\n\r\n";
