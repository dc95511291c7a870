//! Java's `replaceAll`: `$1`, `${name}`, `\x`, and every occurrence, an empty one right after a match included.
//!
//! Spring lets a route file write `$\{name}` for `${name}`, so that the placeholder is not filled in on loading.

use super::regex::{Groups, JavaRegex};
use crate::limits::PATH_BYTES_MAX;

/// A replacement, checked against the expression it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replacement {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Group(usize),
}

impl Replacement {
    /// Reads `written` for `regex`.
    ///
    /// # Errors
    /// Says in words what is wrong: a group that the expression has not, or `$` or `\` with nothing behind it.
    pub fn new(written: &str, regex: &JavaRegex) -> Result<Self, String> {
        let text = written.replace("$\\", "$");
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text.as_str();
        while let Some(c) = rest.chars().next() {
            rest = &rest[c.len_utf8()..];
            match c {
                '\\' => {
                    let escaped = rest.chars().next().ok_or("a `\\` with nothing behind it")?;
                    rest = &rest[escaped.len_utf8()..];
                    literal.push(escaped);
                }
                '$' => {
                    let (group, after) = group(rest, regex)?;
                    rest = after;
                    if !literal.is_empty() {
                        parts.push(Part::Text(std::mem::take(&mut literal)));
                    }
                    parts.push(Part::Group(group));
                }
                _ => literal.push(c),
            }
        }
        if !literal.is_empty() {
            parts.push(Part::Text(literal));
        }
        Ok(Self { parts })
    }

    /// `text` with every match of `regex` replaced; `None` when that has more than [`PATH_BYTES_MAX`] bytes.
    #[must_use]
    pub fn replace_all(&self, regex: &JavaRegex, text: &str) -> Option<String> {
        let mut out = String::with_capacity(text.len() + 16);
        let (mut copied, mut from) = (0, 0);
        while from <= text.len() {
            let Some(groups) = regex.groups_at(text, from) else {
                break;
            };
            let Some(Some((start, end))) = groups.first().copied() else {
                break;
            };
            out.push_str(text.get(copied..start).unwrap_or_default());
            self.append(&groups, text, &mut out);
            copied = end;
            // after an empty match Java looks on from the next character, after any other from the match's end
            from = if end > start { end } else { next_border(text, end) };
            if out.len() > PATH_BYTES_MAX {
                return None;
            }
        }
        out.push_str(text.get(copied..).unwrap_or_default());
        (out.len() <= PATH_BYTES_MAX).then_some(out)
    }

    fn append(&self, groups: &Groups, text: &str, out: &mut String) {
        for part in &self.parts {
            match part {
                Part::Text(literal) => out.push_str(literal),
                Part::Group(number) => {
                    if let Some(Some((start, end))) = groups.get(*number) {
                        out.push_str(&text[*start..*end]);
                    }
                }
            }
        }
    }
}

/// The group named after a `$`, and what follows it.
fn group<'t>(rest: &'t str, regex: &JavaRegex) -> Result<(usize, &'t str), String> {
    if let Some(named) = rest.strip_prefix('{') {
        let (name, after) = named.split_once('}').ok_or("a `${` without its `}`")?;
        let number = regex
            .group_named(name)
            .ok_or_else(|| format!("`{}` has no group named {name:?}", regex.as_str()))?;
        return Ok((number, after));
    }
    // as many digits as still name a group, as in Java: `$12` is group 1 and a 2 when there are fewer than 12
    let mut number = None;
    let mut used = 0;
    for digit in rest.bytes().take_while(u8::is_ascii_digit) {
        let longer = number.unwrap_or(0_usize) * 10 + usize::from(digit - b'0');
        if number.is_some() && longer > regex.group_count() {
            break;
        }
        number = Some(longer);
        used += 1;
    }
    match number {
        Some(number) if number <= regex.group_count() => Ok((number, &rest[used..])),
        Some(number) => Err(format!("`{}` has no group {number}", regex.as_str())),
        None => Err("a `$` that names no group; write `\\$` for the character".to_owned()),
    }
}

fn next_border(text: &str, at: usize) -> usize {
    at + text[at..].chars().next().map_or(1, char::len_utf8)
}

#[cfg(test)]
mod tests {
    use super::{JavaRegex, Replacement};

    #[test]
    fn replaces_as_java_does() {
        // protects: rewrites of existing route files give the same path here as in Spring
        let table = [
            ("/foo/(?<segment>.*)", r"/$\{segment}", "/foo/a/b", "/a/b"),
            ("/foo/(?<segment>.*)", "/${segment}", "/foo/a", "/a"),
            ("/foo/(.*)", "/$1", "/foo/a", "/a"),
            ("/foo/(.*)", r"/$\1", "/foo/a", "/a"),
            ("/(a)(b)?", "/$12$2", "/a", "/a2"),
            (".*", "x", "abc", "xx"),
            ("o", "0", "/foo/boo", "/f00/b00"),
            ("/svc/?(?<remaining>.*)", "/${remaining}", "/svc", "/"),
            ("", "-", "ab", "-a-b-"),
            ("a", r"\$", "a", "$"),
            ("z", "y", "abc", "abc"),
        ];
        for (pattern, replacement, text, expected) in table {
            let regex = JavaRegex::search(pattern).unwrap();
            let replacement = Replacement::new(replacement, &regex).unwrap();
            assert_eq!(
                replacement.replace_all(&regex, text).as_deref(),
                Some(expected),
                "{pattern}"
            );
        }
    }

    #[test]
    fn a_wrong_replacement_is_told_on_loading() {
        // protects: what would fail every request in Spring fails the file here
        let regex = JavaRegex::search("/a(b)").unwrap();
        for wrong in ["$2", "${x}", "${x", "$", "\\"] {
            assert!(Replacement::new(wrong, &regex).is_err(), "{wrong}");
        }
    }
}
