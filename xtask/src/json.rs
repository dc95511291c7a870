//! A small JSON reader for `cargo metadata`, so that xtask needs no dependency.
//!
//! It reads trusted output of cargo, yet keeps the project's habits: depth is bounded, errors say where.

use crate::error::{Error, Result};

/// `cargo metadata` nests about six levels.
const DEPTH_MAX: usize = 64;

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    /// Kept as text: nothing here calculates with a number.
    Number(String),
    Text(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let mut reader = Reader {
            bytes: text.as_bytes(),
            at: 0,
        };
        let value = reader.value(0)?;
        reader.space();
        if reader.at < reader.bytes.len() {
            Err(reader.error("the end of the text"))
        } else {
            Ok(value)
        }
    }

    /// The member `key` of an object; `Null` when there is none, so that lookups chain.
    pub(crate) fn get(&self, key: &str) -> &Json {
        match self {
            Self::Object(members) => members
                .iter()
                .find(|(name, _)| name == key)
                .map_or(&Self::Null, |(_, value)| value),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::Text(_) | Self::List(_) => &Self::Null,
        }
    }

    pub(crate) fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self {
            Some(text)
        } else {
            None
        }
    }

    pub(crate) fn list(&self) -> &[Json] {
        if let Self::List(items) = self { items } else { &[] }
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn value(&mut self, depth: usize) -> Result<Json> {
        if depth > DEPTH_MAX {
            return Err(self.error("fewer levels"));
        }
        self.space();
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.list(depth),
            Some(b'"') => self.string().map(Json::Text),
            Some(b't') => self.word("true", Json::Bool(true)),
            Some(b'f') => self.word("false", Json::Bool(false)),
            Some(b'n') => self.word("null", Json::Null),
            Some(b'-' | b'0'..=b'9') => Ok(self.number()),
            _ => Err(self.error("a value")),
        }
    }

    fn object(&mut self, depth: usize) -> Result<Json> {
        let mut members = Vec::new();
        self.at += 1;
        self.space();
        while self.peek() != Some(b'}') {
            if !members.is_empty() {
                self.expect(b',')?;
                self.space();
            }
            let key = self.string()?;
            self.space();
            self.expect(b':')?;
            members.push((key, self.value(depth + 1)?));
            self.space();
        }
        self.at += 1;
        Ok(Json::Object(members))
    }

    fn list(&mut self, depth: usize) -> Result<Json> {
        let mut items = Vec::new();
        self.at += 1;
        self.space();
        while self.peek() != Some(b']') {
            if !items.is_empty() {
                self.expect(b',')?;
            }
            items.push(self.value(depth + 1)?);
            self.space();
        }
        self.at += 1;
        Ok(Json::List(items))
    }

    fn string(&mut self) -> Result<String> {
        self.expect(b'"')?;
        let mut out = Vec::new();
        loop {
            match self.take() {
                Some(b'"') => return String::from_utf8(out).map_err(|_| self.error("UTF-8")),
                Some(b'\\') => {
                    let unescaped = self.escape()?;
                    out.extend_from_slice(unescaped.encode_utf8(&mut [0; 4]).as_bytes());
                }
                Some(byte) => out.push(byte),
                None => return Err(self.error("a closing quote")),
            }
        }
    }

    fn escape(&mut self) -> Result<char> {
        Ok(match self.take() {
            Some(b'n') => '\n',
            Some(b't') => '\t',
            Some(b'r') => '\r',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'u') => {
                let digits = self.bytes.get(self.at..self.at + 4).unwrap_or_default();
                let code = std::str::from_utf8(digits)
                    .ok()
                    .and_then(|hex| u32::from_str_radix(hex, 16).ok());
                self.at += 4;
                // A lone half of a surrogate pair: cargo prints none, and no name we compare holds one.
                char::from_u32(code.ok_or_else(|| self.error("four hex digits"))?).unwrap_or('\u{fffd}')
            }
            Some(byte @ (b'"' | b'\\' | b'/')) => char::from(byte),
            _ => return Err(self.error("an escape")),
        })
    }

    fn number(&mut self) -> Json {
        let start = self.at;
        while matches!(self.peek(), Some(b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9')) {
            self.at += 1;
        }
        Json::Number(String::from_utf8_lossy(&self.bytes[start..self.at]).into_owned())
    }

    fn word(&mut self, word: &str, value: Json) -> Result<Json> {
        if self.bytes[self.at..].starts_with(word.as_bytes()) {
            self.at += word.len();
            return Ok(value);
        }
        Err(self.error(word))
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8) -> Result<()> {
        if self.take() == Some(byte) {
            Ok(())
        } else {
            Err(self.error(&format!("`{}`", char::from(byte))))
        }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn take(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn error(&self, expected: &str) -> Error {
        Error::failed(format!("JSON at byte {}: expected {expected}", self.at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects: the shapes `cargo metadata` prints are read as they are.
    #[test]
    fn reads_what_cargo_prints() {
        let json =
            Json::parse(r#" {"a":[{"name":"x\"\\é\u0041","kind":null},{}],"n":-1.5e3,"t":true} "#).unwrap();
        assert_eq!(json.get("a").list()[0].get("name").text(), Some("x\"\\éA"));
        assert_eq!(json.get("a").list()[0].get("kind"), &Json::Null);
        assert_eq!(json.get("n"), &Json::Number("-1.5e3".into()));
        assert_eq!(json.get("t"), &Json::Bool(true));
        assert_eq!(json.get("nothing").get("below"), &Json::Null);
    }

    /// Protects: text that is no JSON is an error with a place, never a panic or an endless loop.
    #[test]
    fn refuses_what_is_no_json() {
        for text in [
            "",
            "{",
            "[1",
            "[1 2]",
            "{\"a\" 1}",
            "\"open",
            "\"\\u12",
            "tru",
            "{} x",
            "[,]",
            "\"\\x\"",
        ] {
            let error = Json::parse(text).unwrap_err().to_string();
            assert!(error.starts_with("JSON at byte"), "{text}: {error}");
        }
        assert!(Json::parse(&"[".repeat(100_000)).is_err());
    }
}
