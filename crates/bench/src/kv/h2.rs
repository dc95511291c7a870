//! HTTP/2 as one side of gRPC needs it: frames, and heads that cost a byte for each field after the first request.
//!
//! A gRPC client names its fields once on a connection and then by their index; so does this, because spelling them out
//! would make the server work more than real clients do. Answers' heads are not decoded: a call that succeeded has a
//! message, one that was refused has none.

/// What a client says first, with its settings: no pushes, and windows that answers never fill.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
pub(super) const HEAD_LEN: usize = 9;
/// The most bytes that may be under way to us before we say that we read them.
pub(super) const WINDOW: u32 = (1 << 31) - 1;
/// What a connection may carry before its first settings.
const WINDOW_DEFAULT: u32 = 65_535;
/// A server's frames are no longer unless we allow it, and we do not.
pub(super) const FRAME_LEN_MAX: usize = 16_384;

pub(super) const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
pub(super) const RST_STREAM: u8 = 3;
pub(super) const SETTINGS: u8 = 4;
pub(super) const PING: u8 = 6;
pub(super) const GOAWAY: u8 = 7;
pub(super) const WINDOW_UPDATE: u8 = 8;

pub(super) const END_STREAM: u8 = 1;
pub(super) const ACK: u8 = 1;
const END_HEADERS: u8 = 4;
pub(super) const PADDED: u8 = 8;

/// A frame's head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) len: usize,
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) stream: u32,
}

impl Head {
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let [a, b, c, kind, flags, s0, s1, s2, s3, ..] = *bytes else {
            return None;
        };
        Some(Self {
            len: usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c),
            kind,
            flags,
            stream: u32::from_be_bytes([s0, s1, s2, s3]) & WINDOW,
        })
    }

    fn write(self, out: &mut Vec<u8>) {
        let [_, .., a, b, c] = (self.len as u64).to_be_bytes();
        out.extend([a, b, c, self.kind, self.flags]);
        out.extend(self.stream.to_be_bytes());
    }
}

pub(super) fn frame(out: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    let head = Head {
        len: payload.len(),
        kind,
        flags,
        stream,
    };
    head.write(out);
    out.extend_from_slice(payload);
}

/// Preface, settings, and the connection's window.
pub(super) fn greet(out: &mut Vec<u8>) {
    const ENABLE_PUSH: u8 = 2;
    const INITIAL_WINDOW_SIZE: u8 = 4;
    out.extend_from_slice(PREFACE);
    let mut settings = vec![0, ENABLE_PUSH, 0, 0, 0, 0, 0, INITIAL_WINDOW_SIZE];
    settings.extend(WINDOW.to_be_bytes());
    frame(out, SETTINGS, 0, 0, &settings);
    frame(out, WINDOW_UPDATE, 0, 0, &(WINDOW - WINDOW_DEFAULT).to_be_bytes());
}

/// A gRPC call's head.
pub(super) fn headers(out: &mut Vec<u8>, stream: u32, table: &mut Table, path: &'static str) {
    let at = out.len();
    out.resize(at + HEAD_LEN, 0);
    table.write(out, path);
    let head = Head {
        len: out.len() - at - HEAD_LEN,
        kind: HEADERS,
        flags: END_HEADERS,
        stream,
    };
    let mut bytes = Vec::with_capacity(HEAD_LEN);
    head.write(&mut bytes);
    out[at..at + HEAD_LEN].copy_from_slice(&bytes);
}

/// A gRPC message in one DATA frame; `last` when the client has nothing more to say.
pub(super) fn message(out: &mut Vec<u8>, stream: u32, message: &[u8], last: bool) {
    const PREFIX_LEN: usize = 5;
    let head = Head {
        len: message.len() + PREFIX_LEN,
        kind: DATA,
        flags: if last { END_STREAM } else { 0 },
        stream,
    };
    head.write(out);
    out.push(0);
    out.extend((message.len() as u32).to_be_bytes());
    out.extend_from_slice(message);
}

/// The fields that a connection has named so far, oldest first.
#[derive(Debug)]
pub(super) struct Table {
    authority: String,
    named: Vec<&'static str>,
}

/// Fields in the order in which every call names them, but for the path: index of the name in the static table (0 for a
/// name of its own), name, value.
const FIELDS: [(u8, &str, &str); 3] = [
    (31, "content-type", "application/grpc"),
    (58, "user-agent", "koinon-bench"),
    (0, "te", "trailers"),
];
const METHOD_POST: u8 = 0x83;
const SCHEME_HTTP: u8 = 0x86;
const AUTHORITY: u8 = 1;
const PATH: u8 = 4;
/// The first index behind the static table.
const DYNAMIC_FIRST: usize = 62;

impl Table {
    pub(super) fn new(authority: String) -> Self {
        Self {
            authority,
            named: Vec::new(),
        }
    }

    fn write(&mut self, out: &mut Vec<u8>, path: &'static str) {
        out.extend([METHOD_POST, SCHEME_HTTP]);
        if !self.write_index(out, path) {
            self.name(out, (PATH, ":path", path), path);
        }
        if !self.write_index(out, ":authority") {
            let authority = self.authority.clone();
            self.name(out, (AUTHORITY, ":authority", &authority), ":authority");
        }
        for field in FIELDS {
            if !self.write_index(out, field.1) {
                self.name(out, field, field.1);
            }
        }
    }

    /// Whether the field was named before.
    fn write_index(&self, out: &mut Vec<u8>, what: &str) -> bool {
        let Some(at) = self.named.iter().position(|named| *named == what) else {
            return false;
        };
        // The youngest is the first. A handful of paths keeps this far below 127, where an index is one byte.
        let index = DYNAMIC_FIRST + self.named.len() - 1 - at;
        out.push(0x80 | index as u8);
        true
    }

    /// A literal that is to be remembered. All texts are shorter than 127 bytes.
    fn name(&mut self, out: &mut Vec<u8>, (index, name, value): (u8, &str, &str), what: &'static str) {
        out.push(0x40 | index);
        if index == 0 {
            out.push(name.len() as u8);
            out.extend_from_slice(name.as_bytes());
        }
        out.push(value.len() as u8);
        out.extend_from_slice(value.as_bytes());
        self.named.push(what);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects: frames come back as they were written.
    #[test]
    fn heads_are_read_as_written() {
        let mut out = Vec::new();
        message(&mut out, 5, b"abc", true);
        let head = Head::read(&out).unwrap();
        let expected = Head {
            len: 8,
            kind: DATA,
            flags: END_STREAM,
            stream: 5,
        };
        assert_eq!(head, expected);
        assert_eq!(&out[HEAD_LEN..], b"\0\0\0\0\x03abc");
        assert_eq!(Head::read(&out[..8]), None);
    }

    /// Protects: the second call costs a byte for each field, and the indices are those of RFC 7541: the youngest first.
    #[test]
    fn fields_are_named_once() {
        let mut table = Table::new("a:1".into());
        let mut first = Vec::new();
        table.write(&mut first, "/p");
        assert!(first.starts_with(b"\x83\x86\x44\x02/p\x41\x03a:1\x5f\x10application/grpc\x7a"));
        assert!(first.ends_with(b"\x40\x02te\x08trailers"));
        let mut second = Vec::new();
        table.write(&mut second, "/p");
        assert_eq!(second, [0x83, 0x86, 0xc2, 0xc1, 0xc0, 0xbf, 0xbe]);
        let mut other = Vec::new();
        table.write(&mut other, "/q");
        // Naming the path made every other field one older.
        assert_eq!(other, *b"\x83\x86\x44\x02/q\xc2\xc1\xc0\xbf");
    }
}
