//! Patterns: Spring's path patterns, Ant patterns of hosts, Java's regular expressions.

mod glob;
mod host;
mod path;
mod raw_path;
mod regex;
mod replacement;

pub use host::HostPattern;
pub(crate) use host::HostReach;
pub use path::PathPattern;
pub(crate) use path::{Lead, PathReach};
pub use raw_path::RawPath;
pub use regex::{JavaRegex, RegexError};
pub use replacement::Replacement;

use thiserror::Error;

/// Why a text is not a pattern.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PatternError {
    /// Braces that do not pair.
    #[error("`{pattern}` has a brace without its partner")]
    Braces {
        /// The pattern.
        pattern: String,
    },
    /// `**` or `{*rest}` with something behind it.
    #[error(
        "in `{pattern}` more follows `**` or `{{*...}}`, which must be the last part (`**` may also be the first)"
    )]
    AfterRest {
        /// The pattern.
        pattern: String,
    },
    /// A variable without a usable name.
    #[error(
        "`{pattern}` has a variable named {name:?}; a name is a letter or _ and then letters, digits, - or _"
    )]
    Name {
        /// The pattern.
        pattern: String,
        /// The name.
        name: String,
    },
    /// One variable twice.
    #[error("`{pattern}` has the variable {name:?} twice")]
    Twice {
        /// The pattern.
        pattern: String,
        /// The name.
        name: String,
    },
    /// A variable's expression.
    #[error("in `{pattern}`: {source}")]
    Regex {
        /// The pattern.
        pattern: String,
        /// Why not.
        source: RegexError,
    },
}

impl PatternError {
    /// Always invalid: change the pattern.
    #[must_use]
    pub fn kind(&self) -> koinon_base::ErrorKind {
        koinon_base::ErrorKind::Invalid
    }
}
