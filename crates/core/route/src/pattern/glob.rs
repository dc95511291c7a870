//! One part of a path or host pattern: `?`, `*`, `{name}`, `{name:expression}` and plain characters mixed.

use std::sync::Arc;

use super::{JavaRegex, PatternError};
use crate::vars::Vars;

/// A part, from the cheapest to match to the dearest. Small, so that a pattern's parts are read together.
#[derive(Debug, Clone)]
pub(crate) enum Glob {
    Literal(Box<str>),
    /// `*` alone.
    Any,
    /// `{name}` alone, with its expression if it has one.
    Variable(Arc<str>, Option<Box<JavaRegex>>),
    /// Anything else, and the names of its groups in order.
    Mixed(Box<JavaRegex>, Box<[Arc<str>]>),
}

/// A piece of a part while it is read.
enum Piece<'p> {
    Text(&'p str),
    One,
    Many,
    Variable(&'p str, Option<&'p str>),
}

impl Glob {
    /// Reads `part` of `whole`; without `ignore_case` plain characters must be equal.
    pub(crate) fn new(part: &str, whole: &str, ignore_case: bool) -> Result<Self, PatternError> {
        let pieces = pieces(part, whole)?;
        match pieces.as_slice() {
            [] => Ok(Self::Literal(Box::default())),
            [Piece::Text(text)] => Ok(Self::Literal((*text).into())),
            [Piece::Many] => Ok(Self::Any),
            [Piece::Variable(name, expression)] => {
                let regex = expression.map(|e| compile(e, whole).map(Box::new)).transpose()?;
                Ok(Self::Variable(variable_name(name, whole)?, regex))
            }
            _ => mixed(&pieces, whole, ignore_case),
        }
    }

    /// The names of its variables.
    pub(crate) fn names(&self) -> &[Arc<str>] {
        match self {
            Self::Literal(_) | Self::Any => &[],
            Self::Variable(name, _) => std::slice::from_ref(name),
            Self::Mixed(_, names) => names,
        }
    }

    /// Puts what the variables of this part stand for in `text`, which it matches, into `vars`.
    pub(crate) fn capture(&self, text: &str, vars: &mut Vars) {
        match self {
            Self::Literal(_) | Self::Any => {}
            Self::Variable(name, _) => vars.set(name, text.to_owned()),
            Self::Mixed(regex, names) => {
                let Some(groups) = regex.groups_at(text, 0) else {
                    return;
                };
                for (name, group) in names.iter().zip(groups.iter().skip(1)) {
                    if let Some((start, end)) = *group {
                        vars.set(name, text[start..end].to_owned());
                    }
                }
            }
        }
    }
}

fn compile(expression: &str, whole: &str) -> Result<JavaRegex, PatternError> {
    JavaRegex::whole(expression).map_err(|source| PatternError::Regex {
        pattern: whole.to_owned(),
        source,
    })
}

fn variable_name(name: &str, whole: &str) -> Result<Arc<str>, PatternError> {
    let fits = name.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && name
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'));
    if !fits {
        return Err(PatternError::Name {
            pattern: whole.to_owned(),
            name: name.to_owned(),
        });
    }
    Ok(Arc::from(name))
}

fn pieces<'p>(part: &'p str, whole: &str) -> Result<Vec<Piece<'p>>, PatternError> {
    let mut pieces = Vec::new();
    let mut rest = part;
    while !rest.is_empty() {
        let plain = rest.find(['?', '*', '{', '}']).unwrap_or(rest.len());
        if plain > 0 {
            pieces.push(Piece::Text(&rest[..plain]));
            rest = &rest[plain..];
            continue;
        }
        let (piece, used) = match rest.as_bytes()[0] {
            b'?' => (Piece::One, 1),
            b'*' => (Piece::Many, 1),
            b'{' => {
                let inner = closed(rest).ok_or_else(|| braces(whole))?;
                (variable(inner), inner.len() + 2)
            }
            _ => return Err(braces(whole)),
        };
        pieces.push(piece);
        rest = &rest[used..];
    }
    Ok(pieces)
}

fn braces(whole: &str) -> PatternError {
    PatternError::Braces {
        pattern: whole.to_owned(),
    }
}

/// What stands between the `{` that `text` begins with and its partner.
pub(crate) fn closed(text: &str) -> Option<&str> {
    let (mut depth, mut escaped) = (0_usize, false);
    for (at, c) in text.char_indices() {
        if escaped {
            escaped = false;
            continue;
        }
        match c {
            '\\' => escaped = true,
            '{' => depth += 1,
            '}' => {
                depth -= 1;
                if depth == 0 {
                    return Some(&text[1..at]);
                }
            }
            _ => {}
        }
    }
    None
}

fn variable(inner: &str) -> Piece<'_> {
    match inner.split_once(':') {
        Some((name, expression)) => Piece::Variable(name, Some(expression)),
        None => Piece::Variable(inner, None),
    }
}

fn mixed(pieces: &[Piece<'_>], whole: &str, ignore_case: bool) -> Result<Glob, PatternError> {
    let mut expression = String::new();
    let mut names = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Text(text) if ignore_case => {
                expression.push_str("(?i:");
                expression.push_str(&regex::escape(text));
                expression.push(')');
            }
            Piece::Text(text) => expression.push_str(&regex::escape(text)),
            Piece::One => expression.push_str("(?s:.)"),
            Piece::Many => expression.push_str("(?s:.*)"),
            Piece::Variable(name, inner) => {
                names.push(variable_name(name, whole)?);
                let inner = inner.unwrap_or("(?s:.*)");
                // groups are told apart by number, so an expression may have none of its own
                if compile(inner, whole)?.group_count() > 0 {
                    return Err(PatternError::Name {
                        pattern: whole.to_owned(),
                        name: format!("{name}:{inner}"),
                    });
                }
                expression.push('(');
                expression.push_str(inner);
                expression.push(')');
            }
        }
    }
    Ok(Glob::Mixed(compile(&expression, whole)?.into(), names.into()))
}
