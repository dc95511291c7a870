//! What `redb` refuses, in this crate's words.

use std::io;
use std::path::Path;

use redb::Error;

use crate::error::BackendError;

/// While doing `what`, the database refused: for damage, for an I/O error now, or for one before.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "another crate's list of some thirty errors that grows; all but these mean the same here"
)]
pub(super) fn refused(what: &'static str, path: &Path, error: impl Into<Error>) -> BackendError {
    let path_buf = path.to_path_buf();
    match error.into() {
        Error::Corrupted(what) => BackendError::Damaged { path: path_buf, what },
        Error::Io(error) if error.kind() == io::ErrorKind::InvalidData => BackendError::Damaged {
            path: path_buf,
            what: error.to_string(),
        },
        Error::PreviousIo | Error::DatabaseClosed => BackendError::Stalled { path: path_buf },
        error => BackendError::failed(what, path, error),
    }
}
