//! Texts as JSON and XML carry them.
//!
//! Almost no text needs escaping, so both routines look each byte up in a table and copy whole runs.

use super::DecodeError;

/// What stands for a byte inside a JSON string; empty: the byte itself.
static JSON: [&str; 256] = json_table();

/// What stands for a byte inside XML text; empty: the byte itself.
static XML: [&str; 256] = xml_table();

/// What a reader sees instead of a character that XML cannot carry. Such a text cannot come from Eureka's clients,
/// but from another front door.
const REPLACEMENT: &str = "\u{fffd}";

/// The two characters that XML leaves out besides control characters, and the byte with which both begin.
const NONCHARACTERS: [char; 2] = ['\u{fffe}', '\u{ffff}'];
const NONCHARACTER_BYTE: u8 = 0xef;

const CONTROL: [&str; 32] = [
    "\\u0000", "\\u0001", "\\u0002", "\\u0003", "\\u0004", "\\u0005", "\\u0006", "\\u0007", "\\b", "\\t",
    "\\n", "\\u000B", "\\f", "\\r", "\\u000E", "\\u000F", "\\u0010", "\\u0011", "\\u0012", "\\u0013",
    "\\u0014", "\\u0015", "\\u0016", "\\u0017", "\\u0018", "\\u0019", "\\u001A", "\\u001B", "\\u001C",
    "\\u001D", "\\u001E", "\\u001F",
];

const fn json_table() -> [&'static str; 256] {
    let mut table = [""; 256];
    let mut byte = 0;
    while byte < CONTROL.len() {
        table[byte] = CONTROL[byte];
        byte += 1;
    }
    table[b'"' as usize] = "\\\"";
    table[b'\\' as usize] = "\\\\";
    table
}

const fn xml_table() -> [&'static str; 256] {
    let mut table = [""; 256];
    let mut byte = 0;
    while byte < CONTROL.len() {
        table[byte] = REPLACEMENT;
        byte += 1;
    }
    table[b'\t' as usize] = "";
    table[b'\n' as usize] = "";
    table[b'&' as usize] = "&amp;";
    table[b'<' as usize] = "&lt;";
    table[b'>' as usize] = "&gt;";
    table[b'"' as usize] = "&quot;";
    table[b'\'' as usize] = "&apos;";
    // A bare carriage return would be read back as a line feed.
    table[b'\r' as usize] = "&#xd;";
    table[0x7f] = "&#x7f;";
    table
}

/// Appends `text` for the inside of a JSON string.
pub(super) fn json(out: &mut Vec<u8>, text: &str) {
    escape(out, text, &JSON);
}

/// Appends `text` for the inside of an XML element, with [`REPLACEMENT`] for what XML has no way to write.
pub(super) fn xml(out: &mut Vec<u8>, text: &str) {
    if text.as_bytes().contains(&NONCHARACTER_BYTE) && text.contains(NONCHARACTERS) {
        escape(out, &text.replace(NONCHARACTERS, REPLACEMENT), &XML);
    } else {
        escape(out, text, &XML);
    }
}

fn escape(out: &mut Vec<u8>, text: &str, table: &[&str; 256]) {
    let bytes = text.as_bytes();
    let mut run = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        let replacement = table[usize::from(byte)];
        if !replacement.is_empty() {
            out.extend_from_slice(&bytes[run..at]);
            out.extend_from_slice(replacement.as_bytes());
            run = at + 1;
        }
    }
    out.extend_from_slice(&bytes[run..]);
}

/// Appends a number.
pub(super) fn number(out: &mut Vec<u8>, value: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Refuses a text with a character that XML 1.0 has no way to write.
pub(super) fn check(field: &str, text: &str) -> Result<(), DecodeError> {
    if text.bytes().all(is_plain) || text.chars().all(is_xml_char) {
        return Ok(());
    }
    Err(DecodeError::field(
        field,
        "a text without control characters (XML clients could not be served)",
        text,
    ))
}

/// Whether every character with this byte may stand in XML.
fn is_plain(byte: u8) -> bool {
    byte >= b' ' && byte != NONCHARACTER_BYTE
}

fn is_xml_char(c: char) -> bool {
    (c >= ' ' && !NONCHARACTERS.contains(&c)) || matches!(c, '\t' | '\n' | '\r')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(escape: fn(&mut Vec<u8>, &str), text: &str) -> String {
        let mut out = Vec::new();
        escape(&mut out, text);
        String::from_utf8(out).unwrap()
    }

    /// A quote or an ampersand in a URL must not end the string around it.
    #[test]
    fn special_characters_are_replaced_and_runs_are_kept() {
        assert_eq!(written(json, "a\"b\\c\n\u{1}ä/"), "a\\\"b\\\\c\\n\\u0001ä/");
        assert_eq!(
            written(xml, "a<&>\"'\r\n\tä"),
            "a&lt;&amp;&gt;&quot;&apos;&#xd;\n\tä"
        );
        assert_eq!(written(json, ""), "");
        assert_eq!(
            written(xml, "a\u{0}\u{1f}\u{fffe}ﻼ\u{ffff}"),
            "a\u{fffd}\u{fffd}\u{fffd}ﻼ\u{fffd}"
        );
    }

    /// A character that XML cannot carry must be refused wherever it comes from.
    #[test]
    fn characters_that_xml_cannot_carry_are_refused() {
        for bad in ["\u{0}", "a\u{1f}", "\u{fffe}", "x\u{ffff}"] {
            assert!(check("f", bad).is_err(), "{bad:?}");
        }
        for good in ["", "a\tb\r\n", "ä", "\u{7f}\u{85}", "\u{fffd}", "\u{f900}", "𝄞"] {
            assert!(check("f", good).is_ok(), "{good:?}");
        }
    }
}
