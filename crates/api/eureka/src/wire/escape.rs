//! Texts as JSON and XML carry them.
//!
//! Almost no text needs escaping, so both routines look each byte up in a table and copy whole runs.

use super::DecodeError;

/// What stands for a byte inside a JSON string; empty: the byte itself.
static JSON: [&str; 256] = json_table();

/// What stands for a byte inside XML text; empty: the byte itself.
static XML: [&str; 256] = xml_table();

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

/// Appends `text` for the inside of an XML element.
pub(super) fn xml(out: &mut Vec<u8>, text: &str) {
    escape(out, text, &XML);
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

/// Whether every character with this byte may stand in XML. 0xEF begins U+FFFE and U+FFFF, which may not.
fn is_plain(byte: u8) -> bool {
    byte >= b' ' && byte != 0xef
}

fn is_xml_char(c: char) -> bool {
    (c >= ' ' && c != '\u{fffe}' && c != '\u{ffff}') || matches!(c, '\t' | '\n' | '\r')
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
