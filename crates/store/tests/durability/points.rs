//! The named points at which a process is killed, and the watcher that kills it there.
//!
//! A point is an operation of the log's or the backend's code on a file: which one, the file's present name and the moment in
//! the store's life tell. What is killed is the whole process, by itself, with SIGKILL: nothing of it runs any more.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rustix::process::{Signal, getpid, kill_process};

use crate::watched::{Act, Verdict, Watcher};

/// After how many of its writes the backend is made to fail one, where it is to be opened anew.
const BACKEND_FAILS_EVERY: u64 = 120;

/// A point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Point {
    /// A backend's file is made.
    BackendCreate,
    /// It gets its name.
    BackendName,
    /// A page is written.
    BackendWrite,
    /// A commit is made durable.
    BackendSync,
    /// The file grows.
    BackendGrow,
    /// It is opened anew after an I/O error.
    BackendReopen,
    /// A page is written while it is.
    BackendReopenWrite,
    /// A segment's file is made.
    SegmentCreate,
    /// It is filled with zeros.
    SegmentAllocate,
    /// A purged one is.
    SegmentZero,
    /// The zeros are made durable.
    SegmentSync,
    /// A new segment gets its name.
    SegmentName,
    /// A purged one gets its new name.
    SegmentReuse,
    /// A segment is purged and kept.
    SegmentRetire,
    /// A segment is purged and goes.
    SegmentRemove,
    /// The names of segments are made durable.
    LogDirSync,
    /// A batch is written to the log.
    LogAppend,
    /// It is made durable.
    LogSync,
    /// At a start, the torn end of the log is taken away.
    RecoverCut,
    /// What was found is made durable.
    RecoverSync,
    /// The same of the names.
    RecoverDirSync,
    /// The backend is repaired.
    RecoverBackendWrite,
    /// That is made durable.
    RecoverBackendSync,
}

impl Point {
    pub(crate) const ALL: [Self; 23] = [
        Self::BackendCreate,
        Self::BackendName,
        Self::BackendWrite,
        Self::BackendSync,
        Self::BackendGrow,
        Self::BackendReopen,
        Self::BackendReopenWrite,
        Self::SegmentCreate,
        Self::SegmentAllocate,
        Self::SegmentZero,
        Self::SegmentSync,
        Self::SegmentName,
        Self::SegmentReuse,
        Self::SegmentRetire,
        Self::SegmentRemove,
        Self::LogDirSync,
        Self::LogAppend,
        Self::LogSync,
        Self::RecoverCut,
        Self::RecoverSync,
        Self::RecoverDirSync,
        Self::RecoverBackendWrite,
        Self::RecoverBackendSync,
    ];

    /// Whether it lies in a start, of a store that another process left.
    pub(crate) fn is_in_a_start(self) -> bool {
        matches!(
            self,
            Self::RecoverCut
                | Self::RecoverSync
                | Self::RecoverDirSync
                | Self::RecoverBackendWrite
                | Self::RecoverBackendSync
        )
    }

    /// Whether it lies in the first start of a store.
    pub(crate) fn is_in_the_first_start(self) -> bool {
        matches!(self, Self::BackendCreate | Self::BackendName)
    }

    /// How often it comes at least before a process has written some thousand transactions.
    pub(crate) fn often(self) -> usize {
        match self {
            Self::LogAppend | Self::LogSync | Self::BackendWrite => 400,
            Self::BackendSync => 60,
            Self::SegmentSync | Self::LogDirSync | Self::SegmentZero => 12,
            Self::SegmentReuse | Self::SegmentRetire => 6,
            Self::RecoverBackendWrite | Self::BackendReopenWrite => 2,
            _ => 1,
        }
    }
}

/// When, around the operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    Before,
    /// Of a write, when half of its sectors are done.
    Half,
    After,
}

/// Which of all the operations.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target {
    pub(crate) point: Point,
    /// From 1.
    pub(crate) nth: usize,
    pub(crate) moment: Moment,
}

impl Target {
    /// For the environment of the process.
    pub(crate) fn text(self) -> String {
        format!("{:?} {} {:?}", self.point, self.nth, self.moment)
    }

    pub(crate) fn parse(text: &str) -> Self {
        let words: Vec<&str> = text.split(' ').collect();
        let named = |of: &dyn std::fmt::Debug, at: usize| format!("{of:?}") == words[at];
        let moments = [Moment::Before, Moment::Half, Moment::After];
        Self {
            point: Point::ALL.into_iter().find(|point| named(point, 0)).unwrap(),
            nth: words[1].parse().unwrap(),
            moment: moments.into_iter().find(|moment| named(moment, 2)).unwrap(),
        }
    }
}

/// Kills its own process at one of its operations.
#[derive(Debug)]
pub(crate) struct Assassin {
    target: Target,
    /// The store is open: what is done from now on is done while it runs.
    opened: AtomicBool,
    counts: Mutex<HashMap<Point, usize>>,
    /// The operation is the one, and goes on in this thread.
    chosen: Mutex<Option<std::thread::ThreadId>>,
    backend: Mutex<Backend>,
    backend_writes: AtomicU64,
}

/// What the backend does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Backend {
    #[default]
    Fine,
    /// An operation failed.
    Failed,
    /// It is being opened anew.
    Reopening,
}

impl Assassin {
    pub(crate) fn new(target: Target) -> Self {
        Self {
            target,
            opened: AtomicBool::new(false),
            counts: Mutex::default(),
            chosen: Mutex::default(),
            backend: Mutex::default(),
            backend_writes: AtomicU64::new(0),
        }
    }

    pub(crate) fn opened(&self) {
        self.opened.store(true, Ordering::Release);
    }

    /// The point that an operation is, if it is one.
    fn point(&self, path: &Path, act: Act<'_>) -> Option<Point> {
        let opened = self.opened.load(Ordering::Acquire);
        let name = path.file_name()?.to_str()?;
        if name.contains(".redb") {
            return self.backend_point(name, act, opened);
        }
        let ending = path
            .extension()
            .and_then(|ending| ending.to_str())
            .unwrap_or_default();
        Some(match (ending, act) {
            ("new", Act::Create) => Point::SegmentCreate,
            ("new", Act::Allocate) => Point::SegmentAllocate,
            ("old", Act::Write { .. }) => Point::SegmentZero,
            ("new" | "old", Act::Sync) => Point::SegmentSync,
            ("new", Act::Rename { .. }) => Point::SegmentName,
            ("old", Act::Rename { .. }) => Point::SegmentReuse,
            ("wal", Act::Rename { .. }) => Point::SegmentRetire,
            ("wal", Act::Remove) => Point::SegmentRemove,
            ("wal", Act::Write { .. }) if opened => Point::LogAppend,
            ("wal", Act::Write { .. }) => Point::RecoverCut,
            ("wal", Act::Sync) if opened => Point::LogSync,
            ("wal", Act::Sync) => Point::RecoverSync,
            ("", Act::SyncDir) if name == "wal" && opened => Point::LogDirSync,
            ("", Act::SyncDir) if name == "wal" => Point::RecoverDirSync,
            _ => return None,
        })
    }

    fn backend_point(&self, name: &str, act: Act<'_>, opened: bool) -> Option<Point> {
        let fresh = name.ends_with(".new");
        let mut backend = self.backend.lock().unwrap();
        Some(match act {
            Act::Create => Point::BackendCreate,
            Act::Rename { .. } => Point::BackendName,
            Act::Len if *backend == Backend::Failed => {
                *backend = Backend::Reopening;
                Point::BackendReopen
            }
            Act::Write { .. } if *backend == Backend::Reopening => Point::BackendReopenWrite,
            Act::Sync if *backend == Backend::Reopening => {
                *backend = Backend::Fine;
                return None;
            }
            Act::Write { .. } if opened => Point::BackendWrite,
            Act::Sync if opened => Point::BackendSync,
            Act::SetLen if opened => Point::BackendGrow,
            Act::Write { .. } if !fresh => Point::RecoverBackendWrite,
            Act::Sync if !fresh => Point::RecoverBackendSync,
            _ => return None,
        })
    }

    /// Whether the backend is to fail now, so that it must be opened anew.
    fn spoils(&self, point: Point) -> bool {
        if !matches!(
            self.target.point,
            Point::BackendReopen | Point::BackendReopenWrite
        ) || point != Point::BackendWrite
        {
            return false;
        }
        let spoils = self.backend_writes.fetch_add(1, Ordering::Relaxed) % BACKEND_FAILS_EVERY
            == BACKEND_FAILS_EVERY - 1;
        if spoils {
            *self.backend.lock().unwrap() = Backend::Failed;
        }
        spoils
    }

    fn die(&self) -> ! {
        use std::io::Write as _;
        let line = format!("died {}\n", self.target.text());
        let _told = std::io::stdout().lock().write_all(line.as_bytes());
        let _ = kill_process(getpid(), Signal::KILL);
        // Until the signal has come.
        loop {
            std::thread::park();
        }
    }
}

impl Watcher for Assassin {
    fn before(&self, path: &Path, act: Act<'_>) -> Verdict {
        let Some(point) = self.point(path, act) else {
            return Verdict::Do;
        };
        if self.spoils(point) {
            return Verdict::Fail;
        }
        let count = {
            let mut counts = self.counts.lock().unwrap();
            let count = counts.entry(point).or_default();
            *count += 1;
            *count
        };
        if point != self.target.point || count != self.target.nth {
            return Verdict::Do;
        }
        if self.target.moment == Moment::Before {
            self.die();
        }
        *self.chosen.lock().unwrap() = Some(std::thread::current().id());
        match (self.target.moment, act) {
            (Moment::Half, Act::Write { .. }) => Verdict::Half,
            _ => Verdict::Do,
        }
    }

    fn after(&self, _path: &Path, _act: Act<'_>) {
        if *self.chosen.lock().unwrap() == Some(std::thread::current().id()) {
            self.die();
        }
    }
}
