//! A disk on which somebody watches: every operation that changes something is told before it is done, with the name that the
//! file has by then, and the watcher says what becomes of it.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fmt::Debug;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use koinon_io_disk::{Disk, DiskFile};

/// What a disk writes whole or not at all.
const SECTOR: u64 = 512;

/// What is about to be done.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Act<'a> {
    Create,
    Rename {
        to: &'a Path,
    },
    Remove,
    SyncDir,
    Write {
        offset: u64,
    },
    Sync,
    Allocate,
    SetLen,
    /// Changes nothing; the database asks for it when it opens a file.
    Len,
}

/// What becomes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Do,
    /// It does nothing and says that it did.
    Skip,
    /// Of a write, the first half; a short one is left out.
    Half,
    /// It does nothing and says so.
    Fail,
}

/// Who watches.
pub(crate) trait Watcher: Debug + Send + Sync {
    fn before(&self, path: &Path, act: Act<'_>) -> Verdict;
    fn after(&self, _path: &Path, _act: Act<'_>) {}
}

/// The disk.
#[derive(Debug)]
pub(crate) struct Watched {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) watcher: Arc<dyn Watcher>,
    /// What each open file is called now.
    names: Mutex<HashMap<PathBuf, Name>>,
}

type Name = Arc<Mutex<PathBuf>>;

#[derive(Debug)]
struct WatchedFile {
    file: Arc<dyn DiskFile>,
    watcher: Arc<dyn Watcher>,
    name: Name,
}

impl Watched {
    pub(crate) fn by(watcher: Arc<dyn Watcher>, disk: Arc<dyn Disk>) -> Self {
        Self {
            disk,
            watcher,
            names: Mutex::default(),
        }
    }

    fn file(&self, path: &Path, file: Arc<dyn DiskFile>) -> Arc<dyn DiskFile> {
        let mut names = self.names.lock().unwrap();
        let name = names.entry(path.to_path_buf()).or_default().clone();
        *name.lock().unwrap() = path.to_path_buf();
        Arc::new(WatchedFile {
            file,
            watcher: self.watcher.clone(),
            name,
        })
    }
}

/// Half of a write, up to a border of sectors: neither a disk nor a killed process writes a part of one.
fn half(len: usize, offset: u64) -> usize {
    let end = offset + len as u64 / 2;
    let border = end - end % SECTOR;
    usize::try_from(border.saturating_sub(offset)).unwrap()
}

/// Does `act` as the watcher has it, wholly or, of a write, by half.
fn obey<T: Default>(
    watcher: &dyn Watcher,
    path: &Path,
    act: Act<'_>,
    mut whole: impl FnMut(Verdict) -> io::Result<T>,
) -> io::Result<T> {
    let verdict = watcher.before(path, act);
    let done = match verdict {
        Verdict::Skip => return Ok(T::default()),
        Verdict::Fail => return Err(io::Error::other("the watcher says so")),
        Verdict::Do | Verdict::Half => whole(verdict),
    };
    watcher.after(path, act);
    done
}

impl Disk for Watched {
    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        Ok(self.file(path, self.disk.open(path)?))
    }
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let mut made = None;
        obey(self.watcher.as_ref(), path, Act::Create, |_| {
            made = Some(self.disk.create(path)?);
            Ok(())
        })?;
        let made = made.ok_or_else(|| io::Error::other("a file cannot be left out"))?;
        Ok(self.file(path, made))
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        obey(self.watcher.as_ref(), from, Act::Rename { to }, |_| {
            self.disk.rename(from, to)?;
            let mut names = self.names.lock().unwrap();
            if let Some(name) = names.remove(from) {
                *name.lock().unwrap() = to.to_path_buf();
                names.insert(to.to_path_buf(), name);
            }
            Ok(())
        })
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        obey(self.watcher.as_ref(), path, Act::Remove, |_| {
            self.names.lock().unwrap().remove(path);
            self.disk.remove(path)
        })
    }
    fn list(&self, dir: &Path) -> io::Result<Vec<OsString>> {
        self.disk.list(dir)
    }
    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        self.disk.create_dir(dir)
    }
    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        obey(self.watcher.as_ref(), dir, Act::SyncDir, |_| {
            self.disk.sync_dir(dir)
        })
    }
    fn free_bytes(&self, path: &Path) -> io::Result<u64> {
        self.disk.free_bytes(path)
    }
}

impl WatchedFile {
    fn obey<T: Default>(&self, act: Act<'_>, whole: impl FnMut(Verdict) -> io::Result<T>) -> io::Result<T> {
        let path = self.name.lock().unwrap().clone();
        obey(self.watcher.as_ref(), &path, act, whole)
    }
}

impl DiskFile for WatchedFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buffer, offset)
    }
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.obey(Act::Write { offset }, |verdict| {
            let len = match verdict {
                Verdict::Half => half(bytes.len(), offset),
                _ => bytes.len(),
            };
            self.file.write_at(&bytes[..len], offset)
        })
    }
    fn sync_data(&self) -> io::Result<()> {
        self.obey(Act::Sync, |_| self.file.sync_data())
    }
    fn len(&self) -> io::Result<u64> {
        self.obey(Act::Len, |_| self.file.len())
    }
    fn set_len(&self, len: u64) -> io::Result<()> {
        self.obey(Act::SetLen, |_| self.file.set_len(len))
    }
    fn allocate(&self, len: u64) -> io::Result<()> {
        self.obey(Act::Allocate, |_| self.file.allocate(len))
    }
    fn try_lock(&self) -> io::Result<()> {
        self.file.try_lock()
    }
}
