//! Header fields as places in one buffer.
//!
//! A head is copied once, out of the connection's buffer into its own, and never again: a field is two places in it.
//! A changed or added field is written behind the rest, and its places point there. So a head that passes through
//! costs one copy in and one copy out, and the buffer is reused for the next one.
//!
//! Invariant: every span lies within the buffer.

use std::fmt;

/// A place in a head's buffer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Span {
    at: u32,
    len: u32,
}

impl Span {
    pub(crate) fn is_empty(self) -> bool {
        self.len == 0
    }

    fn range(self) -> std::ops::Range<usize> {
        let at = self.at as usize;
        at..at + self.len as usize
    }

    /// A part of this place.
    pub(crate) fn part(self, from: usize, len: usize) -> Self {
        Self {
            at: self.at + from as u32,
            len: len as u32,
        }
    }

    /// This place but for its first bytes.
    pub(crate) fn without(self, bytes: usize) -> Self {
        self.part(bytes, (self.len as usize).saturating_sub(bytes))
    }

    /// Whether both begin at the same byte.
    pub(crate) fn starts_like(self, other: Self) -> bool {
        self.at == other.at
    }

    /// What comes before the first `byte`, and what comes behind it. `text` is what is at this place.
    pub(crate) fn split_at_byte(self, text: &[u8], byte: u8) -> (Self, Option<Self>) {
        match memchr::memchr(byte, text) {
            None => (self, None),
            Some(at) => (self.part(0, at), Some(self.part(at + 1, text.len() - at - 1))),
        }
    }
}

/// The names that decide about borders and connections, found out while parsing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// `Host`
    Host,
    /// `Connection`
    Connection,
    /// `Content-Length`
    ContentLength,
    /// `Transfer-Encoding`
    TransferEncoding,
    /// `Expect`
    Expect,
    /// `Upgrade`
    Upgrade,
    /// `TE`
    Te,
    /// `Trailer`
    Trailer,
    /// `Keep-Alive`
    KeepAlive,
    /// `Proxy-Authenticate`
    ProxyAuthenticate,
    /// `Proxy-Authorization`
    ProxyAuthorization,
    /// `Proxy-Connection`
    ProxyConnection,
    /// Any other.
    Other,
}

impl Known {
    /// Which of them a name is, in any case.
    #[must_use]
    pub fn of(name: &[u8]) -> Self {
        let (known, text) = match (name.len(), name.first().map(u8::to_ascii_lowercase)) {
            (2, Some(b't')) => (Self::Te, "te"),
            (4, Some(b'h')) => (Self::Host, "host"),
            (6, Some(b'e')) => (Self::Expect, "expect"),
            (7, Some(b'u')) => (Self::Upgrade, "upgrade"),
            (7, Some(b't')) => (Self::Trailer, "trailer"),
            (10, Some(b'c')) => (Self::Connection, "connection"),
            (10, Some(b'k')) => (Self::KeepAlive, "keep-alive"),
            (14, Some(b'c')) => (Self::ContentLength, "content-length"),
            (16, Some(b'p')) => (Self::ProxyConnection, "proxy-connection"),
            (17, Some(b't')) => (Self::TransferEncoding, "transfer-encoding"),
            (18, Some(b'p')) => (Self::ProxyAuthenticate, "proxy-authenticate"),
            (19, Some(b'p')) => (Self::ProxyAuthorization, "proxy-authorization"),
            _ => return Self::Other,
        };
        if name.eq_ignore_ascii_case(text.as_bytes()) {
            known
        } else {
            Self::Other
        }
    }
}

/// The names that decide about borders, without what joins their words.
const BORDERS: [&str; 2] = ["transferencoding", "contentlength"];

/// Whether a name is not one that decides about borders, but becomes one for a server that takes `_` for `-`, as those do
/// that hand header fields on as variables. Nobody sends such a name in good faith.
pub(crate) fn is_disguised(name: &[u8]) -> bool {
    let may_be = matches!(name, [b't' | b'T' | b'c' | b'C' | b'-' | b'_', ..]) && name.len() >= 13;
    if !may_be || Known::of(name) != Known::Other {
        return false;
    }
    let letters = || {
        name.iter()
            .filter(|byte| !matches!(byte, b'-' | b'_'))
            .map(u8::to_ascii_lowercase)
    };
    BORDERS.iter().any(|border| letters().eq(border.bytes()))
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    name: Span,
    value: Span,
    known: Known,
}

/// A field as it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field<'a> {
    /// As it was sent; compare without regard to case.
    pub name: &'a str,
    /// Without the white space around it.
    pub value: &'a [u8],
    /// Which of the decisive names it is.
    pub known: Known,
}

impl<'a> Field<'a> {
    /// The value, if it is UTF-8 (all that clients send in practice is ASCII).
    #[must_use]
    pub fn text(&self) -> Option<&'a str> {
        std::str::from_utf8(self.value).ok()
    }
}

/// The fields of a head, and the buffer that holds everything in it.
#[derive(Clone, Default)]
pub struct Fields {
    buffer: Vec<u8>,
    entries: Vec<Entry>,
}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self
            .iter()
            .map(|field| (field.name, String::from_utf8_lossy(field.value)));
        f.debug_map().entries(shown).finish()
    }
}

/// The longest buffer: a head and everything that filters may put in place of its parts.
const BUFFER_LEN_MAX: usize = 4 * 1024 * 1024;
/// A buffer that grew larger than this is not kept for the next head.
const BUFFER_KEPT_MAX: usize = 16 * 1024;

impl Fields {
    pub(crate) fn clear(&mut self) {
        self.entries.clear();
        if self.buffer.capacity() > BUFFER_KEPT_MAX {
            self.buffer = Vec::new();
        } else {
            self.buffer.clear();
        }
    }

    /// Puts bytes into the buffer, but not beyond 4 MiB; no head comes near.
    pub(crate) fn hold(&mut self, bytes: &[u8]) -> Option<Span> {
        let at = self.buffer.len();
        if bytes.len() > BUFFER_LEN_MAX.saturating_sub(at) {
            return None;
        }
        self.buffer.extend_from_slice(bytes);
        Some(Span {
            at: at as u32,
            len: bytes.len() as u32,
        })
    }

    /// Puts the rest of a line into the buffer, behind its name and as it will be written; gives the value's place.
    fn hold_rest_of_line(&mut self, value: &[u8]) -> Option<Span> {
        self.hold(b": ")?;
        let value = self.hold(trimmed(value))?;
        self.hold(b"\r\n")?;
        Some(value)
    }

    /// A copy of two places, one behind the other with `between` between them; `None` when the buffer would be too long.
    pub(crate) fn join(&mut self, first: Span, between: &[u8], second: Span) -> Option<Span> {
        let (at, len) = (
            self.buffer.len(),
            first.len as usize + between.len() + second.len as usize,
        );
        if at + len > BUFFER_LEN_MAX {
            return None;
        }
        self.buffer.extend_from_within(first.range());
        self.buffer.extend_from_slice(between);
        self.buffer.extend_from_within(second.range());
        Some(Span {
            at: at as u32,
            len: len as u32,
        })
    }

    /// The place of `part`, which is a slice of `whole`, when `whole` was put at the buffer's beginning.
    pub(crate) fn place(whole: &[u8], part: &[u8]) -> Span {
        let at = (part.as_ptr() as usize).wrapping_sub(whole.as_ptr() as usize);
        if part.is_empty() || at > whole.len() {
            return Span::default();
        }
        Span {
            at: at as u32,
            len: part.len() as u32,
        }
    }

    pub(crate) fn at(&self, span: Span) -> &[u8] {
        let start = span.at as usize;
        self.buffer
            .get(start..start + span.len as usize)
            .unwrap_or_default()
    }

    /// What is UTF-8 by construction: names, methods, targets.
    pub(crate) fn text_at(&self, span: Span) -> &str {
        std::str::from_utf8(self.at(span)).unwrap_or_default()
    }

    pub(crate) fn push_placed(&mut self, name: Span, value: Span) {
        let known = Known::of(self.at(name));
        self.entries.push(Entry { name, value, known });
    }

    /// Whether a field has a name that others could take for one that decides about borders.
    pub(crate) fn has_disguised(&self) -> bool {
        let mut others = self.entries.iter().filter(|entry| entry.known == Known::Other);
        others.any(|entry| is_disguised(self.at(entry.name)))
    }

    fn field(&self, entry: &Entry) -> Field<'_> {
        Field {
            name: self.text_at(entry.name),
            value: self.at(entry.value),
            known: entry.known,
        }
    }

    /// All fields, in order.
    pub fn iter(&self) -> impl Iterator<Item = Field<'_>> {
        self.entries.iter().map(|entry| self.field(entry))
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The values of a name, in any case, in order.
    pub fn get_all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.entries
            .iter()
            .filter(move |entry| self.is_named(entry, name))
            .map(|entry| self.at(entry.value))
    }

    /// The first value of a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.entries
            .iter()
            .find(|entry| self.is_named(entry, name))
            .map(|entry| self.at(entry.value))
    }

    /// The first value of a name, if it is UTF-8.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        std::str::from_utf8(self.get(name)?).ok()
    }

    /// The values of one of the decisive names, in order.
    pub fn known(&self, known: Known) -> impl Iterator<Item = &[u8]> {
        self.entries
            .iter()
            .filter(move |entry| entry.known == known)
            .map(|entry| self.at(entry.value))
    }

    /// The members of the comma-separated lists under one of the decisive names, trimmed, without empty ones.
    pub fn members(&self, known: Known) -> impl Iterator<Item = &[u8]> {
        self.known(known)
            .flat_map(|value| value.split(|byte| *byte == b','))
            .map(<[u8]>::trim_ascii)
            .filter(|member| !member.is_empty())
    }

    /// Adds a field behind the others. White space around the value is not part of it, as in every field.
    ///
    /// # Errors
    /// Gives `false` and adds nothing when the name is no token or the value has a control character: whoever could
    /// write a line end here could write a second message. And when the head has grown out of all proportion.
    #[must_use = "a field that is not valid is not added"]
    pub fn add(&mut self, name: &str, value: &[u8]) -> bool {
        if !is_token(name.as_bytes()) || is_disguised(name.as_bytes()) || !is_value(value) {
            return false;
        }
        let Some(name) = self.hold(name.as_bytes()) else {
            return false;
        };
        let Some(value) = self.hold_rest_of_line(value) else {
            return false;
        };
        self.push_placed(name, value);
        true
    }

    /// Replaces all fields of a name by one, at the place of the first, or adds it.
    #[must_use = "a field that is not valid is not set"]
    pub fn set(&mut self, name: &str, value: &[u8]) -> bool {
        let Some(first) = self.entries.iter().position(|entry| self.is_named(entry, name)) else {
            return self.add(name, value);
        };
        if !is_value(value) {
            return false;
        }
        let name_there = self
            .entries
            .get(first)
            .map(|entry| entry.name)
            .unwrap_or_default();
        let Some(name_held) = self.join(name_there, b"", Span::default()) else {
            return false;
        };
        let Some(value) = self.hold_rest_of_line(value) else {
            return false;
        };
        let mut index = 0;
        let buffer = &self.buffer;
        self.entries.retain(|entry| {
            index += 1;
            index - 1 <= first || !named(buffer, entry, name)
        });
        if let Some(entry) = self.entries.get_mut(first) {
            (entry.name, entry.value) = (name_held, value);
        }
        true
    }

    /// Removes all fields of a name; says whether there was one.
    pub fn remove(&mut self, name: &str) -> bool {
        let before = self.entries.len();
        let buffer = &self.buffer;
        self.entries.retain(|entry| !named(buffer, entry, name));
        self.entries.len() < before
    }

    /// Removes the fields for which `unwanted` says so.
    pub fn remove_if(&mut self, mut unwanted: impl FnMut(Field<'_>) -> bool) {
        let buffer = &self.buffer;
        self.entries.retain(|entry| {
            !unwanted(Field {
                name: std::str::from_utf8(slice(buffer, entry.name)).unwrap_or_default(),
                value: slice(buffer, entry.value),
                known: entry.known,
            })
        });
    }

    /// Whether there is a field of which `which` says so. Cheaper than looking at names.
    pub fn has_known(&self, which: impl Fn(Known) -> bool) -> bool {
        self.entries.iter().any(|entry| which(entry.known))
    }

    /// Removes the fields for which `unwanted` says so by their name alone.
    pub fn remove_named(&mut self, mut unwanted: impl FnMut(&[u8], Known) -> bool) {
        let buffer = &self.buffer;
        self.entries
            .retain(|entry| !unwanted(slice(buffer, entry.name), entry.known));
    }

    /// Writes the field lines, and not the empty line.
    ///
    /// Lines that stand behind each other in the buffer as they are to be written go in one piece: a head that passes
    /// through unchanged is one copy, however many fields it has.
    pub fn write(&self, out: &mut Vec<u8>) {
        let mut piece = 0..0;
        for entry in &self.entries {
            let Some(line) = self.line(entry) else {
                out.extend_from_slice(self.piece(&piece));
                piece = 0..0;
                self.write_line(entry, out);
                continue;
            };
            if line.start == piece.end {
                piece.end = line.end;
            } else {
                out.extend_from_slice(self.piece(&piece));
                piece = line;
            }
        }
        out.extend_from_slice(self.piece(&piece));
    }

    /// Where an entry's whole line stands, if it stands as it is to be written.
    fn line(&self, entry: &Entry) -> Option<std::ops::Range<usize>> {
        let (name, value) = (entry.name.range(), entry.value.range());
        let is_whole = value.start == name.end + 2
            && self.buffer.get(name.end..value.start) == Some(b": ")
            && self.buffer.get(value.end..value.end + 2) == Some(b"\r\n");
        is_whole.then_some(name.start..value.end + 2)
    }

    fn piece(&self, range: &std::ops::Range<usize>) -> &[u8] {
        self.buffer.get(range.clone()).unwrap_or_default()
    }

    fn write_line(&self, entry: &Entry, out: &mut Vec<u8>) {
        out.extend_from_slice(self.at(entry.name));
        out.extend_from_slice(b": ");
        out.extend_from_slice(self.at(entry.value));
        out.extend_from_slice(b"\r\n");
    }

    fn is_named(&self, entry: &Entry, name: &str) -> bool {
        named(&self.buffer, entry, name)
    }
}

fn slice(buffer: &[u8], span: Span) -> &[u8] {
    let start = span.at as usize;
    buffer.get(start..start + span.len as usize).unwrap_or_default()
}

fn named(buffer: &[u8], entry: &Entry, name: &str) -> bool {
    entry.name.len as usize == name.len() && slice(buffer, entry.name).eq_ignore_ascii_case(name.as_bytes())
}

/// A value without the white space around it: what a reader of it will see.
fn trimmed(value: &[u8]) -> &[u8] {
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t');
    let start = value
        .iter()
        .position(|byte| !is_space(byte))
        .unwrap_or(value.len());
    let end = value
        .iter()
        .rposition(|byte| !is_space(byte))
        .map_or(start, |last| last + 1);
    value.get(start..end).unwrap_or_default()
}

/// A token of RFC 9110 §5.6.2.
#[must_use]
pub fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|byte| is_token_byte(*byte))
}

pub(crate) fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// What a field's value may be: no control characters but the tab.
#[must_use]
pub fn is_value(text: &[u8]) -> bool {
    text.iter()
        .all(|byte| *byte == b'\t' || (*byte >= 0x20 && *byte != 0x7f))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(list: &[(&str, &str)]) -> Fields {
        let mut fields = Fields::default();
        for (name, value) in list {
            assert!(fields.add(name, value.as_bytes()));
        }
        fields
    }

    fn text(fields: &Fields) -> String {
        let mut out = Vec::new();
        fields.write(&mut out);
        String::from_utf8(out).unwrap()
    }

    /// Names are one name in any case; the order of what is left alone stays.
    #[test]
    fn fields_are_found_set_and_removed_in_any_case() {
        let mut fields = fields(&[("A", "1"), ("b", "2"), ("a", "3"), ("C", "4")]);
        assert_eq!(fields.get("B"), Some(&b"2"[..]));
        assert_eq!(fields.get_all("a").collect::<Vec<_>>(), [b"1", b"3"]);
        assert!(fields.set("a", b"new"));
        assert_eq!(text(&fields), "A: new\r\nb: 2\r\nC: 4\r\n");
        assert!(fields.remove("B") && !fields.remove("B"));
        assert!(fields.set("d", b"5"));
        assert_eq!(text(&fields), "A: new\r\nC: 4\r\nd: 5\r\n");
    }

    /// A value with a line end would be a second header, or a second message.
    #[test]
    fn what_would_break_a_line_is_not_added() {
        let mut fields = fields(&[("a", "1")]);
        assert!(!fields.add("x", b"1\r\nevil: 1"));
        assert!(!fields.add("x: y", b"1"));
        assert!(!fields.add("", b"1"));
        assert!(!fields.set("a", b"1\n2"));
        assert!(!fields.set("b", b"\0"));
        assert_eq!(text(&fields), "a: 1\r\n");
    }

    /// The decisive names are recognised in any case, and nothing like them.
    #[test]
    fn decisive_names_are_known() {
        assert_eq!(Known::of(b"transfer-ENCODING"), Known::TransferEncoding);
        assert_eq!(Known::of(b"Content-Length"), Known::ContentLength);
        assert_eq!(Known::of(b"Content_Length"), Known::Other);
        assert_eq!(Known::of(b"Host"), Known::Host);
        assert!(is_disguised(b"Content_Length") && is_disguised(b"_transfer--Encoding_"));
        assert!(!is_disguised(b"Content-Length") && !is_disguised(b"Content-Lengths"));
        assert_eq!(Known::of(b""), Known::Other);
    }
}
