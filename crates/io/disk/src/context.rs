//! Errors that say which file: the operating system's own text never does.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// An I/O error with the operation and the path it happened at.
#[derive(Debug)]
struct AtPath {
    operation: &'static str,
    path: PathBuf,
    source: io::Error,
}

impl fmt::Display for AtPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The source is part of the text here: `io::Error` hands its inner error's source on, not the error itself.
        write!(
            f,
            "cannot {} {}: {}",
            self.operation,
            self.path.display(),
            self.source
        )
    }
}

impl std::error::Error for AtPath {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.source()
    }
}

/// The same error, of the same kind, which says what was done to which path.
#[must_use]
pub fn with_path(source: io::Error, operation: &'static str, path: &Path) -> io::Error {
    let path = path.to_path_buf();
    io::Error::new(
        source.kind(),
        AtPath {
            operation,
            path,
            source,
        },
    )
}

/// Whether the error says that there is no space (or none left for this user): it heals when there is.
#[must_use]
pub fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects: a full disk is still known as one after the path was added, and the text names all three facts.
    #[test]
    fn kind_and_text_survive() {
        let full = io::Error::from(io::ErrorKind::StorageFull);
        let text = full.to_string();
        let told = with_path(full, "allocate", Path::new("/data/wal/7.seg"));
        assert!(is_full(&told));
        assert_eq!(
            told.to_string(),
            format!("cannot allocate /data/wal/7.seg: {text}")
        );
        assert!(!is_full(&io::Error::other("broken")));
    }
}
