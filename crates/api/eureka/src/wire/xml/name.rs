//! Metadata keys as XML element names.
//!
//! A key can be any text, an element name cannot. The original's clients undo three escapes: `_-` for `$`, `__`
//! for `_`, and `_.` with four hexadecimal digits for a UTF-16 unit. The original leaves a colon alone, which
//! clients that know namespaces cannot parse, and letters that only the last edition of XML 1.0 allows; both are
//! escaped here.

/// What precedes the digits of a UTF-16 unit.
const HEX_PREFIX: &str = "_.";

/// How many digits a UTF-16 unit has.
const HEX_LEN: usize = 4;

/// Appends the element name for `key`.
pub(super) fn encode(out: &mut Vec<u8>, key: &str) {
    for (at, c) in key.char_indices() {
        match c {
            '_' => out.extend_from_slice(b"__"),
            '$' => out.extend_from_slice(b"_-"),
            _ if is_name_start(c) || (at > 0 && is_name_rest(c)) => {
                out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            }
            _ => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    hex(out, *unit);
                }
            }
        }
    }
}

fn hex(out: &mut Vec<u8>, unit: u16) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.extend_from_slice(HEX_PREFIX.as_bytes());
    for shift in [12, 8, 4, 0] {
        out.push(DIGITS[usize::from(unit >> shift & 0xf)]);
    }
}

/// Letters that may begin a name in every edition of XML 1.0: Latin ones, Chinese and Korean.
fn is_name_start(c: char) -> bool {
    c.is_ascii_alphabetic()
        || matches!(c, 'À'..='Ö' | 'Ø'..='ö' | 'ø'..='ÿ' | '\u{4e00}'..='\u{9fa5}' | '\u{ac00}'..='\u{d7a3}')
}

fn is_name_rest(c: char) -> bool {
    c.is_ascii_digit() || matches!(c, '-' | '.')
}

/// The key that an element name stands for. What is no escape stands for itself.
pub(super) fn decode(name: &str) -> String {
    let mut key = String::with_capacity(name.len());
    let mut rest = name;
    while let Some(at) = rest.find('_') {
        key.push_str(&rest[..at]);
        let (c, len) = escape(&rest[at..]);
        key.push(c);
        rest = &rest[at + len..];
    }
    key.push_str(rest);
    key
}

/// The character at the head of `text`, which begins with `_`, and the bytes it takes there.
fn escape(text: &str) -> (char, usize) {
    if text.starts_with("__") {
        return ('_', 2);
    }
    if text.starts_with("_-") {
        return ('$', 2);
    }
    let len = HEX_PREFIX.len() + HEX_LEN;
    let Some(first) = unit(text) else { return ('_', 1) };
    let second = text.get(len..).and_then(unit);
    match char::decode_utf16([Some(first), second].into_iter().flatten()).next() {
        Some(Ok(c)) => (c, len * c.len_utf16()),
        Some(Err(_)) | None => ('_', 1),
    }
}

fn unit(text: &str) -> Option<u16> {
    let digits = text.strip_prefix(HEX_PREFIX)?.get(..HEX_LEN)?;
    digits
        .bytes()
        .all(|digit| digit.is_ascii_hexdigit())
        .then(|| u16::from_str_radix(digits, 16).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(key: &str) -> String {
        let mut out = Vec::new();
        encode(&mut out, key);
        String::from_utf8(out).unwrap()
    }

    /// The original's clients know these escapes and no others.
    #[test]
    fn keys_are_escaped_as_the_originals_clients_expect() {
        assert_eq!(encoded("management.port"), "management.port");
        assert_eq!(encoded("my_key"), "my__key");
        assert_eq!(encoded("$x"), "_-x");
        assert_eq!(encoded("zürich"), "zürich");
        assert_eq!(encoded("a b"), "a_.0020b");
        assert_eq!(encoded("1st"), "_.0031st");
        assert_eq!(encoded("-"), "_.002d");
        assert_eq!(encoded("a:b"), "a_.003ab");
        assert_eq!(encoded("𝄞"), "_.d834_.dd1e");
    }

    /// A name that somebody else wrote must not fail only because it holds an underscore.
    #[test]
    fn what_is_no_escape_stands_for_itself() {
        for (name, key) in [
            ("a_b", "a_b"),
            ("_", "_"),
            ("_.", "_."),
            ("_.00g0", "_.00g0"),
            ("_.d834", "_.d834"),
            ("_.d834x", "_.d834x"),
            ("_.+041", "_.+041"),
            ("a__b_-c_.0041", "a_b$cA"),
        ] {
            assert_eq!(decode(name), key);
        }
    }

    /// Every key must come back as it went out.
    #[test]
    fn decoding_undoes_encoding() {
        for key in [
            "", "_", "__", "_.0041", "$_", "a$b_c d", "é", "漢字", "𝄞𝄞", "_-", "\u{7f}", "<>&\"'",
        ] {
            assert_eq!(decode(&encoded(key)), key);
        }
    }
}
