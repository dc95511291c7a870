//! Why a change was not done or a node not found, in etcd's numbers and words.

use koinon_base::ErrorKind;

/// etcd's number of a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// There is no such node.
    KeyNotFound,
    /// A file is not as expected.
    CompareFailed,
    /// A directory where a file is needed.
    NotFile,
    /// A file where a directory is needed.
    NotDirectory,
    /// There is such a node.
    Exists,
    /// The root cannot be changed.
    RootReadOnly,
    /// A directory that is to be deleted has something in it.
    NotEmpty,
    /// The events of the index are forgotten.
    Cleared,
}

/// A refusal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} ({cause})", .code.message())]
pub struct Refusal {
    /// Which.
    pub code: Code,
    /// What it is about: a path, mostly.
    pub cause: String,
    /// The index at which it was decided.
    pub index: i64,
}

impl Code {
    /// The number that clients know it by.
    #[must_use]
    pub fn number(self) -> u16 {
        self.row().0
    }

    /// The words that go with it.
    #[must_use]
    pub fn message(self) -> &'static str {
        self.row().1
    }

    /// What the caller must do.
    #[must_use]
    pub fn kind(self) -> ErrorKind {
        self.row().2
    }

    fn row(self) -> (u16, &'static str, ErrorKind) {
        match self {
            Self::KeyNotFound => (100, "Key not found", ErrorKind::NotFound),
            Self::CompareFailed => (101, "Compare failed", ErrorKind::Conflict),
            Self::NotFile => (102, "Not a file", ErrorKind::Invalid),
            Self::NotDirectory => (104, "Not a directory", ErrorKind::Invalid),
            Self::Exists => (105, "Key already exists", ErrorKind::AlreadyExists),
            Self::RootReadOnly => (107, "Root is read only", ErrorKind::Invalid),
            Self::NotEmpty => (108, "Directory not empty", ErrorKind::Conflict),
            Self::Cleared => (
                401,
                "The event in requested index is outdated and cleared",
                ErrorKind::Invalid,
            ),
        }
    }
}
