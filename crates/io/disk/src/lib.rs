//! What the store needs of a disk, as two small traits, so that a simulated disk can stand in for the real one.
//!
//! The log and the backend touch files through [`Disk`] and [`DiskFile`] only. [`OsDisk`] is the operating system;
//! the simulated one loses, reorders and tears what was not synced, fills up and fails on demand. Calls block: they
//! belong on threads of their own, never on an async runtime's workers. Errors are [`std::io::Error`]s of the
//! original kind whose text names the operation and the path; [`is_full`] tells a full disk from a broken one.
//!
//! # The ordering law: what is durable, and when
//!
//! | after | a crash leaves |
//! |---|---|
//! | [`DiskFile::write_at`], [`set_len`](DiskFile::set_len), [`allocate`](DiskFile::allocate) | anything between nothing and all of it: every sector (512 bytes, or more) is old or new by itself, in no order |
//! | [`DiskFile::sync_data`] returned `Ok` | every byte and the length as of the call, whichever handle wrote them; *not* the file's name |
//! | [`DiskFile::sync_data`] failed | nobody knows, and no later success makes it good: the process must end and recover |
//! | [`Disk::create`], [`rename`](Disk::rename), [`remove`](Disk::remove) | the old name or the new one, never half of it; several such changes in no order |
//! | [`Disk::sync_dir`] returned `Ok` | every name in that directory as of the call; *not* the files' content |
//! | [`Disk::create_dir`] returned `Ok` | the directory, durably |
//!
//! A reader in the same process sees every write at once, durable or not. Bytes that no write touched keep their value.

mod context;
mod os;

use std::ffi::OsString;
use std::fmt::Debug;
use std::io::{self, IoSlice};
use std::path::Path;
use std::sync::Arc;

pub use context::{is_full, with_path};
pub use os::OsDisk;

/// A place for files: the names and the space. See the crate's documentation for what is durable when.
pub trait Disk: Debug + Send + Sync {
    /// Opens an existing file for reading and writing.
    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;

    /// Creates an empty file for reading and writing; `AlreadyExists` when there is one of that name.
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;

    /// Gives the file another name in the same directory, in place of a file that has it already.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Takes the name away; the file goes when its last handle does.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// The names of the files in a directory (directories are left out), sorted.
    fn list(&self, dir: &Path) -> io::Result<Vec<OsString>>;

    /// Makes the directory and the missing ones above it, durably; one that exists is no error.
    fn create_dir(&self, dir: &Path) -> io::Result<()>;

    /// Makes the names in a directory durable.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;

    /// How many bytes this process may still write on the file system that holds `path`.
    fn free_bytes(&self, path: &Path) -> io::Result<u64>;
}

/// An open file. All positions are explicit, so handles may be shared between threads.
pub trait DiskFile: Debug + Send + Sync {
    /// Reads at most `buffer.len()` bytes from `offset` on; 0 only at the end of the file or for an empty buffer.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Writes all of `bytes` at `offset`; the file grows if need be. After an error any part may have been written.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Writes all the parts, one after the other, from `offset` on: the same as one `write_at` of them joined.
    /// The slices are used up, as by [`IoSlice::advance_slices`].
    fn write_vectored_at(&self, parts: &mut [IoSlice<'_>], offset: u64) -> io::Result<()> {
        let mut offset = offset;
        for part in parts {
            self.write_at(part, offset)?;
            offset += part.len() as u64;
        }
        Ok(())
    }

    /// Makes content and length durable. After an error the file's durable content is unknown for good.
    fn sync_data(&self) -> io::Result<()>;

    /// The length in bytes.
    fn len(&self) -> io::Result<u64>;

    /// Whether the file holds no byte.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Cuts the file, or lengthens it with a hole of zeros, which takes no space until it is written.
    fn set_len(&self, len: u64) -> io::Result<()>;

    /// Lengthens the file to `len` with zeros that are really written, so that writing below `len` later needs no
    /// space and changes no metadata (a sync of it is one write to the medium). A file that is as long stays.
    /// After an error the file may have grown a part of the way.
    fn allocate(&self, len: u64) -> io::Result<()>;

    /// Takes the file for this handle alone, among all processes; `WouldBlock` when another handle has it.
    /// The lock goes with the handle (and with the process, however it ends).
    fn try_lock(&self) -> io::Result<()>;

    /// Fills the buffer from `offset` on; `UnexpectedEof` when the file ends before.
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let mut filled = 0;
        while filled < buffer.len() {
            let read = self.read_at(&mut buffer[filled..], offset + filled as u64)?;
            if read == 0 {
                return Err(io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    format!(
                        "the file ends at byte {}, {} were to be read",
                        offset + filled as u64,
                        buffer.len()
                    ),
                ));
            }
            filled += read;
        }
        Ok(())
    }
}
