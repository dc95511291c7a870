//! Why a body was refused, in words that its sender can act on.

use koinon_base::ErrorKind;

use super::Format;

/// How much of a refused value an error shows: enough to find it, too little to fill a log.
const FOUND_CHARS_MAX: usize = 60;

/// A body that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// It is not well-formed.
    #[error("the body is not well-formed {format}: {reason}")]
    Syntax {
        /// What it should have been.
        format: Format,
        /// What the parser says, with the place.
        reason: String,
    },
    /// A field holds what it cannot hold.
    #[error("{field}: expected {expected}, found {found}")]
    Field {
        /// Which, as a path such as `dataCenterInfo.name`.
        field: String,
        /// What it can hold.
        expected: &'static str,
        /// The beginning of what it held.
        found: String,
    },
    /// It is longer than any sensible one.
    #[error("the body has {len} bytes, expected at most {max}")]
    TooLong {
        /// Its length.
        len: usize,
        /// The longest that is read.
        max: usize,
    },
}

impl DecodeError {
    /// What the sender must do: change the request.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Syntax { .. } | Self::Field { .. } | Self::TooLong { .. } => ErrorKind::Invalid,
        }
    }

    pub(super) fn syntax(format: Format, reason: impl ToString) -> Self {
        Self::Syntax {
            format,
            reason: reason.to_string(),
        }
    }

    pub(super) fn field(field: impl Into<String>, expected: &'static str, found: &str) -> Self {
        let mut shown: String = found.chars().take(FOUND_CHARS_MAX).collect();
        if shown.len() < found.len() {
            shown.push('…');
        }
        Self::Field {
            field: field.into(),
            expected,
            found: format!("{shown:?}"),
        }
    }
}

/// Takes the body as text, without the byte order mark that some writers put in front.
pub(super) fn body_text(format: Format, body: &[u8], len_max: usize) -> Result<&str, DecodeError> {
    if body.len() > len_max {
        return Err(DecodeError::TooLong {
            len: body.len(),
            max: len_max,
        });
    }
    let text = std::str::from_utf8(body).map_err(|error| DecodeError::syntax(format, error))?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}
