//! What may stand in a request line or a header, and how what may not is written instead.
//!
//! One law: whatever comes from a request or a variable, nothing that leaves through here holds a control
//! character, a space (in a path) or a line break, so a filter can never end a line early. Such characters are
//! percent-encoded, not dropped: what arrives still tells what was sent.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};

/// All but the characters of RFC 3986's `pchar`.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'!')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'+')
    .remove(b',')
    .remove(b';')
    .remove(b'=')
    .remove(b':')
    .remove(b'@');
const PATH: &AsciiSet = &SEGMENT.remove(b'/');
/// What ends a path or a request line.
const NOT_IN_RAW_PATH: &AsciiSet = &CONTROLS.add(b' ').add(b'?').add(b'#');
/// What ends a URL in a header.
const NOT_IN_RAW_URL: &AsciiSet = &CONTROLS.add(b' ');

/// A decoded text as one segment of a path: `/` and `%` are encoded too.
pub(crate) fn encode_segment(text: &str) -> Cow<'_, str> {
    utf8_percent_encode(text, SEGMENT).into()
}

/// A decoded text as several segments of a path.
pub(crate) fn encode_path(text: &str) -> Cow<'_, str> {
    utf8_percent_encode(text, PATH).into()
}

/// A raw path, its escapes kept: only what would end it is encoded, and it starts with `/`.
pub(crate) fn raw_path(text: &str) -> Cow<'_, str> {
    let clean: Cow<'_, str> = utf8_percent_encode(text, NOT_IN_RAW_PATH).into();
    if clean.starts_with('/') {
        clean
    } else {
        Cow::Owned(format!("/{clean}"))
    }
}

/// A raw URL or query, its escapes kept.
pub(crate) fn raw_url(text: &str) -> Cow<'_, str> {
    utf8_percent_encode(text, NOT_IN_RAW_URL).into()
}

/// A text as a header's value: control characters are encoded, all else, UTF-8 included, stays.
pub(crate) fn header_value(text: &str) -> Cow<'_, str> {
    if !text.bytes().any(is_control) {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match u8::try_from(c) {
            Ok(byte) if is_control(byte) => clean.push_str(percent_encoding::percent_encode_byte(byte)),
            Ok(_) | Err(_) => clean.push(c),
        }
    }
    Cow::Owned(clean)
}

fn is_control(byte: u8) -> bool {
    byte < 0x20 || byte == 0x7f
}

/// Whether `name` is a header's name (RFC 9110's `token`).
pub(crate) fn is_token(name: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    !name.is_empty() && name.bytes().all(fits)
}

#[cfg(test)]
mod tests {
    use super::{encode_path, encode_segment, header_value, is_token, raw_path, raw_url};
    use proptest::prelude::*;

    #[test]
    fn each_place_keeps_what_belongs_there() {
        // protects: ordinary values arrive as they are, special ones encoded once
        assert_eq!(encode_segment("a b/c%é"), "a%20b%2Fc%25%C3%A9");
        assert_eq!(
            encode_segment("a-b_c.d~e!f$g&h'(i)*+,;=:@"),
            "a-b_c.d~e!f$g&h'(i)*+,;=:@"
        );
        assert_eq!(encode_path("/a b/c"), "/a%20b/c");
        assert_eq!(raw_path("/a%20b/c?x#y z"), "/a%20b/c%3Fx%23y%20z");
        assert_eq!(raw_path("a"), "/a");
        assert_eq!(raw_url("/a?b=%20 c#d"), "/a?b=%20%20c#d");
        assert_eq!(
            header_value("é \"x\"\r\nSet-Cookie: a\t"),
            "é \"x\"%0D%0ASet-Cookie: a%09"
        );
        assert!(is_token("X-Request-Id") && !is_token("X Y") && !is_token("") && !is_token("X:"));
    }

    proptest! {
        #[test]
        fn nothing_ends_a_line(text in "\\PC*|[\\x00-\\x7f]{0,40}") {
            // protects: no variable can split a request or a response
            for made in [encode_segment(&text), encode_path(&text), raw_path(&text), raw_url(&text)] {
                prop_assert!(made.bytes().all(|b| (0x21..0x7f).contains(&b)), "{made:?}");
            }
            prop_assert!(header_value(&text).bytes().all(|b| b >= 0x20 && b != 0x7f));
            prop_assert!(!encode_segment(&text).contains('/'));
        }
    }
}
