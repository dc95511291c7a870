//! Faults that are put in on purpose: with any of them the proof must fail, or it proves nothing.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use koinon_io_disk::Disk;

use crate::watched::{Act, Verdict, Watched, Watcher};

/// A fault.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Planted {
    /// Syncs of the log do nothing.
    LogNotSynced,
    /// Syncs of the backend do nothing, so the log is purged before the backend has what was in it.
    BackendNotSynced,
    /// The log lets go of a segment as soon as the next one is written to, whatever the backend has.
    PurgedAtOnce,
}

impl Planted {
    /// The disk with the fault.
    pub(crate) fn on(self, disk: Arc<dyn Disk>) -> Arc<dyn Disk> {
        let watcher: Arc<dyn Watcher> = match self {
            Self::LogNotSynced => Arc::new(Liar(".wal")),
            Self::BackendNotSynced => Arc::new(Liar(".redb")),
            Self::PurgedAtOnce => Arc::new(Hasty(disk.clone())),
        };
        Arc::new(Watched::by(watcher, disk))
    }
}

/// Leaves out the syncs of files whose names end so.
#[derive(Debug)]
struct Liar(&'static str);

impl Watcher for Liar {
    fn before(&self, path: &Path, act: Act<'_>) -> Verdict {
        if matches!(act, Act::Sync) && path.to_string_lossy().ends_with(self.0) {
            Verdict::Skip
        } else {
            Verdict::Do
        }
    }
}

/// Does what a purge does, too early.
#[derive(Debug)]
struct Hasty(Arc<dyn Disk>);

impl Watcher for Hasty {
    fn before(&self, path: &Path, act: Act<'_>) -> Verdict {
        match act {
            // The log's own purge comes later.
            Act::Rename { to } if to.extension().is_some_and(|ending| ending == "old") => {
                let there = path.parent().and_then(|dir| self.0.list(dir).ok());
                let known = there.is_some_and(|names| {
                    path.file_name()
                        .is_some_and(|name| names.iter().any(|known| known == name))
                });
                if known { Verdict::Do } else { Verdict::Skip }
            }
            _ => Verdict::Do,
        }
    }

    fn after(&self, path: &Path, act: Act<'_>) {
        if let (Act::Write { offset: 0, .. }, Some(before)) = (act, segment_before(path)) {
            // Both fail when there is none, or when the process has died.
            let _ = self.0.rename(&before, &before.with_extension("old"));
            let _ = before.parent().map(|dir| self.0.sync_dir(dir));
        }
    }
}

/// The segment before this one, if it is one and not the first.
fn segment_before(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?.to_str()?.strip_suffix(".wal")?;
    let sequence = u64::from_str_radix(name, 16).ok()?.checked_sub(1)?;
    Some(path.with_file_name(format!("{sequence:016x}.wal")))
}
