//! An open file of the simulated disk, which dies with the life of the process that opened it.

use std::io;
use std::path::PathBuf;

use koinon_io_disk::{DiskFile, with_path};

use crate::disk::SimDisk;
use crate::file::Content;
use crate::names::FileId;
use crate::world::{Fate, Operation, World, died, injected};

/// An open file.
#[derive(Debug)]
pub(crate) struct SimFile {
    pub(crate) disk: SimDisk,
    pub(crate) file: FileId,
    /// Which handle this is, for locks.
    pub(crate) number: u64,
    pub(crate) life: u64,
    pub(crate) path: PathBuf,
}

impl SimFile {
    /// An operation on the file: `act` does it.
    fn act<T>(
        &self,
        operation: Operation,
        what: &'static str,
        act: impl FnOnce(&mut World, FileId) -> io::Result<T>,
    ) -> io::Result<T> {
        if self.disk.world().life != self.life {
            return Err(with_path(died(), what, &self.path));
        }
        let file = self.file;
        self.disk
            .named(operation, what, &self.path, |world| act(world, file))
    }

    /// Takes space for the units of a write, as far as there is any; answers where the write must end.
    fn room(world: &World, content: &Content, at: usize, end: usize) -> usize {
        let unit = world.unit;
        let free = world.capacity.saturating_sub(world.used()) / unit as u64;
        let free = usize::try_from(free).unwrap_or(usize::MAX);
        content
            .new_units(at, end, unit)
            .get(free)
            .map_or(end, |first_without| at.max(first_without * unit))
    }
}

fn gone() -> io::Error {
    io::Error::other("the simulated file is gone")
}

impl DiskFile for SimFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.act(Operation::Read, "read", |world, file| {
            let bytes = &world.files.get(&file).ok_or_else(gone)?.bytes;
            let at = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
            let len = buffer.len().min(bytes.len() - at);
            buffer[..len].copy_from_slice(&bytes[at..at + len]);
            Ok(len)
        })
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.act(Operation::Write, "write", |world, file| {
            let at = usize::try_from(offset).map_err(|_| io::ErrorKind::InvalidInput)?;
            let content = world.files.get(&file).ok_or_else(gone)?;
            let end = Self::room(world, content, at, at + bytes.len());
            let unit = world.unit;
            let content = world.files.get_mut(&file).ok_or_else(gone)?;
            content.write(at, &bytes[..end - at], unit);
            if end < at + bytes.len() {
                Err(io::ErrorKind::StorageFull.into())
            } else {
                Ok(())
            }
        })
    }

    fn sync_data(&self) -> io::Result<()> {
        if self.disk.world().life != self.life {
            return Err(with_path(died(), "sync", &self.path));
        }
        let mut world = self.disk.world();
        let fate = world
            .fate(Operation::Sync)
            .map_err(|error| with_path(error, "sync", &self.path))?;
        let unit = world.unit;
        let World { files, rng, .. } = &mut *world;
        let content = files.get_mut(&self.file).ok_or_else(gone)?;
        match fate {
            Fate::Succeed => content.sync(),
            // As Linux does: what could not be written is marked as clean, and the next sync succeeds without it.
            Fate::Fail => content.settle(unit, rng),
            Fate::Die if rng.below(2) == 0 => content.sync(),
            Fate::Die => {}
        }
        match fate {
            Fate::Succeed => Ok(()),
            Fate::Fail => Err(with_path(injected(), "sync", &self.path)),
            Fate::Die => Err(with_path(died(), "sync", &self.path)),
        }
    }

    fn len(&self) -> io::Result<u64> {
        // Not counted: it is answered from memory, and what may fail there fails in other calls too.
        let world = self.disk.world();
        if world.dead || world.life != self.life {
            return Err(with_path(died(), "look at", &self.path));
        }
        world
            .files
            .get(&self.file)
            .map(|content| content.bytes.len() as u64)
            .ok_or_else(gone)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.act(Operation::SetLen, "set the length of", |world, file| {
            let unit = world.unit;
            let len = usize::try_from(len).map_err(|_| io::ErrorKind::InvalidInput)?;
            world.files.get_mut(&file).ok_or_else(gone)?.set_len(len, unit);
            Ok(())
        })
    }

    fn allocate(&self, len: u64) -> io::Result<()> {
        self.act(Operation::Allocate, "allocate space for", |world, file| {
            let unit = world.unit;
            let len = usize::try_from(len).map_err(|_| io::ErrorKind::InvalidInput)?;
            let content = world.files.get(&file).ok_or_else(gone)?;
            let old = content.bytes.len();
            let end = Self::room(world, content, old.min(len), len);
            let content = world.files.get_mut(&file).ok_or_else(gone)?;
            content.write(old, &vec![0; end.saturating_sub(old)], unit);
            if end < len {
                Err(io::ErrorKind::StorageFull.into())
            } else {
                Ok(())
            }
        })
    }

    fn try_lock(&self) -> io::Result<()> {
        let mut world = self.disk.world();
        if world.dead || world.life != self.life {
            return Err(with_path(died(), "lock", &self.path));
        }
        let holder = *world.locks.entry(self.file).or_insert(self.number);
        if holder == self.number {
            Ok(())
        } else {
            Err(with_path(io::ErrorKind::WouldBlock.into(), "lock", &self.path))
        }
    }
}

impl Drop for SimFile {
    fn drop(&mut self) {
        let mut world = self.disk.world();
        if world.life != self.life {
            return;
        }
        if world.locks.get(&self.file) == Some(&self.number) {
            world.locks.remove(&self.file);
        }
        if let Some(count) = world.handles.get_mut(&self.file) {
            *count -= 1;
        }
        world.sweep();
    }
}
