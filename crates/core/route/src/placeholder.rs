//! `${name}`, `${name:default}` and `${nested.${name}}` in values.
//!
//! As Spring's binder fills them: a name nobody knows stays as it was written, `\${` is a plain `${`, and a value that
//! refers to itself is an error. Where Spring follows without bound, [`crate::limits`] ends it.

use thiserror::Error;

use crate::limits::{PLACEHOLDER_DEPTH_MAX, PLACEHOLDERS_MAX, VALUE_BYTES_MAX};

/// A value with its placeholders filled in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Filled {
    pub(crate) text: String,
    /// The names that nobody knew.
    pub(crate) unknown: Vec<String>,
    /// How many placeholders were followed.
    pub(crate) followed: usize,
}

/// Why a value cannot be filled in.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum PlaceholderError {
    #[error("the placeholder `{name}` leads back to itself")]
    Circle { name: String },
    #[error("placeholders nest or lead on more than {PLACEHOLDER_DEPTH_MAX} times")]
    Deep,
    #[error("more than {PLACEHOLDERS_MAX} placeholders are behind one value")]
    Many,
    #[error("with its placeholders filled in the value has more than {VALUE_BYTES_MAX} bytes")]
    Long,
}

/// Fills in `text`; `lookup` gives the value of a name as it was written, its own placeholders not filled in.
pub(crate) fn fill(text: &str, lookup: &dyn Fn(&str) -> Option<String>) -> Result<Filled, PlaceholderError> {
    let mut filler = Filler {
        lookup,
        path: Vec::new(),
        filled: Filled::default(),
    };
    let text = filler.fill(text, 0)?;
    let mut filled = filler.filled;
    filled.text = text;
    Ok(filled)
}

struct Filler<'l> {
    lookup: &'l dyn Fn(&str) -> Option<String>,
    /// The names whose values are being filled in.
    path: Vec<String>,
    filled: Filled,
}

impl Filler<'_> {
    fn fill(&mut self, text: &str, depth: usize) -> Result<String, PlaceholderError> {
        if depth > PLACEHOLDER_DEPTH_MAX {
            return Err(PlaceholderError::Deep);
        }
        let mut out = String::new();
        let mut left = text;
        while let Some(at) = left.find("${") {
            let (before, from) = left.split_at(at);
            if let Some(plain) = before.strip_suffix('\\') {
                out.push_str(plain);
                out.push_str("${");
                left = from.get(2..).unwrap_or_default();
                continue;
            }
            let Some(end) = end_of(from) else { break };
            out.push_str(before);
            let (whole, after) = from.split_at(end + 1);
            let inner = whole.get(2..end).unwrap_or_default();
            out.push_str(&self.one(whole, inner, depth)?);
            if out.len() > VALUE_BYTES_MAX {
                return Err(PlaceholderError::Long);
            }
            left = after;
        }
        out.push_str(left);
        Ok(out)
    }

    /// The value of one placeholder, or `whole` as it is.
    fn one(&mut self, whole: &str, inner: &str, depth: usize) -> Result<String, PlaceholderError> {
        self.filled.followed += 1;
        if self.filled.followed > PLACEHOLDERS_MAX {
            return Err(PlaceholderError::Many);
        }
        let (name, default) = match separator(inner) {
            Some(at) => (
                inner.get(..at).unwrap_or_default(),
                Some(inner.get(at + 1..).unwrap_or_default()),
            ),
            None => (inner, None),
        };
        let name = self.fill(name, depth + 1)?.replace("\\:", ":");
        if let Some(value) = (self.lookup)(&name) {
            return self.follow(name, &value, depth);
        }
        match default {
            Some(default) => self.fill(default, depth + 1),
            None => {
                self.filled.unknown.push(name);
                Ok(whole.to_owned())
            }
        }
    }

    fn follow(&mut self, name: String, value: &str, depth: usize) -> Result<String, PlaceholderError> {
        if self.path.contains(&name) {
            return Err(PlaceholderError::Circle { name });
        }
        self.path.push(name);
        let value = self.fill(value, depth + 1)?;
        self.path.pop();
        Ok(value)
    }
}

/// Where the `}` is that closes the `${` at the start of `text`; braces in between pair.
fn end_of(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 1 => return Some(at),
            b'}' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// Where the default begins: the first `:` outside of a nested placeholder that no `\` stands before.
fn separator(inner: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut escaped = false;
    for (at, byte) in inner.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => depth = depth.saturating_sub(1),
            b':' if depth == 0 && !escaped => return Some(at),
            _ => {}
        }
        escaped = byte == b'\\';
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{PlaceholderError, fill};

    fn lookup(name: &str) -> Option<String> {
        let value = match name {
            "host" => "example.org",
            "port" => "80",
            "which" => "host",
            "url" => "http://${host}:${port}",
            "self" => "a ${self}",
            "ping" => "${pong}",
            "pong" => "${ping}",
            "wide" => "${w1}${w1}${w1}${w1}${w1}${w1}${w1}${w1}",
            "w1" => "${w2}${w2}${w2}${w2}${w2}${w2}${w2}${w2}",
            "w2" => "${w3}${w3}${w3}${w3}${w3}${w3}${w3}${w3}",
            "w3" => "${w4}${w4}${w4}${w4}${w4}${w4}${w4}${w4}",
            "w4" => "x",
            _ => return None,
        };
        Some(value.to_owned())
    }

    #[test]
    fn placeholders_are_filled_in_as_spring_does() {
        // protects: what a file's placeholders become, and that a replacement's `${group}` survives
        let table = [
            ("${host}", "example.org"),
            ("a${host}b${port}c", "aexample.orgb80c"),
            ("${url}/x", "http://example.org:80/x"),
            ("${none:fallback}", "fallback"),
            ("${none:}", ""),
            ("${none:${host}}", "example.org"),
            ("${none:http://a:1}", "http://a:1"),
            ("${none:{a}}", "{a}"),
            ("${${which}}", "example.org"),
            ("${no${which}:d}", "d"),
            ("/${segment}", "/${segment}"),
            (r"/$\{segment}", r"/$\{segment}"),
            (r"\${host}", "${host}"),
            ("${host", "${host"),
            ("$host", "$host"),
            ("${}", "${}"),
            ("${port", "${port"),
        ];
        for (written, expected) in table {
            assert_eq!(fill(written, &lookup).unwrap().text, expected, "{written}");
        }
        assert_eq!(fill("${a}${host}${b:}", &lookup).unwrap().unknown, ["a"]);
    }

    #[test]
    fn circles_and_explosions_end() {
        // protects: a file whose placeholders refer to each other costs an error, not the process
        let circle = |name: &str| PlaceholderError::Circle {
            name: name.to_owned(),
        };
        assert_eq!(fill("${self}", &lookup).unwrap_err(), circle("self"));
        assert_eq!(fill("${ping}", &lookup).unwrap_err(), circle("ping"));
        assert_eq!(fill("${wide}", &lookup).unwrap_err(), PlaceholderError::Many);
        let deep = format!("{}a{}", "${".repeat(100), "}".repeat(100));
        assert_eq!(fill(&deep, &lookup).unwrap_err(), PlaceholderError::Deep);
        let long = |_: &str| Some("x".repeat(40_000));
        assert_eq!(fill("${a}${b}", &long).unwrap_err(), PlaceholderError::Long);
    }

    proptest! {
        #[test]
        fn no_value_panics(text in "[$\\\\{}:a-z.]{0,60}") {
            // protects: any mix of braces, escapes and separators ends, and without a placeholder stays as it is
            let filled = fill(&text, &lookup);
            if !text.contains("${") {
                prop_assert_eq!(filled.unwrap().text, text);
            }
        }
    }
}
