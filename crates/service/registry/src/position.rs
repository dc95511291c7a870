//! Where a subscriber is: a revision, and of which life of the server.
//!
//! The registry starts from nothing when the server does, so a revision alone would mean something else after a
//! restart. The text form is `LIFE-REVISION`, both in hexadecimal and decimal respectively; clients treat it as
//! opaque.

use std::fmt;
use std::str::FromStr;

use koinon_base::ErrorKind;
use thiserror::Error;

/// A place in the order of changes of one namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Which life of the server; drawn at random when it starts.
    pub life: u64,
    /// The revision up to which everything is known.
    pub revision: u64,
}

/// A text that is not a position.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{text:?} is not a position; use one that this API gave, or none")]
pub struct PositionError {
    text: String,
}

impl PositionError {
    /// Always [`ErrorKind::Invalid`].
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        ErrorKind::Invalid
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}-{}", self.life, self.revision)
    }
}

impl FromStr for Position {
    type Err = PositionError;

    fn from_str(text: &str) -> Result<Self, PositionError> {
        let bad = || PositionError {
            text: text.chars().take(64).collect(),
        };
        let (life, revision) = text.split_once('-').ok_or_else(bad)?;
        Ok(Self {
            life: u64::from_str_radix(life, 16).map_err(|_| bad())?,
            revision: revision.parse().map_err(|_| bad())?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A resumed watch sends back what it was given; nonsense is refused, not taken for the beginning.
    #[test]
    fn a_position_survives_its_text() {
        let position = Position {
            life: 0xfeed,
            revision: 42,
        };
        assert_eq!(position.to_string().parse(), Ok(position));
        for bad in ["", "42", "x-1", "1-x", "1-"] {
            assert!(bad.parse::<Position>().is_err(), "{bad}");
        }
    }
}
