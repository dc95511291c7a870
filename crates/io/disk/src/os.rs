//! The real disk: std's files, with what std does not have (vectored writes at a position, allocation, free space)
//! from `rustix`.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, IoSlice};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::context::with_path;
use crate::{Disk, DiskFile};

/// Slices given to the kernel at once: its own bound is 1,024 on Linux and macOS.
const SLICES_MAX: usize = 1_024;
/// Zeros written at once while allocating.
const ZEROS_LEN: usize = 256 * 1_024;

/// The operating system's files.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsDisk;

impl OsDisk {
    /// Opens an existing file that is only read: it may be one that this process must not write.
    ///
    /// # Errors
    /// It is not there, or must not be read.
    pub fn open_to_read(path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let file = File::open(path);
        OsFile::shared(file.map_err(|error| with_path(error, "open", path))?, path)
    }
}

impl Disk for OsDisk {
    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let file = OpenOptions::new().read(true).write(true).open(path);
        OsFile::shared(file.map_err(|error| with_path(error, "open", path))?, path)
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .open(path);
        OsFile::shared(file.map_err(|error| with_path(error, "create", path))?, path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to).map_err(|error| with_path(error, "rename", from))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path).map_err(|error| with_path(error, "remove", path))
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<OsString>> {
        let names = || -> io::Result<Vec<OsString>> {
            let mut names = Vec::new();
            for entry in fs::read_dir(dir)? {
                let entry = entry?;
                if !entry.file_type()?.is_dir() {
                    names.push(entry.file_name());
                }
            }
            names.sort();
            Ok(names)
        };
        names().map_err(|error| with_path(error, "list", dir))
    }

    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        if dir.is_dir() {
            return Ok(());
        }
        // A relative path's first part has the empty path above it, which is the working directory.
        let above = dir.parent().map(|above| {
            if above.as_os_str().is_empty() {
                Path::new(".")
            } else {
                above
            }
        });
        if let Some(above) = above {
            self.create_dir(above)?;
        }
        match fs::create_dir(dir) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && dir.is_dir() => {}
            Err(error) => return Err(with_path(error, "create the directory", dir)),
        }
        above.map_or(Ok(()), |above| self.sync_dir(above))
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        File::open(dir)
            .and_then(|dir| dir.sync_all())
            .map_err(|error| with_path(error, "sync the directory", dir))
    }

    fn free_bytes(&self, path: &Path) -> io::Result<u64> {
        let stat = rustix::fs::statvfs(path)
            .map_err(|error| with_path(error.into(), "ask for free space at", path))?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }
}

/// An open file of the operating system, with the path it was opened by, for errors.
#[derive(Debug)]
struct OsFile {
    file: File,
    path: PathBuf,
}

impl OsFile {
    fn shared(file: File, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        Ok(Arc::new(Self {
            file,
            path: path.to_path_buf(),
        }))
    }

    fn told<T>(&self, result: io::Result<T>, operation: &'static str) -> io::Result<T> {
        result.map_err(|error| with_path(error, operation, &self.path))
    }

    fn write_parts(&self, mut parts: &mut [IoSlice<'_>], mut offset: u64) -> io::Result<()> {
        // Empty slices first go away, so that a write of 0 bytes can only mean that the file takes no more.
        IoSlice::advance_slices(&mut parts, 0);
        while !parts.is_empty() {
            let now = parts.len().min(SLICES_MAX);
            let written = match rustix::io::pwritev(&self.file, &parts[..now], offset) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => written,
                Err(rustix::io::Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
            };
            offset += written as u64;
            IoSlice::advance_slices(&mut parts, written);
        }
        Ok(())
    }

    fn fill_with_zeros(&self, len: u64) -> io::Result<()> {
        let from = self.file.metadata()?.len();
        if from >= len {
            return Ok(());
        }
        reserve(&self.file, from, len)?;
        // Reserved extents are marked as unwritten, and turning one into a written one is metadata that every later
        // sync would have to write to the journal. So the zeros are written now.
        let zeros = vec![0; ZEROS_LEN];
        let mut at = from;
        while at < len {
            let now = usize::try_from(len - at).map_or(ZEROS_LEN, |rest| rest.min(ZEROS_LEN));
            self.file.write_all_at(&zeros[..now], at)?;
            at += now as u64;
        }
        Ok(())
    }
}

impl DiskFile for OsFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        loop {
            match self.file.read_at(buffer, offset) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return self.told(result, "read"),
            }
        }
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.told(self.file.write_all_at(bytes, offset), "write")
    }

    fn write_vectored_at(&self, parts: &mut [IoSlice<'_>], offset: u64) -> io::Result<()> {
        self.told(self.write_parts(parts, offset), "write")
    }

    fn sync_data(&self) -> io::Result<()> {
        // fdatasync on Linux, which includes the length; F_FULLFSYNC on macOS, where fsync does not reach the medium.
        self.told(self.file.sync_data(), "sync")
    }

    fn len(&self) -> io::Result<u64> {
        self.told(self.file.metadata().map(|metadata| metadata.len()), "look at")
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.told(self.file.set_len(len), "set the length of")
    }

    fn allocate(&self, len: u64) -> io::Result<()> {
        self.told(self.fill_with_zeros(len), "allocate space for")
    }

    fn try_lock(&self) -> io::Result<()> {
        match self.file.try_lock() {
            Ok(()) => Ok(()),
            Err(TryLockError::WouldBlock) => self.told(Err(io::ErrorKind::WouldBlock.into()), "lock"),
            Err(TryLockError::Error(error)) => self.told(Err(error), "lock"),
        }
    }
}

/// Asks for the space in one piece before it is filled: a disk too full refuses at once, and the file lies together.
#[cfg(target_os = "linux")]
fn reserve(file: &File, from: u64, to: u64) -> io::Result<()> {
    use rustix::fs::{FallocateFlags, fallocate};
    use rustix::io::Errno;
    loop {
        match fallocate(file, FallocateFlags::empty(), from, to - from) {
            Err(Errno::INTR) => {}
            // Not every file system can; the zeros take the space all the same.
            Ok(()) | Err(Errno::OPNOTSUPP | Errno::NOSYS) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(not(target_os = "linux"))]
#[expect(
    clippy::unnecessary_wraps,
    reason = "elsewhere there is nothing to ask: the zeros take the space"
)]
fn reserve(_file: &File, _from: u64, _to: u64) -> io::Result<()> {
    Ok(())
}
