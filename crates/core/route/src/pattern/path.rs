//! Spring's `PathPattern` on a raw path: `?`, `*`, `{x}`, `{x:expression}`, and `**` or `{*rest}` at the end (`**`
//! also at the start).
//!
//! A pattern is a row of separators and parts; matching walks it once along the path. Two rules of the original
//! that surprise: `/a/*` matches `/a/` (the last part may be missing, its separator not), and `/a/**` matches `/a`.

use std::sync::Arc;

use super::glob::{Glob, closed};
use super::{PatternError, RawPath};
use crate::vars::Vars;

/// A compiled path pattern.
#[derive(Debug, Clone)]
pub struct PathPattern {
    source: String,
    parts: Vec<Part>,
    /// `/a` also matches `/a/`.
    trailing_slash: bool,
}

#[derive(Debug, Clone)]
enum Part {
    Separator,
    Segment(Glob),
    /// `/**` at the start: any number of leading segments.
    Leading,
    /// `/**` or `/{*name}` at the end.
    Rest(Option<Arc<str>>),
}

/// What the first segments of every path that a pattern matches are known to be; see the table's index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Lead {
    Literal(String),
    Any,
}

impl PathPattern {
    /// Reads `source`; with `trailing_slash` a single `/` more at the end of a path is let pass.
    ///
    /// # Errors
    /// When braces do not pair, more follows `**`, or an expression is none.
    pub fn new(source: &str, trailing_slash: bool) -> Result<Self, PatternError> {
        let parts = parse(source)?;
        let pattern = Self {
            source: source.to_owned(),
            parts,
            trailing_slash,
        };
        let names: Vec<&str> = pattern.names().collect();
        if let Some(at) = (1..names.len()).find(|at| names[..*at].contains(&names[*at])) {
            return Err(PatternError::Twice {
                pattern: source.to_owned(),
                name: names[at].to_owned(),
            });
        }
        Ok(pattern)
    }

    /// The pattern as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.source
    }

    /// The names of its variables.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.parts
            .iter()
            .flat_map(|part| match part {
                Part::Segment(glob) => glob.names(),
                Part::Rest(Some(name)) => std::slice::from_ref(name),
                Part::Separator | Part::Leading | Part::Rest(None) => &[],
            })
            .map(|name| &**name)
    }

    /// Whether `path` fits.
    #[must_use]
    pub fn matches(&self, path: &RawPath<'_>) -> bool {
        path.is_valid() && self.walk(path, None)
    }

    /// Takes the variables out of `path`, which fits.
    pub fn capture(&self, path: &RawPath<'_>, vars: &mut Vars) {
        if path.is_valid() {
            self.walk(path, Some(vars));
        }
    }

    fn walk(&self, path: &RawPath<'_>, mut vars: Option<&mut Vars>) -> bool {
        match self.parts.split_first() {
            None => path.len() == 0,
            Some((Part::Leading, rest)) => {
                let start = (0..path.len())
                    .filter(|at| path.is_separator(*at))
                    .find(|at| self.walk_from(rest, path, *at, None));
                match start {
                    Some(at) => self.walk_from(rest, path, at, vars.take()),
                    None => rest.is_empty(),
                }
            }
            Some(_) => self.walk_from(&self.parts, path, 0, vars),
        }
    }

    fn walk_from(
        &self,
        parts: &[Part],
        path: &RawPath<'_>,
        start: usize,
        mut vars: Option<&mut Vars>,
    ) -> bool {
        let mut at = start;
        for (index, part) in parts.iter().enumerate() {
            let last = index + 1 == parts.len();
            match part {
                Part::Separator if path.is_separator(at) => at += 1,
                Part::Separator | Part::Leading => return false,
                Part::Rest(name) => {
                    let fits = at == path.len() || path.is_separator(at);
                    if let (true, Some(name), Some(vars)) = (fits, name, &mut vars) {
                        vars.set_path(name, path.rest(at));
                    }
                    return fits;
                }
                Part::Segment(glob) => match take(glob, last, path, at, vars.as_deref_mut()) {
                    Some(end) => at = end,
                    None => return false,
                },
            }
        }
        at == path.len() || (self.ends_in_segment(path, at) && at + 1 == path.len() && path.is_separator(at))
    }

    /// Whether a `/` at `at` would be the optional one: the pattern ends in a part that took something.
    fn ends_in_segment(&self, path: &RawPath<'_>, at: usize) -> bool {
        self.trailing_slash
            && at > 0
            && !path.is_separator(at - 1)
            && matches!(self.parts.last(), Some(Part::Segment(_)))
    }

    /// The segments that every matching path begins with, as far as they are certain.
    pub(crate) fn leads(&self) -> Vec<Lead> {
        let mut leads = Vec::new();
        let mut parts = self.parts.as_slice();
        while let [Part::Separator, Part::Segment(glob), rest @ ..] = parts {
            match glob {
                Glob::Literal(text) => leads.push(Lead::Literal(text.to_string())),
                // the last part may be missing in the path
                Glob::Any | Glob::Variable(..) if !rest.is_empty() => leads.push(Lead::Any),
                Glob::Any | Glob::Variable(..) | Glob::Mixed(..) => break,
            }
            parts = rest;
        }
        while leads.last() == Some(&Lead::Any) {
            leads.pop();
        }
        leads
    }

    /// Which valid paths surely match, of those that begin with [`Self::leads`]; `None` unless these are literal and
    /// all of the pattern but a `/**`.
    pub(crate) fn reach(&self) -> Option<PathReach> {
        let mut parts = self.parts.as_slice();
        while let [Part::Separator, Part::Segment(Glob::Literal(_)), rest @ ..] = parts {
            parts = rest;
        }
        match parts {
            [Part::Rest(_)] => Some(PathReach::Below),
            [] if self.parts.is_empty() => None,
            [] if self.trailing_slash => Some(PathReach::WholeOrSlash),
            [] => Some(PathReach::Whole),
            _ => None,
        }
    }
}

/// How far a pattern's leading segments settle whether a path matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PathReach {
    /// The path ends with them.
    Whole,
    /// It ends with them or with one `/` more.
    WholeOrSlash,
    /// It ends with them or goes on with a `/`.
    Below,
}

/// Where the path goes on after `glob` took its segment at `at`.
fn take(glob: &Glob, last: bool, path: &RawPath<'_>, at: usize, vars: Option<&mut Vars>) -> Option<usize> {
    let Some((raw, end)) = path.segment(at) else {
        return take_nothing(glob, last, path, at);
    };
    let text = path.compared(raw);
    let fits = match glob {
        Glob::Literal(literal) => **literal == *text,
        Glob::Any => last || !text.is_empty(),
        Glob::Variable(_, None) => !text.is_empty(),
        Glob::Variable(_, Some(regex)) => !text.is_empty() && regex.is_match(&text),
        Glob::Mixed(regex, names) => regex.is_match(&text) && !(last && !names.is_empty() && text.is_empty()),
    };
    if let (true, Some(vars)) = (fits, vars) {
        glob.capture(&text, vars);
    }
    fits.then_some(end)
}

/// A part where the path has a separator or its end.
fn take_nothing(glob: &Glob, last: bool, path: &RawPath<'_>, at: usize) -> Option<usize> {
    let may_be_missing = match glob {
        Glob::Any => last,
        Glob::Mixed(regex, names) => last && names.is_empty() && regex.is_match(""),
        Glob::Literal(_) | Glob::Variable(..) => false,
    };
    (may_be_missing && at == path.len()).then_some(at)
}

fn parse(source: &str) -> Result<Vec<Part>, PatternError> {
    let mut parts = Vec::new();
    let mut rest = source;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('/') {
            if let Some(part) = whole_rest(after, source)? {
                parts.push(part);
                return Ok(parts);
            }
            match after.strip_prefix("**/") {
                Some(_) if parts.is_empty() => {
                    parts.push(Part::Leading);
                    rest = &after[2..];
                }
                Some(_) => return Err(after_rest(source)),
                None => {
                    parts.push(Part::Separator);
                    rest = after;
                }
            }
            continue;
        }
        let len = segment_len(rest);
        if rest.starts_with("{*") {
            return Err(after_rest(source));
        }
        parts.push(Part::Segment(Glob::new(&rest[..len], source, false)?));
        rest = &rest[len..];
    }
    Ok(parts)
}

/// `**` or `{*name}` as all that is left.
fn whole_rest(after: &str, source: &str) -> Result<Option<Part>, PatternError> {
    if after == "**" {
        return Ok(Some(Part::Rest(None)));
    }
    if !after.starts_with("{*") {
        return Ok(None);
    }
    let inner = closed(after).ok_or_else(|| PatternError::Braces {
        pattern: source.to_owned(),
    })?;
    if inner.len() + 2 != after.len() {
        return Err(after_rest(source));
    }
    match Glob::new(&format!("{{{}}}", &inner[1..]), source, false)? {
        Glob::Variable(name, None) => Ok(Some(Part::Rest(Some(name)))),
        Glob::Literal(_) | Glob::Any | Glob::Variable(..) | Glob::Mixed(..) => Err(after_rest(source)),
    }
}

fn after_rest(source: &str) -> PatternError {
    PatternError::AfterRest {
        pattern: source.to_owned(),
    }
}

/// Up to the next `/` that is not inside braces.
fn segment_len(text: &str) -> usize {
    let (mut depth, mut escaped) = (0_usize, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            '/' if depth == 0 => return at,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests;
