//! Java's regular expressions on two engines: linear time first, backtracking only where a pattern needs it.
//!
//! Most of Java's syntax is the `regex` crate's too. What is not is translated: `\Q...\E`, `\h`, `\Z`, and
//! `\d \w \s \b`, which are ASCII in Java. Look-around, backreferences, atomic groups and possessive quantifiers
//! go to `fancy-regex` with a bound on its steps; a text that exceeds the bound does not match.

use thiserror::Error;

use crate::limits::{REGEX_BACKTRACKS_MAX, REGEX_BYTES_MAX, REGEX_MEMORY_MAX};

/// A compiled expression.
#[derive(Debug, Clone)]
pub struct JavaRegex {
    source: String,
    engine: Engine,
}

#[derive(Debug, Clone)]
enum Engine {
    Linear(regex::Regex),
    Backtracking(fancy_regex::Regex),
}

/// Why a text is not a regular expression here.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RegexError {
    /// Longer than expressions may be.
    #[error("a regular expression of {len} bytes, at most {REGEX_BYTES_MAX} are allowed")]
    TooLong {
        /// Its length.
        len: usize,
    },
    /// Neither engine takes it.
    #[error("`{source_text}` is not a regular expression: {why}")]
    Syntax {
        /// The expression.
        source_text: String,
        /// The engine's reason, in one line.
        why: String,
    },
}

/// Where a match and its groups are, as byte ranges; group 0 is the whole.
pub(crate) type Groups = Vec<Option<(usize, usize)>>;

impl JavaRegex {
    /// An expression that must match a whole text, as `matches()` in Java.
    ///
    /// # Errors
    /// When it is too long, too large once compiled, or not an expression.
    pub fn whole(source: &str) -> Result<Self, RegexError> {
        Self::compile(source, |translated| format!(r"\A(?:{translated})\z"))
    }

    /// An expression that is searched for, as `find()` in Java.
    ///
    /// # Errors
    /// As [`Self::whole`].
    pub fn search(source: &str) -> Result<Self, RegexError> {
        Self::compile(source, |translated| translated)
    }

    fn compile(source: &str, wrap: fn(String) -> String) -> Result<Self, RegexError> {
        if source.len() > REGEX_BYTES_MAX {
            return Err(RegexError::TooLong { len: source.len() });
        }
        let translated = wrap(translate(source));
        let linear = regex::RegexBuilder::new(&translated)
            .size_limit(REGEX_MEMORY_MAX)
            .dfa_size_limit(REGEX_MEMORY_MAX)
            .nest_limit(64)
            .build();
        let engine = match linear {
            // `a*+` is possessive in Java and a repeated repeat to the linear engine
            Ok(regex) if !is_possessive(&translated) => Engine::Linear(regex),
            Ok(_) => Engine::Backtracking(backtracking(source, &translated)?),
            Err(error) => match backtracking(source, &translated) {
                Ok(regex) => Engine::Backtracking(regex),
                Err(_) => return Err(syntax(source, &error.to_string())),
            },
        };
        Ok(Self {
            source: source.to_owned(),
            engine,
        })
    }

    /// The expression as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.source
    }

    /// Whether it matches.
    #[must_use]
    pub fn is_match(&self, text: &str) -> bool {
        match &self.engine {
            Engine::Linear(regex) => regex.is_match(text),
            Engine::Backtracking(regex) => regex.is_match(text).unwrap_or(false),
        }
    }

    /// The number of groups, the whole not counted.
    #[must_use]
    pub fn group_count(&self) -> usize {
        match &self.engine {
            Engine::Linear(regex) => regex.captures_len() - 1,
            Engine::Backtracking(regex) => regex.captures_len() - 1,
        }
    }

    /// The number of the group called `name`.
    #[must_use]
    pub fn group_named(&self, name: &str) -> Option<usize> {
        match &self.engine {
            Engine::Linear(regex) => regex.capture_names().position(|known| known == Some(name)),
            Engine::Backtracking(regex) => regex.capture_names().position(|known| known == Some(name)),
        }
    }

    /// The first match at or after `start`, which is a character's border.
    pub(crate) fn groups_at(&self, text: &str, start: usize) -> Option<Groups> {
        let count = self.group_count();
        match &self.engine {
            Engine::Linear(regex) => {
                let found = regex.captures_at(text, start)?;
                Some(
                    (0..=count)
                        .map(|i| found.get(i).map(|m| (m.start(), m.end())))
                        .collect(),
                )
            }
            Engine::Backtracking(regex) => {
                let found = regex.captures_from_pos(text, start).ok().flatten()?;
                Some(
                    (0..=count)
                        .map(|i| found.get(i).map(|m| (m.start(), m.end())))
                        .collect(),
                )
            }
        }
    }
}

fn backtracking(source: &str, translated: &str) -> Result<fancy_regex::Regex, RegexError> {
    fancy_regex::RegexBuilder::new(translated)
        .backtrack_limit(REGEX_BACKTRACKS_MAX)
        .delegate_size_limit(REGEX_MEMORY_MAX)
        .delegate_dfa_size_limit(REGEX_MEMORY_MAX)
        .build()
        .map_err(|error| syntax(source, &error.to_string()))
}

fn syntax(source: &str, why: &str) -> RegexError {
    let last = why.lines().rfind(|line| !line.trim().is_empty()).unwrap_or(why);
    RegexError::Syntax {
        source_text: source.to_owned(),
        why: last.trim().trim_start_matches("error: ").to_owned(),
    }
}

/// Whether a quantifier is followed by `+`, outside of classes and escapes.
fn is_possessive(pattern: &str) -> bool {
    let (mut in_class, mut escaped, mut quantifier) = (false, false, false);
    for c in pattern.chars() {
        if escaped {
            (escaped, quantifier) = (false, false);
            continue;
        }
        if c == '+' && quantifier && !in_class {
            return true;
        }
        match c {
            '\\' => escaped = true,
            '[' => in_class = true,
            ']' => in_class = false,
            _ => {}
        }
        quantifier = !in_class && matches!(c, '*' | '+' | '?' | '}');
    }
    false
}

/// The same expression in the syntax that both engines read.
fn translate(source: &str) -> String {
    let mut out = String::with_capacity(source.len() + 16);
    let mut chars = source.chars().peekable();
    let mut classes = 0_usize;
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('Q') => quote(&mut chars, &mut out),
                Some(escape) => out.push_str(&escaped(escape, classes > 0)),
                None => out.push('\\'),
            },
            '[' => {
                classes += 1;
                out.push('[');
            }
            ']' => {
                classes = classes.saturating_sub(1);
                out.push(']');
            }
            _ => out.push(c),
        }
    }
    out
}

/// What follows `\Q`, up to `\E`, as literal characters.
fn quote(chars: &mut std::iter::Peekable<std::str::Chars<'_>>, out: &mut String) {
    while let Some(c) = chars.next() {
        if c == '\\' && chars.peek() == Some(&'E') {
            chars.next();
            return;
        }
        out.push_str(&regex::escape(c.encode_utf8(&mut [0; 4])));
    }
}

fn escaped(escape: char, in_class: bool) -> String {
    let set = match escape {
        'd' => "0-9",
        'w' => "a-zA-Z0-9_",
        's' => r" \t\n\x0B\f\r",
        'h' => r" \t\u00A0",
        'D' => return r"[^0-9]".to_owned(),
        'W' => return r"[^a-zA-Z0-9_]".to_owned(),
        'S' => return r"[^ \t\n\x0B\f\r]".to_owned(),
        'Z' => return r"\z".to_owned(),
        'b' if !in_class => return r"(?-u:\b)".to_owned(),
        'e' => return r"\x1B".to_owned(),
        // these two are word borders in the linear engine and plain characters in Java
        '<' | '>' => return escape.to_string(),
        _ => return format!("\\{escape}"),
    };
    if in_class {
        set.to_owned()
    } else {
        format!("[{set}]")
    }
}

#[cfg(test)]
mod tests {
    use super::JavaRegex;

    #[test]
    fn whole_matches_as_java_does() {
        // protects: predicates mean `matches()`, not `find()`, with Java's ASCII classes and its extras
        let table = [
            (r"\d+", "123", true),
            (r"\d+", "x123", false),
            (r"\d+", "٣", false),
            (r"a|ab", "ab", true),
            (r"(?!admin).*", "admin1", false),
            (r"(?!admin).*", "user", true),
            (r"(a)\1", "aa", true),
            (r"(a)\1", "ab", false),
            (r"\Qa.b\E+", "a.bb", true),
            (r"\Qa.b\E", "axb", false),
            (r"a*+a", "aaa", false),
            (r"[\w.-]+", "a-b.c", true),
            (r"[a-z&&[^b]]+", "acd", true),
            (r"[a-z&&[^b]]+", "abc", false),
            (r"gre.n", "green", true),
            (r"\/a", "/a", true),
            (r"[+]+", "++", true),
        ];
        for (pattern, text, expected) in table {
            let regex = JavaRegex::whole(pattern).unwrap();
            assert_eq!(regex.is_match(text), expected, "{pattern} on {text}");
        }
    }

    #[test]
    fn what_cannot_be_bounded_is_refused_or_gives_up() {
        // protects: no expression of a route file can take the gateway's time or memory
        assert!(JavaRegex::whole("(a{1000}){1000}").is_err());
        assert!(JavaRegex::whole("(").is_err());
        assert!(JavaRegex::whole(&"a".repeat(5000)).is_err());
        let evil = JavaRegex::whole(r"(?=(a+)+b)(a+)+\1$").unwrap();
        assert!(!evil.is_match(&"a".repeat(200)));
    }
}
