//! The arguments of a predicate or filter, by key, whichever of the three ways of writing them was used.
//!
//! Spring's rules: the shortcut form fills the keys in their order; a key is known in kebab or camel case; two
//! shapes gather every value into one list, whatever its key. What Spring would leave out in silence (an argument
//! too many, a key that nobody reads) becomes a note.

mod written;

use koinon_base::ErrorKind;
use thiserror::Error;

use crate::definition::{Args, Definition, Text};
use crate::limits::PATTERNS_MAX;
use crate::problem::{Place, nearest};

/// How a predicate or filter takes its arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// One value a key.
    Plain,
    /// All values are one list.
    List,
    /// All values are one list, but a `true` or `false` at its end is the second key's.
    ListAndFlag,
}

/// Why arguments do not do.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{what}")]
pub struct ArgumentError {
    /// Where.
    pub place: Place,
    /// What, and what was expected.
    pub what: String,
}

impl ArgumentError {
    /// An argument at `place` that does not do.
    pub fn new(place: Place, what: impl Into<String>) -> Self {
        Self {
            place,
            what: what.into(),
        }
    }

    /// Always invalid: change the argument.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        ErrorKind::Invalid
    }
}

/// What is known of a route's variables when a filter is made.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Variables<'d> {
    /// These; a filter that names another would fail every request.
    These(&'d [&'d str]),
    /// A default filter serves many routes, and a predicate in code may set any.
    Unknown,
}

/// The arguments of one predicate or filter.
#[derive(Debug)]
pub struct Arguments<'d> {
    place: Place,
    keys: &'d [&'d str],
    values: Vec<(&'d str, &'d Text)>,
    list: Vec<&'d Text>,
    variables: Variables<'d>,
    notes: Vec<(Place, String)>,
}

impl<'d> Arguments<'d> {
    pub(crate) fn new(
        definition: &'d Definition,
        keys: &'d [&'d str],
        shape: Shape,
        variables: Variables<'d>,
    ) -> Result<Self, ArgumentError> {
        let mut arguments = Self {
            place: definition.place,
            keys,
            values: Vec::new(),
            list: Vec::new(),
            variables,
            notes: Vec::new(),
        };
        let given: Vec<(Option<&'d str>, &'d Text)> = match &definition.args {
            Args::None => Vec::new(),
            Args::Positional(texts) => texts.iter().map(|text| (None, text)).collect(),
            Args::Named(named) => named.iter().map(|(key, text)| (written(key), text)).collect(),
        };
        if let Some((_, text)) = given.iter().find(|(_, text)| is_expression(&text.value)) {
            let what = format!("expressions are not supported, found `{}`", text.value);
            return Err(ArgumentError::new(text.place, what));
        }
        match shape {
            Shape::Plain => arguments.take_plain(&given),
            Shape::List | Shape::ListAndFlag => arguments.take_list(&given, shape)?,
        }
        Ok(arguments)
    }

    fn take_plain(&mut self, given: &[(Option<&'d str>, &'d Text)]) {
        for (at, (key, text)) in given.iter().enumerate() {
            let known = match key {
                None => self.keys.get(at).copied(),
                Some(key) => self.keys.iter().copied().find(|known| is_same_key(known, key)),
            };
            match (known, key) {
                (Some(known), _) => self.values.push((known, text)),
                (None, None) => self.note(
                    text.place,
                    format!("`{}` is one argument too many and not used", text.value),
                ),
                (None, Some(key)) => {
                    let near = nearest(key, self.keys.iter().copied());
                    self.note(text.place, format!("the argument {key:?} is not used{near}"));
                }
            }
        }
    }

    fn take_list(
        &mut self,
        given: &[(Option<&'d str>, &'d Text)],
        shape: Shape,
    ) -> Result<(), ArgumentError> {
        let flag = self.keys.get(1).copied().filter(|_| shape == Shape::ListAndFlag);
        for (at, (key, text)) in given.iter().enumerate() {
            let named = matches!((flag, key), (Some(flag), Some(key)) if is_same_key(flag, key));
            let last = at + 1 == given.len() && boolean(&text.value).is_some();
            match flag {
                Some(flag) if named || last => self.values.push((flag, text)),
                _ => self.list.push(text),
            }
        }
        if self.list.len() > PATTERNS_MAX {
            let what = format!("{} values, at most {PATTERNS_MAX} are allowed", self.list.len());
            return Err(ArgumentError::new(self.place, what));
        }
        match (self.keys.first(), self.list.is_empty()) {
            (Some(key), true) => Err(ArgumentError::new(
                self.place,
                format!("expects at least one value for {key}"),
            )),
            _ => Ok(()),
        }
    }

    /// Where the predicate or filter stands.
    #[must_use]
    pub fn place(&self) -> Place {
        self.place
    }

    /// All values of a predicate or filter that takes a list; never empty then.
    #[must_use]
    pub fn list(&self) -> &[&'d Text] {
        &self.list
    }

    /// The value of `key`, if it has one that is not blank.
    #[must_use]
    pub fn optional(&self, key: &str) -> Option<&'d Text> {
        let found = self.values.iter().rfind(|(known, _)| *known == key);
        found
            .map(|(_, text)| *text)
            .filter(|text| !text.value.trim().is_empty())
    }

    /// The value of `key`.
    ///
    /// # Errors
    /// When it has none.
    pub fn text(&self, key: &str) -> Result<&'d Text, ArgumentError> {
        self.optional(key).ok_or_else(|| {
            let all = self.keys.join(", ");
            ArgumentError::new(self.place, format!("{key} is missing; the arguments are {all}"))
        })
    }

    /// The value of `key` as a whole number from 0, or `default`.
    ///
    /// # Errors
    /// When it is no such number.
    pub fn number(&self, key: &str, default: usize) -> Result<usize, ArgumentError> {
        let Some(text) = self.optional(key) else {
            return Ok(default);
        };
        text.value.trim().parse().map_err(|_| {
            let what = format!("{key} must be a whole number from 0, not {:?}", text.value);
            ArgumentError::new(text.place, what)
        })
    }

    /// The value of `key` as `true` or `false` (or `yes`, `on`, `1`, `no`, `off`, `0`), or `default`.
    ///
    /// # Errors
    /// When it is none of them.
    pub fn flag(&self, key: &str, default: bool) -> Result<bool, ArgumentError> {
        let Some(text) = self.optional(key) else {
            return Ok(default);
        };
        spring_boolean(text.value.trim()).ok_or_else(|| {
            let what = format!("{key} must be true or false, not {:?}", text.value);
            ArgumentError::new(text.place, what)
        })
    }

    /// Says something that is no error.
    pub fn note(&mut self, place: Place, what: impl Into<String>) {
        self.notes.push((place, what.into()));
    }

    pub(crate) fn into_notes(self) -> Vec<(Place, String)> {
        self.notes
    }
}

/// The key as it was written, unless it is one that stands for a position.
fn written(key: &str) -> Option<&str> {
    Some(key).filter(|key| !key.starts_with("_genkey_"))
}

/// Spring's relaxed comparison: case, `-` and `_` do not count.
fn is_same_key(known: &str, key: &str) -> bool {
    let plain = |c: &char| !matches!(c, '-' | '_');
    let fold = |c: char| c.to_ascii_lowercase();
    known
        .chars()
        .filter(plain)
        .map(fold)
        .eq(key.chars().filter(plain).map(fold))
}

fn is_expression(value: &str) -> bool {
    let value = value.trim();
    value.starts_with("#{") && value.ends_with('}')
}

/// What ends a gathered list as its flag.
fn boolean(text: &str) -> Option<bool> {
    match text {
        _ if text.eq_ignore_ascii_case("true") => Some(true),
        _ if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// All that Spring's converter takes for a boolean.
fn spring_boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "on" | "yes" | "1" => Some(true),
        "false" | "off" | "no" | "0" => Some(false),
        _ => None,
    }
}
