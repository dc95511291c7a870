//! The coarse kind that every error of every crate answers: what must the caller do now?
//!
//! A front door maps kinds to its protocol's own codes in one exhaustive match; nothing else about an error
//! needs to be understood in order to react to it.

use std::fmt;

/// What the caller must do about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The request is wrong and stays wrong: change it.
    Invalid,
    /// The thing named does not exist.
    NotFound,
    /// The thing to be created exists.
    AlreadyExists,
    /// Somebody else changed it first: read again, then decide.
    Conflict,
    /// Say who you are.
    Unauthenticated,
    /// You may not.
    PermissionDenied,
    /// Ask the leader.
    NotLeader,
    /// Too much at once, nothing happened: back off, then try again.
    Overloaded,
    /// Not possible now, nothing happened: try again later or elsewhere.
    Unavailable,
    /// It may have happened or not: find out before you repeat it.
    OutcomeUnknown,
    /// Stored data is damaged: an operator must look.
    Corrupt,
    /// A fault of ours.
    Internal,
}

impl ErrorKind {
    /// The kind's name on wires and in logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::NotFound => "not_found",
            Self::AlreadyExists => "already_exists",
            Self::Conflict => "conflict",
            Self::Unauthenticated => "unauthenticated",
            Self::PermissionDenied => "permission_denied",
            Self::NotLeader => "not_leader",
            Self::Overloaded => "overloaded",
            Self::Unavailable => "unavailable",
            Self::OutcomeUnknown => "outcome_unknown",
            Self::Corrupt => "corrupt",
            Self::Internal => "internal",
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
