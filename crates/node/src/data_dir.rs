//! The folder that a node owns: created, locked against a second process, and told where the listeners are.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use koinon_base::ErrorKind;
use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

/// The file in the folder that its owner has locked.
const LOCK: &str = "lock";
/// The store's folder in it.
pub(crate) const STORE: &str = "store";

/// Why a data folder cannot be used.
#[derive(Debug, Error)]
pub enum DataDirError {
    /// Another process has it.
    #[error("{} is in use by another koinon; give each its own with --data-dir", path.display())]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// It cannot be created or written.
    #[error("{} cannot be used as data_dir", path.display())]
    Unusable {
        /// The folder or a file in it.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
}

impl DataDirError {
    /// What the caller must do.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::InUse { .. } => ErrorKind::Unavailable,
            // A full disk is not the fault of the setting; another folder would not help for long.
            Self::Unusable { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                ErrorKind::Unavailable
            }
            Self::Unusable { .. } => ErrorKind::Invalid,
        }
    }
}

/// A data folder, locked as long as this lives. The system lets go of the lock when the process ends, however.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    _lock: File,
}

impl DataDir {
    /// Creates the folder if need be, and locks it.
    ///
    /// # Errors
    /// When another process has it, or it cannot be written.
    pub fn open(path: &Path) -> Result<Self, DataDirError> {
        let unusable = |path: &Path| {
            let path = path.to_owned();
            move |source| DataDirError::Unusable { path, source }
        };
        std::fs::create_dir_all(path).map_err(unusable(path))?;
        let lock_path = path.join(LOCK);
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&lock_path);
        let lock = lock.map_err(unusable(&lock_path))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self {
                path: path.to_owned(),
                _lock: lock,
            }),
            Err(TryLockError::WouldBlock) => Err(DataDirError::InUse {
                path: path.to_owned(),
            }),
            Err(TryLockError::Error(source)) => Err(unusable(&lock_path)(source)),
        }
    }

    /// Writes where each listener really is, whole or not at all.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_listeners(&self, addresses: &BTreeMap<String, SocketAddr>) -> Result<(), DataDirError> {
        let (path, draft) = (self.listeners_path(), self.path.join("listeners.json.new"));
        let written = serde_json::to_vec_pretty(addresses)
            .map_err(io::Error::other)
            .and_then(|text| std::fs::write(&draft, text))
            .and_then(|()| std::fs::rename(&draft, &path));
        written.map_err(|source| {
            // Half a draft is of no use; that it stays behind would be no worse than the error itself.
            let _ = std::fs::remove_file(&draft);
            DataDirError::Unusable { path, source }
        })
    }

    /// Takes the listeners' addresses away again; nothing listens there any more.
    pub fn remove_listeners(&self) {
        if let Err(error) = std::fs::remove_file(self.listeners_path()) {
            tracing::warn!(%error, "listeners.json stays behind");
        }
    }

    /// Takes the folder away again, if there is nothing in it but its lock.
    pub(crate) fn remove(self) {
        // Whatever else is there keeps it.
        let _ = std::fs::remove_file(self.path.join(LOCK));
        let _ = std::fs::remove_dir(&self.path);
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the file `name` says; at the first start, what `make` makes, which is kept there from then on.
    ///
    /// # Errors
    /// When the file cannot be read, understood or written.
    pub(crate) fn kept<T>(&self, name: &str, make: impl FnOnce() -> T) -> Result<T, DataDirError>
    where
        T: Serialize + DeserializeOwned,
    {
        let (path, draft) = (self.path.join(name), self.path.join(format!("{name}.new")));
        let unusable = |source| DataDirError::Unusable {
            path: path.clone(),
            source,
        };
        match std::fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text).map_err(|error| unusable(io::Error::other(error))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let made = make();
                serde_json::to_vec_pretty(&made)
                    .map_err(io::Error::other)
                    .and_then(|text| {
                        let mut file = File::create(&draft)?;
                        file.write_all(&text)?;
                        file.sync_all()
                    })
                    .and_then(|()| std::fs::rename(&draft, &path))
                    .map_err(unusable)?;
                Ok(made)
            }
            Err(error) => Err(unusable(error)),
        }
    }

    fn listeners_path(&self) -> PathBuf {
        self.path.join("listeners.json")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two processes on one data folder would destroy each other's state; the second must be told, and the folder
    /// must be free again as soon as the first is gone.
    #[test]
    fn a_folder_has_one_owner() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("data");
        let first = DataDir::open(&path).unwrap();
        assert!(matches!(DataDir::open(&path), Err(DataDirError::InUse { .. })));
        drop(first);
        assert!(DataDir::open(&path).is_ok());
    }

    /// A folder that cannot be made says which and why.
    #[test]
    fn an_impossible_folder_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = DataDir::open(&file.path().join("below")).unwrap_err();
        assert!(
            error.to_string().contains("cannot be used as data_dir"),
            "{error}"
        );
    }
}
