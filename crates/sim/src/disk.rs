//! The simulated disk: the traits of `koinon-io-disk` over a [`World`] in memory, and the levers of a test.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use koinon_io_disk::{Disk, DiskFile, with_path};

use crate::file::Content;
use crate::handle::SimFile;
use crate::names::FileId;
use crate::world::{Fate, Fault, Operation, World, died, injected};

/// A disk in memory. Clones are the same disk.
#[derive(Debug, Clone)]
pub struct SimDisk {
    world: Arc<Mutex<World>>,
}

impl SimDisk {
    /// An empty disk that writes `sector` bytes whole (512 and 4,096 are what real ones do). The seed decides what
    /// failing syncs leave; a crash has its own.
    ///
    /// # Panics
    /// When `sector` is 0.
    #[must_use]
    pub fn new(sector: usize, seed: u64) -> Self {
        assert!(sector > 0, "a sector of no bytes cannot be written");
        Self {
            world: Arc::new(Mutex::new(World::new(sector, seed))),
        }
    }

    /// The power fails: what was not synced is lost, kept or torn as the seed decides, and the process is gone.
    pub fn crash(&self, seed: u64) {
        self.world().crash(seed);
    }

    /// The process is killed: its handles and locks are gone, everything written is still there, and not yet durable.
    pub fn kill(&self) {
        let mut world = self.world();
        world.new_life();
        world.sweep();
    }

    /// The process dies in operation number `operation` (from 0, counted since the disk was made): it has its effect or
    /// not, and from then on every call fails, until [`crash`](Self::crash) or [`kill`](Self::kill).
    pub fn die_at(&self, operation: u64) {
        self.world().die_at = Some(operation);
    }

    /// Whether the process has died.
    #[must_use]
    pub fn is_dead(&self) -> bool {
        self.world().dead
    }

    /// How many operations there were.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.world().operations
    }

    /// How many operations of a kind there were.
    #[must_use]
    pub fn count(&self, operation: Operation) -> u64 {
        self.world().counts.get(&operation).copied().unwrap_or(0)
    }

    /// Adds a failure to come. A failed write writes nothing; a failed sync leaves any part of what it should have made
    /// durable, and no later sync will make up for it.
    pub fn fail(&self, fault: Fault) {
        if fault.nth > 0 {
            self.world().faults.push(fault);
        }
    }

    /// Sets how many bytes fit, in whole sectors.
    pub fn set_capacity(&self, bytes: u64) {
        self.world().capacity = bytes;
    }

    /// How many bytes the files take.
    #[must_use]
    pub fn used_bytes(&self) -> u64 {
        self.world().used()
    }

    /// A file's bytes as a reader sees them; no operation of the process.
    #[must_use]
    pub fn peek(&self, path: &Path) -> Option<Vec<u8>> {
        let world = self.world();
        let file = world.names.now.get(path)?;
        world.files.get(file).map(|content| content.bytes.clone())
    }

    /// Replaces a file's bytes, durably, behind everybody's back: rot. Makes the file if there is none.
    pub fn poke(&self, path: &Path, bytes: &[u8]) {
        let mut world = self.world();
        let (unit, next) = (world.unit, world.next_file);
        let file = *world.names.now.entry(path.to_path_buf()).or_insert(next);
        world.names.durable.insert(path.to_path_buf(), file);
        world.next_file = next.max(file + 1);
        if let Some(dir) = path.parent() {
            world.dirs.insert(dir.to_path_buf());
        }
        let content = world.files.entry(file).or_default();
        content.set_len(0, unit);
        content.write(0, bytes, unit);
        content.sync();
    }

    /// All files with a name.
    #[must_use]
    pub fn paths(&self) -> Vec<PathBuf> {
        self.world().names.now.keys().cloned().collect()
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn handle(&self, world: &mut World, file: FileId, path: &Path) -> Arc<dyn DiskFile> {
        let number = world.next_handle;
        world.next_handle += 1;
        *world.handles.entry(file).or_default() += 1;
        Arc::new(SimFile {
            disk: self.clone(),
            file,
            number,
            life: world.life,
            path: path.to_path_buf(),
        })
    }

    /// An operation on names: `act` does it.
    pub(crate) fn named<T>(
        &self,
        operation: Operation,
        what: &'static str,
        path: &Path,
        act: impl FnOnce(&mut World) -> io::Result<T>,
    ) -> io::Result<T> {
        let mut world = self.world();
        let done = match world.fate(operation) {
            Ok(Fate::Succeed) => act(&mut world),
            Ok(Fate::Fail) => Err(injected()),
            Ok(Fate::Die) => {
                // A handle that is made here goes away again at once, for which it needs the world.
                let unheard = act(&mut world);
                drop(world);
                drop(unheard);
                Err(died())
            }
            Err(error) => Err(error),
        };
        done.map_err(|error| with_path(error, what, path))
    }
}

impl Disk for SimDisk {
    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        self.named(Operation::Open, "open", path, |world| {
            let file = *world.names.now.get(path).ok_or(io::ErrorKind::NotFound)?;
            Ok(self.handle(world, file, path))
        })
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        self.named(Operation::Create, "create", path, |world| {
            if world.names.now.contains_key(path) {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            if !path.parent().is_some_and(|dir| world.dirs.contains(dir)) {
                return Err(io::ErrorKind::NotFound.into());
            }
            let file = world.next_file;
            world.next_file += 1;
            world.files.insert(file, Content::default());
            world.names.create(path, file);
            Ok(self.handle(world, file, path))
        })
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.named(Operation::Rename, "rename", from, |world| {
            world
                .names
                .rename(from, to)
                .then_some(())
                .ok_or(io::ErrorKind::NotFound.into())
        })
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.named(Operation::Remove, "remove", path, |world| {
            world
                .names
                .remove(path)
                .then_some(())
                .ok_or(io::ErrorKind::NotFound)?;
            world.sweep();
            Ok(())
        })
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<OsString>> {
        self.named(Operation::List, "list", dir, |world| {
            if !world.dirs.contains(dir) {
                return Err(io::ErrorKind::NotFound.into());
            }
            let inside = world.names.now.keys().filter(|path| path.parent() == Some(dir));
            Ok(inside
                .filter_map(|path| path.file_name())
                .map(OsString::from)
                .collect())
        })
    }

    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        self.named(Operation::CreateDir, "create the directory", dir, |world| {
            world.dirs.extend(dir.ancestors().map(Path::to_path_buf));
            Ok(())
        })
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.named(Operation::SyncDir, "sync the directory", dir, |world| {
            if world.dead && world.rng.below(2) == 0 {
                return Ok(());
            }
            world.names.sync(dir);
            world.sweep();
            Ok(())
        })
    }

    fn free_bytes(&self, path: &Path) -> io::Result<u64> {
        let world = self.world();
        if world.dead {
            return Err(with_path(died(), "ask for free space at", path));
        }
        Ok(world.capacity.saturating_sub(world.used()))
    }
}
