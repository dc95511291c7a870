//! Forms: `name=value` pairs of a query or a body. What comes first counts, and a body comes before the query.

use percent_encoding::percent_decode;

/// The pairs, decoded, in their order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Form(Vec<(Vec<u8>, Vec<u8>)>);

/// Why a text is no form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// A percent sign without two digits of base 16.
    #[error("invalid URL escape {0:?}")]
    Escape(String),
    /// Semicolons separated pairs once, and must not be mistaken for a value's.
    #[error("invalid semicolon separator in query")]
    Semicolon,
}

/// A value that is not of its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WrongKind;

impl Form {
    /// Adds the pairs of a text, behind those that are there.
    ///
    /// # Errors
    /// When a pair cannot be read; the others are added.
    pub fn add(&mut self, text: &[u8]) -> Result<(), FormError> {
        let mut first = Ok(());
        for pair in text.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
            match read(pair) {
                Ok(pair) => self.0.push(pair),
                Err(error) if first.is_ok() => first = Err(error),
                Err(_) => {}
            }
        }
        first
    }

    /// The first value of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.0
            .iter()
            .find(|(other, _)| other == name.as_bytes())
            .map(|(_, value)| value.as_slice())
    }

    /// A yes or no; no if it is not there.
    ///
    /// # Errors
    /// When it is neither.
    pub fn flag(&self, name: &str) -> Result<bool, WrongKind> {
        match self.get(name) {
            None | Some(b"0" | b"f" | b"F" | b"false" | b"FALSE" | b"False") => Ok(false),
            Some(b"1" | b"t" | b"T" | b"true" | b"TRUE" | b"True") => Ok(true),
            Some(_) => Err(WrongKind),
        }
    }

    /// A number; 0 if it is not there.
    ///
    /// # Errors
    /// When it is none.
    pub fn number(&self, name: &str) -> Result<u64, WrongKind> {
        let Some(digits) = self.get(name) else {
            return Ok(0);
        };
        if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
            return Err(WrongKind);
        }
        let digits = std::str::from_utf8(digits).map_err(|_| WrongKind)?;
        digits.parse().map_err(|_| WrongKind)
    }
}

fn read(pair: &[u8]) -> Result<(Vec<u8>, Vec<u8>), FormError> {
    if pair.contains(&b';') {
        return Err(FormError::Semicolon);
    }
    let cut = pair.iter().position(|byte| *byte == b'=');
    let (name, value) = match cut {
        Some(cut) => (pair.get(..cut), pair.get(cut + 1..)),
        None => (Some(pair), None),
    };
    Ok((
        unescape(name.unwrap_or_default())?,
        unescape(value.unwrap_or_default())?,
    ))
}

fn unescape(text: &[u8]) -> Result<Vec<u8>, FormError> {
    check_escapes(text)?;
    let spaced: Vec<u8> = text
        .iter()
        .map(|byte| if *byte == b'+' { b' ' } else { *byte })
        .collect();
    Ok(percent_decode(&spaced).collect())
}

/// Every percent sign must have its two digits.
pub(super) fn check_escapes(text: &[u8]) -> Result<(), FormError> {
    for (at, _) in text.iter().enumerate().filter(|(_, byte)| **byte == b'%') {
        let escape = text.get(at..text.len().min(at + 3)).unwrap_or_default();
        let digits = escape.get(1..).unwrap_or_default();
        if digits.len() < 2 || !digits.iter().all(u8::is_ascii_hexdigit) {
            return Err(FormError::Escape(String::from_utf8_lossy(escape).into_owned()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(text: &str) -> Form {
        let mut form = Form::default();
        form.add(text.as_bytes()).expect("a form");
        form
    }

    /// Odd forms are read as the original reads them.
    #[test]
    fn forms_are_read() {
        let read = form("a=1+2%26&a=2&&==&b");
        assert_eq!(read.get("a"), Some(b"1 2&".as_slice()));
        assert_eq!(read.get("b"), Some(b"".as_slice()));
        assert_eq!(read.get(""), Some(b"=".as_slice()));
        assert_eq!(read.get("c"), None);
        let mut odd = Form::default();
        assert_eq!(odd.add(b"v=%zz&w=1"), Err(FormError::Escape("%zz".into())));
        assert_eq!(odd.get("w"), Some(b"1".as_slice()), "what can be read is");
        assert_eq!(odd.add(b"v=1;w=2"), Err(FormError::Semicolon));
        assert_eq!(
            odd.add(b"v=%a").unwrap_err().to_string(),
            "invalid URL escape \"%a\""
        );
    }

    /// Flags and numbers have few forms, and an empty one is none of them.
    #[test]
    fn kinds_are_strict() {
        assert_eq!(form("x=T").flag("x"), Ok(true));
        assert_eq!(form("").flag("x"), Ok(false));
        for wrong in ["x=", "x=yes", "x"] {
            assert_eq!(form(wrong).flag("x"), Err(WrongKind), "{wrong}");
        }
        assert_eq!(form("x=18446744073709551615").number("x"), Ok(u64::MAX));
        for wrong in ["x=", "x=-1", "x=%2B1", "x=1.5", "x=18446744073709551616"] {
            assert_eq!(form(wrong).number("x"), Err(WrongKind), "{wrong}");
        }
    }
}
