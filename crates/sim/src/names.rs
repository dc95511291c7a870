//! The directory: which name means which file, now and after a crash.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use koinon_base::Rng;

/// A file, whatever its names.
pub(crate) type FileId = u64;

#[derive(Debug, Clone)]
enum Change {
    Create(PathBuf, FileId),
    Rename(PathBuf, PathBuf, FileId),
    Remove(PathBuf, FileId),
}

impl Change {
    fn dir(&self) -> Option<&Path> {
        match self {
            Self::Create(path, _) | Self::Rename(_, path, _) | Self::Remove(path, _) => path.parent(),
        }
    }
}

/// All names.
#[derive(Debug, Default)]
pub(crate) struct Names {
    pub(crate) now: BTreeMap<PathBuf, FileId>,
    pub(crate) durable: BTreeMap<PathBuf, FileId>,
    /// Since the last sync of their directories, in order.
    pending: Vec<Change>,
}

impl Names {
    pub(crate) fn create(&mut self, path: &Path, file: FileId) {
        self.now.insert(path.to_path_buf(), file);
        self.pending.push(Change::Create(path.to_path_buf(), file));
    }

    /// Answers whether there was such a name.
    pub(crate) fn rename(&mut self, from: &Path, to: &Path) -> bool {
        let Some(file) = self.now.remove(from) else {
            return false;
        };
        self.now.insert(to.to_path_buf(), file);
        self.pending
            .push(Change::Rename(from.to_path_buf(), to.to_path_buf(), file));
        true
    }

    /// Answers whether there was such a name.
    pub(crate) fn remove(&mut self, path: &Path) -> bool {
        let Some(file) = self.now.remove(path) else {
            return false;
        };
        self.pending.push(Change::Remove(path.to_path_buf(), file));
        true
    }

    pub(crate) fn sync(&mut self, dir: &Path) {
        let (done, rest) = std::mem::take(&mut self.pending)
            .into_iter()
            .partition(|change| change.dir() == Some(dir));
        self.pending = rest;
        for change in done {
            self.apply(change);
        }
    }

    /// Each change that was not synced happened or did not.
    pub(crate) fn settle(&mut self, rng: &mut Rng) {
        let mood = rng.below(4);
        for change in std::mem::take(&mut self.pending) {
            let happened = match mood {
                0 => false,
                1 => true,
                _ => rng.below(2) == 0,
            };
            if happened {
                self.apply(change);
            }
        }
    }

    pub(crate) fn crash(&mut self, rng: &mut Rng) {
        self.settle(rng);
        self.now.clone_from(&self.durable);
    }

    fn apply(&mut self, change: Change) {
        match change {
            Change::Create(path, file) => {
                self.durable.insert(path, file);
            }
            Change::Rename(from, to, file) => {
                if self.durable.get(&from) == Some(&file) {
                    self.durable.remove(&from);
                }
                self.durable.insert(to, file);
            }
            Change::Remove(path, file) => {
                if self.durable.get(&path) == Some(&file) {
                    self.durable.remove(&path);
                }
            }
        }
    }
}
