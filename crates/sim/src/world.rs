//! What a simulated disk consists of, and what is in store for whoever uses it.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;

use koinon_base::Rng;

use crate::file::Content;
use crate::names::{FileId, Names};

/// What was asked of the disk; every one is a point at which the process may die, and may be made to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operation {
    /// A file was opened.
    Open,
    /// A file was created.
    Create,
    /// A file was renamed.
    Rename,
    /// A file was removed.
    Remove,
    /// A directory was listed.
    List,
    /// A directory was made.
    CreateDir,
    /// A directory was synced.
    SyncDir,
    /// Bytes were read.
    Read,
    /// Bytes were written.
    Write,
    /// A file was synced.
    Sync,
    /// A file's length was set.
    SetLen,
    /// Space was allocated.
    Allocate,
}

/// A failure to come: the `nth` (from 1) operation of this kind from now on fails, once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// Which kind of operation.
    pub operation: Operation,
    /// Which of them.
    pub nth: u64,
}

/// What an operation is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Succeed,
    /// Fail without effect, or, a sync, with any effect.
    Fail,
    /// Have its effect; then the process is dead and never hears of it.
    Die,
}

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) unit: usize,
    pub(crate) rng: Rng,
    pub(crate) files: BTreeMap<FileId, Content>,
    pub(crate) names: Names,
    pub(crate) dirs: BTreeSet<PathBuf>,
    pub(crate) next_file: FileId,
    pub(crate) next_handle: u64,
    /// How many handles each file has in the present life of the process.
    pub(crate) handles: BTreeMap<FileId, u64>,
    /// Which handle has locked the file.
    pub(crate) locks: BTreeMap<FileId, u64>,
    /// Which life of the process this is; handles of an earlier one are dead.
    pub(crate) life: u64,
    pub(crate) capacity: u64,
    pub(crate) operations: u64,
    pub(crate) die_at: Option<u64>,
    pub(crate) dead: bool,
    pub(crate) faults: Vec<Fault>,
    pub(crate) counts: BTreeMap<Operation, u64>,
}

impl World {
    pub(crate) fn new(unit: usize, seed: u64) -> Self {
        Self {
            unit,
            rng: Rng::from_seed(seed),
            files: BTreeMap::new(),
            names: Names::default(),
            dirs: BTreeSet::new(),
            next_file: 1,
            next_handle: 1,
            handles: BTreeMap::new(),
            locks: BTreeMap::new(),
            life: 0,
            capacity: u64::MAX,
            operations: 0,
            die_at: None,
            dead: false,
            faults: Vec::new(),
            counts: BTreeMap::new(),
        }
    }

    /// Counts an operation and tells its fate; an error when the process is dead already.
    pub(crate) fn fate(&mut self, operation: Operation) -> io::Result<Fate> {
        if self.dead {
            return Err(died());
        }
        let number = self.operations;
        self.operations += 1;
        *self.counts.entry(operation).or_default() += 1;
        let mut fails = false;
        for fault in self
            .faults
            .iter_mut()
            .filter(|fault| fault.operation == operation)
        {
            fault.nth -= 1;
            fails |= fault.nth == 0;
        }
        self.faults.retain(|fault| fault.nth > 0);
        if self.die_at.is_some_and(|at| number >= at) {
            self.dead = true;
            return Ok(Fate::Die);
        }
        Ok(if fails { Fate::Fail } else { Fate::Succeed })
    }

    /// Files that nobody can reach any more give their space back.
    pub(crate) fn sweep(&mut self) {
        let Self {
            files,
            names,
            handles,
            ..
        } = self;
        files.retain(|file, _| {
            let named = |names: &BTreeMap<PathBuf, FileId>| names.values().any(|named| named == file);
            named(&names.now) || named(&names.durable) || handles.get(file).is_some_and(|count| *count > 0)
        });
    }

    /// Bytes that files with a name or a handle take. A removed one whose removal is not durable yet counts no more,
    /// as on a file system that gives space back at once.
    pub(crate) fn used(&self) -> u64 {
        let counted = |file: &FileId| {
            self.names.now.values().any(|named| named == file)
                || self.handles.get(file).is_some_and(|count| *count > 0)
        };
        let units: usize = self
            .files
            .iter()
            .filter(|(file, _)| counted(file))
            .map(|(_, content)| content.taken.len())
            .sum();
        units as u64 * self.unit as u64
    }

    /// The process is gone, and with it its handles and locks.
    pub(crate) fn new_life(&mut self) {
        self.life += 1;
        self.handles.clear();
        self.locks.clear();
        self.dead = false;
        self.die_at = None;
        self.faults.clear();
    }

    pub(crate) fn crash(&mut self, seed: u64) {
        let mut rng = Rng::from_seed(seed);
        self.names.crash(&mut rng);
        let unit = self.unit;
        for content in self.files.values_mut() {
            content.crash(unit, &mut rng);
        }
        self.new_life();
        self.sweep();
    }
}

/// What a dead process would be told, if it could hear.
pub(crate) fn died() -> io::Error {
    io::Error::other("the simulated process has died")
}

/// What an injected failure says.
pub(crate) fn injected() -> io::Error {
    io::Error::other("simulated input/output error")
}
