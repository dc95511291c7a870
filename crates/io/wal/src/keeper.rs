//! Makes segments before they are needed and takes purged ones back, so that an append waits for neither.
//!
//! Both are done by a thread of the log's own, or, without one, where they are asked for: a simulated run must do
//! the same things at the same moments every time.
//!
//! Invariants:
//! - A segment has its name only when it is zeros, durably, from beginning to end; whoever is given one finds the name
//!   durable too.
//! - Segments lose their names oldest first, each durably before the next: a crash leaves no gap.
//! - At most [`SPARES_MAX`] purged segments are kept for being used again.

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use koinon_io_disk::{Disk, DiskFile};

use crate::segment::{self, Role, Segment};
use crate::zeros::zero;

/// Purged segments kept: one is being prepared while the next is purged.
const SPARES_MAX: usize = 2;
/// Zeros written between two syncs, so that the log's own syncs never queue behind much more.
const ZEROED_PER_SYNC: u64 = 8 * 1_024 * 1_024;
/// How often a waiting append looks whether the thread still lives.
const LIFE_SIGN: Duration = Duration::from_millis(200);

/// Why there is no segment.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// Not now: no space, most likely. Nothing is left of the attempt.
    Now(io::Error),
    /// A sync failed on which the log rests: what is durable is unknown for good.
    Forever(io::Error),
}

#[derive(Debug)]
enum Task {
    Prepare { sequence: u64, len: u64 },
    Retire { sequence: u64 },
}

#[derive(Debug, Default)]
struct State {
    tasks: VecDeque<Task>,
    ready: VecDeque<Segment>,
    spares: Vec<PathBuf>,
    /// A task is being done, outside of the lock.
    busy: bool,
    closing: bool,
    /// Nothing more is done: a name is in a state that nobody knows, and the next task would rest on it.
    over: bool,
    failed: Option<io::Error>,
    made: u64,
    recycled: u64,
}

#[derive(Debug)]
struct Shared {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    state: Mutex<State>,
    changed: Condvar,
}

/// Makes a segment that nothing was written to longer.
pub(crate) fn grow(file: &dyn DiskFile, len: u64) -> Result<(), Refusal> {
    file.allocate(len).map_err(Refusal::Now)?;
    file.sync_data().map_err(Refusal::Forever)
}

/// The keeper's handle; dropping it ends the thread.
#[derive(Debug)]
pub(crate) struct Keeper {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    pub(crate) fn start(
        disk: Arc<dyn Disk>,
        dir: &Path,
        ready: VecDeque<Segment>,
        old: Vec<PathBuf>,
        background: bool,
    ) -> io::Result<Self> {
        let state = State {
            ready,
            spares: old,
            ..State::default()
        };
        let shared = Arc::new(Shared {
            disk,
            dir: dir.to_path_buf(),
            state: Mutex::new(state),
            changed: Condvar::new(),
        });
        let thread = if background {
            let shared = shared.clone();
            Some(
                std::thread::Builder::new()
                    .name("wal-keeper".to_owned())
                    .spawn(move || shared.run())?,
            )
        } else {
            None
        };
        Ok(Self { shared, thread })
    }

    /// Has a segment prepared, unless it is already.
    pub(crate) fn want(&self, sequence: u64, len: u64) {
        let mut state = self.shared.lock();
        if state.ready.iter().all(|segment| segment.sequence != sequence) {
            state.tasks.push_back(Task::Prepare { sequence, len });
        }
        self.go(state);
    }

    /// Takes a segment back whose entries are not needed any more.
    pub(crate) fn retire(&self, sequence: u64) {
        let mut state = self.shared.lock();
        state.tasks.push_back(Task::Retire { sequence });
        self.go(state);
    }

    /// The segment, which was prepared, is being prepared, or is prepared now, `len` long; at least `need` long in
    /// any case. Answers whether it had to be waited for as well.
    pub(crate) fn take(&self, sequence: u64, need: u64, len: u64) -> Result<(Segment, bool), Refusal> {
        let mut state = self.shared.lock();
        let mut waited = false;
        let mut ready = state.take_ready(sequence);
        while ready.is_none()
            && (state.busy || !state.tasks.is_empty())
            && state.failed.is_none()
            && self.lives()
        {
            waited = true;
            let (back, _) = self
                .shared
                .changed
                .wait_timeout(state, LIFE_SIGN)
                .unwrap_or_else(PoisonError::into_inner);
            state = back;
            ready = state.take_ready(sequence);
        }
        if let Some(error) = state.failed.take() {
            return Err(Refusal::Forever(error));
        }
        drop(state);
        let Some(mut segment) = ready else {
            return Ok((self.shared.prepare(sequence, len.max(need))?, true));
        };
        if segment.len < need {
            waited = true;
            if let Err(refusal) = grow(segment.file.as_ref(), need) {
                // As it was, it is as good as before.
                self.shared.lock().ready.push_front(segment);
                return Err(refusal);
            }
            segment.len = need;
        }
        Ok((segment, waited))
    }

    /// A failure that ends the log, told once.
    pub(crate) fn failed(&self) -> Option<io::Error> {
        self.shared.lock().failed.take()
    }

    /// How many segments were made and how many used again.
    pub(crate) fn counts(&self) -> (u64, u64) {
        let state = self.shared.lock();
        (state.made, state.recycled)
    }

    fn lives(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }

    /// Lets the thread see to the tasks, or does so itself.
    fn go(&self, state: MutexGuard<'_, State>) {
        drop(state);
        if self.thread.is_some() {
            self.shared.changed.notify_all();
        } else {
            while self.shared.step() {}
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.shared.lock().closing = true;
        self.shared.changed.notify_all();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the log's keeper ended in a panic");
        }
    }
}

impl State {
    fn take_ready(&mut self, sequence: u64) -> Option<Segment> {
        let at = self
            .ready
            .iter()
            .position(|segment| segment.sequence == sequence)?;
        self.ready.remove(at)
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The thread.
    fn run(&self) {
        loop {
            let mut state = self.lock();
            while state.tasks.is_empty() && !state.closing {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            if state.closing {
                return;
            }
            drop(state);
            self.step();
        }
    }

    /// Does one task; `false` when there was none.
    fn step(&self) -> bool {
        let mut state = self.lock();
        if state.over {
            state.tasks.clear();
        }
        let Some(task) = state.tasks.pop_front() else {
            return false;
        };
        state.busy = true;
        drop(state);
        let done = match task {
            Task::Prepare { sequence, len } => self.prepare(sequence, len).map(Some),
            Task::Retire { sequence } => self.retire(sequence).map(|()| None),
        };
        let mut state = self.lock();
        state.busy = false;
        match done {
            Ok(segment) => state.ready.extend(segment),
            // Whoever needs the segment tries again itself, and is told if it fails again.
            Err(Refusal::Now(error)) => {
                tracing::warn!(%error, "cannot prepare or recycle a segment of the log")
            }
            Err(Refusal::Forever(error)) => {
                state.over = true;
                state.failed = Some(error);
            }
        }
        drop(state);
        self.changed.notify_all();
        true
    }

    /// Makes segment `sequence`, from a purged one if there is one.
    fn prepare(&self, sequence: u64, len: u64) -> Result<Segment, Refusal> {
        let spare = self.lock().spares.pop();
        let recycled = spare.is_some();
        let from = spare.unwrap_or_else(|| segment::path(&self.dir, sequence, Role::New));
        let path = segment::path(&self.dir, sequence, Role::Live);
        let filled = self.fill(&from, recycled, len).and_then(|filled| {
            self.disk.rename(&from, &path)?;
            Ok(filled)
        });
        let (file, len) = match filled {
            Ok(filled) => filled,
            Err(error) => {
                // A file whose sync failed may hold anything, and one that is half made takes space: away with it.
                // If even that fails, opening the log sees to it.
                let _gone = self.disk.remove(&from);
                return Err(Refusal::Now(error));
            }
        };
        self.disk.sync_dir(&self.dir).map_err(Refusal::Forever)?;
        let mut state = self.lock();
        if recycled {
            state.recycled += 1;
        } else {
            state.made += 1;
        }
        Ok(Segment {
            sequence,
            path,
            file,
            len,
            next_index: 0,
            chain: 0,
            indexes: None,
        })
    }

    /// A file of zeros, durably.
    fn fill(&self, path: &Path, recycled: bool, len: u64) -> io::Result<(Arc<dyn DiskFile>, u64)> {
        let file = if recycled {
            self.disk.open(path)?
        } else {
            self.disk.create(path)?
        };
        let (old_len, mut at) = (file.len()?, 0);
        while at < old_len {
            let to = old_len.min(at + ZEROED_PER_SYNC);
            zero(file.as_ref(), at, to)?;
            file.sync_data()?;
            at = to;
        }
        while at < len {
            at = len.min(at + ZEROED_PER_SYNC);
            file.allocate(at)?;
            file.sync_data()?;
        }
        Ok((file, at))
    }

    /// Takes the name away, and keeps the file if one is wanted.
    fn retire(&self, sequence: u64) -> Result<(), Refusal> {
        let live = segment::path(&self.dir, sequence, Role::Live);
        let keep = self.lock().spares.len() < SPARES_MAX;
        let old = segment::path(&self.dir, sequence, Role::Old);
        let gone = if keep {
            self.disk.rename(&live, &old)
        } else {
            self.disk.remove(&live)
        };
        // The oldest segment with a name is never left out: the next one to go would leave a gap.
        gone.and_then(|()| self.disk.sync_dir(&self.dir))
            .map_err(Refusal::Forever)?;
        if keep {
            self.lock().spares.push(old);
        }
        Ok(())
    }
}
