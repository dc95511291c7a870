//! Commands and records as bytes: what the log and the disk hold.
//!
//! Both begin with a byte that says how the rest is written. Kinds are only ever added, with new numbers; what has once been
//! written stays readable. Keys and values are not copied when they are read: they share the bytes they came in.
//!
//! Laws: what was encoded decodes to the same; every value has one encoding, so whatever decodes encodes to the same bytes
//! again; nothing that is read can make a decoder panic, recurse without bound or reserve more memory than it was given.

mod command;
mod reader;
mod record;
mod v2;
mod writer;

use koinon_base::ErrorKind;

/// Bytes that are no command or no record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CodecError {
    /// They end too early.
    #[error("the bytes end within a {0}")]
    Truncated(&'static str),
    /// There are some too many.
    #[error("{0} bytes follow the end")]
    Trailing(usize),
    /// They are of a later version, or damaged.
    #[error("there is no {what} number {number}")]
    Unknown {
        /// What was to be read.
        what: &'static str,
        /// The number that it has not.
        number: u8,
    },
    /// A number is not written in the one way that it has, or cannot be what it stands for.
    #[error("a {0} is out of bounds")]
    OutOfBounds(&'static str),
}

impl CodecError {
    /// What the caller must do.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        ErrorKind::Corrupt
    }
}
