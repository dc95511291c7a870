//! A request's path as patterns read it: separators and segments of the raw bytes, decoded only to be compared.
//!
//! A segment is compared without its `;parameters` and with its `%xx` decoded, once; a `%2F` therefore never
//! separates. Nothing is copied unless a segment has a `%`.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// A path, checked once per request.
#[derive(Debug, Clone, Copy)]
pub struct RawPath<'p> {
    text: &'p str,
    /// Neither `%` nor `;` in it: segments are compared as they are.
    plain: bool,
    valid: bool,
}

impl<'p> RawPath<'p> {
    /// Looks at `text` as it stands in the request line.
    #[must_use]
    pub fn new(text: &'p str) -> Self {
        let plain = !text.bytes().any(|b| matches!(b, b'%' | b';'));
        Self {
            text,
            plain,
            valid: plain || escapes_are_whole(text),
        }
    }

    /// The bytes as they were sent.
    #[must_use]
    pub fn as_str(&self) -> &'p str {
        self.text
    }

    /// Whether every `%` starts an escape; if not, no path pattern matches, as in Spring.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.valid
    }

    pub(crate) fn len(&self) -> usize {
        self.text.len()
    }

    pub(crate) fn is_separator(&self, at: usize) -> bool {
        self.text.as_bytes().get(at) == Some(&b'/')
    }

    /// The raw segment at `at` and where it ends; `None` at a separator or the end.
    pub(crate) fn segment(&self, at: usize) -> Option<(&'p str, usize)> {
        let rest = self.text.get(at..)?;
        let len = rest.find('/').unwrap_or(rest.len());
        (len > 0).then(|| (&rest[..len], at + len))
    }

    /// What a segment is compared as.
    pub(crate) fn compared(&self, segment: &'p str) -> Cow<'p, str> {
        if self.plain {
            return Cow::Borrowed(segment);
        }
        let without_parameters = segment.split(';').next().unwrap_or_default();
        percent_decode_str(without_parameters).decode_utf8_lossy()
    }

    /// Everything from `at` on, each segment as it is compared.
    pub(crate) fn rest(&self, at: usize) -> String {
        let rest = self.text.get(at..).unwrap_or_default();
        if self.plain {
            return rest.to_owned();
        }
        let segments: Vec<Cow<'_, str>> = rest.split('/').map(|s| self.compared(s)).collect();
        segments.join("/")
    }
}

fn escapes_are_whole(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.iter().enumerate().all(|(at, byte)| {
        *byte != b'%'
            || matches!(bytes.get(at + 1..at + 3), Some(pair) if pair.iter().all(u8::is_ascii_hexdigit))
    })
}
