//! Opening: the backend's state, then the entries of the log that it does not have; closing in the opposite order.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use bytes::Bytes;
use koinon_base::{Clock, ErrorKind, Rng};
use koinon_core_kv::{CodecError, Command, KvError, Lessor, Machine, Record, Revision, SpaceId};
use koinon_io_backend::{Backend, BackendError, BackendSettings, Batch, Held, RedbBackend, View};
use koinon_io_disk::Disk;
use koinon_io_wal::{Identity, WalError};
use thiserror::Error;

use crate::dirty::Dirty;
use crate::flusher::Flusher;
use crate::handle::Store;
use crate::log::{FileLog, LogEntry};
use crate::overlay::Overlay;
use crate::propose::proposals;
use crate::records::Values;
use crate::settings::Settings;
use crate::shared::{Parts, Shared};
use crate::writer::Writer;

/// How many records are read from the backend at once while the index is made.
const LOAD_RECORDS_MAX: usize = 4096;

/// The backend's file, and the log's folder.
pub(crate) const BACKEND: &str = "state.redb";
pub(crate) const LOG: &str = "wal";
/// The note in the backend that says whose the store is.
pub(crate) const IDENTITY: &str = "identity";
/// The note that says with which entry the log begins, in a store that was restored.
pub(crate) const LOG_BEGINS: &str = "log_begins";

/// Why a store could not be opened. Nothing was changed, except that an unfinished end of the log may have been cut.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The directory cannot be used.
    #[error("cannot use {path} for the store")]
    Directory {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The backend cannot be read.
    #[error("cannot open the store's backend")]
    Backend(#[from] BackendError),
    /// The log cannot be read.
    #[error("cannot open the store's log")]
    Log(#[from] WalError),
    /// A record in the backend is not one.
    #[error("the backend's record at revision {at} of keyspace {space} is damaged")]
    Record {
        /// In which keyspace.
        space: SpaceId,
        /// Which.
        at: Revision,
        /// Why.
        #[source]
        source: CodecError,
    },
    /// An entry in the log is not one.
    #[error("the log's entry {index} is damaged, or of a newer Koinon")]
    Entry {
        /// Which.
        index: u64,
        /// Why.
        #[source]
        source: CodecError,
    },
    /// What the backend holds does not fit together.
    #[error("the backend's state does not fit together")]
    State(#[from] KvError),
    /// The note that says whose the store is, or where its log begins, cannot be read.
    #[error("the backend does not say whose store it is, or where its log begins")]
    Identity,
    /// The log ends before the backend does.
    #[error(
        "the log ends at entry {last}, the backend has entry {applied}: the log was lost or is another store's"
    )]
    LogLost {
        /// The log's last entry.
        last: u64,
        /// The backend's.
        applied: u64,
    },
    /// A thread could not be started.
    #[error("cannot start the store's threads")]
    Threads(#[source] std::io::Error),
}

impl OpenError {
    /// What the caller must do.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Directory { .. } | Self::Threads(_) => ErrorKind::Unavailable,
            Self::Backend(error) => error.kind(),
            Self::Log(error) => error.kind(),
            Self::Record { .. }
            | Self::Entry { .. }
            | Self::State(_)
            | Self::Identity
            | Self::LogLost { .. } => ErrorKind::Corrupt,
        }
    }
}

/// The store's threads, to be waited for when it closes.
#[derive(Debug)]
pub(crate) struct Threads {
    writer: Mutex<Option<JoinHandle<()>>>,
    flusher: Mutex<Option<JoinHandle<()>>>,
}

/// Ends the node with the thread that it is on: half of a store is worse than none.
struct PanicGuard(Arc<Shared>);

impl Drop for PanicGuard {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.failed("a thread of the store ended in a panic".to_owned());
        }
    }
}

impl Store {
    /// Opens the store in `dir`, which is made if need be. Blocks: reading a million keys takes seconds.
    ///
    /// # Errors
    /// When what is there cannot be read, or is damaged in any way that a crash does not explain.
    pub fn open(
        disk: &Arc<dyn Disk>,
        dir: &Path,
        settings: Settings,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, OpenError> {
        let began = Instant::now();
        disk.create_dir(dir).map_err(|source| OpenError::Directory {
            path: dir.to_path_buf(),
            source,
        })?;
        let backend = RedbBackend::open(disk.clone(), &dir.join(BACKEND), BackendSettings::default())?;
        let backend: Arc<dyn Backend> = Arc::new(backend);
        let held = backend.load()?;
        let machine = load(backend.as_ref(), &held)?;
        let wal = koinon_io_wal::Settings {
            identity: identity(backend.as_ref(), &held)?,
            first_index: log_begins(&held)?,
            first_segment_bytes: settings.log_first_segment_bytes,
            segment_bytes: settings.log_segment_bytes,
            ..koinon_io_wal::Settings::default()
        };
        let log = FileLog::open(disk.clone(), &dir.join(LOG), wal)?;
        let last = log.last();
        if last < held.applied.index {
            return Err(OpenError::LogLost {
                last,
                applied: held.applied.index,
            });
        }
        let overlay = Overlay::new(settings.cache_bytes_max);
        for space in machine.spaces() {
            overlay.begin(space.id(), Revision::new(space.revision(), u32::MAX));
        }
        let (proposals, waiting) = proposals(&settings);
        let parts = Parts {
            lessor: lessor(&machine, clock.now().mono_ms),
            values: Values { overlay, backend },
            machine,
            proposals,
            durable: held.applied.index,
            dirty: Dirty::after(held.applied),
            settings,
        };
        let shared = Arc::new(Shared::new(parts, clock));
        replay(&shared, log.after(held.applied.index)?)?;
        let revision = shared.revision(SpaceId::ETCD);
        tracing::info!(
            took_ms = began.elapsed().as_millis(),
            replayed = last - held.applied.index,
            revision,
            "the store is open"
        );
        let threads = Threads::start(&shared, Writer::new(shared.clone(), waiting, Box::new(log), last))?;
        Ok(Self {
            shared,
            threads: Arc::new(threads),
        })
    }

    /// Takes no more writes, finishes those that wait, and leaves everything with the backend. Blocks meanwhile.
    pub fn close(&self) {
        self.shared.close_proposals();
        self.threads.join(&self.threads.writer);
        self.shared.bell.close();
        self.threads.join(&self.threads.flusher);
    }

    /// Waits until the store cannot go on, and says why: the process must end then.
    pub async fn failure(&self) -> String {
        self.shared.failure().await
    }
}

impl Threads {
    fn start(shared: &Arc<Shared>, writer: Writer) -> Result<Self, OpenError> {
        let flusher = Flusher::new(shared.clone());
        let start = |name: &str, run: Box<dyn FnOnce() + Send>| {
            let guard = PanicGuard(shared.clone());
            let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
                let _guard = guard;
                run();
            });
            thread
                .map(|handle| Mutex::new(Some(handle)))
                .map_err(OpenError::Threads)
        };
        Ok(Self {
            writer: start("store-writer", Box::new(|| writer.run()))?,
            flusher: start("store-flusher", Box::new(|| flusher.run()))?,
        })
    }

    fn join(&self, thread: &Mutex<Option<JoinHandle<()>>>) {
        let handle = thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if handle.is_some_and(|handle| handle.join().is_err()) {
            tracing::error!("a thread of the store ended in a panic");
        }
    }
}

/// Whose the store is: drawn when it is made, so that a log and a backend that do not belong together are found out.
fn identity(backend: &dyn Backend, held: &Held) -> Result<Identity, OpenError> {
    if let Some(kept) = held.meta.get(IDENTITY) {
        return <[u8; 16]>::try_from(kept.as_ref())
            .map(u128::from_be_bytes)
            .map(|both| Identity {
                cluster: high(both),
                member: low(both),
            })
            .map_err(|_| OpenError::Identity);
    }
    let mut rng = Rng::from_entropy();
    let identity = Identity {
        cluster: rng.next_u64(),
        member: rng.next_u64(),
    };
    let both = (u128::from(identity.cluster) << 64) | u128::from(identity.member);
    backend.commit(&Batch {
        applied: held.applied,
        meta: vec![(
            IDENTITY.to_owned(),
            Some(Bytes::copy_from_slice(&both.to_be_bytes())),
        )],
        ..Batch::default()
    })?;
    Ok(identity)
}

/// With which entry a log begins of which there is nothing yet.
fn log_begins(held: &Held) -> Result<u64, OpenError> {
    let Some(noted) = held.meta.get(LOG_BEGINS) else {
        return Ok(1);
    };
    let noted = <[u8; 8]>::try_from(noted.as_ref()).map_err(|_| OpenError::Identity)?;
    Ok(u64::from_be_bytes(noted))
}

fn high(both: u128) -> u64 {
    u64::try_from(both >> 64).unwrap_or(0)
}

fn low(both: u128) -> u64 {
    u64::try_from(both & u128::from(u64::MAX)).unwrap_or(0)
}

/// Makes the machine from what the backend holds.
pub(crate) fn load(backend: &dyn View, held: &Held) -> Result<Machine, OpenError> {
    let mut loading = Machine::load(held.applied.index);
    for ((space, id), ttl_s) in &held.leases {
        loading.lease(*space, *id, *ttl_s)?;
    }
    for (space, kept) in &held.spaces {
        let mut next = Some(Revision::new(0, 0));
        while let Some(from) = next {
            let piece = backend.scan(*space, from, None, LOAD_RECORDS_MAX)?;
            for (at, bytes) in piece.records {
                let record = Record::decode(bytes).map_err(|source| OpenError::Record {
                    space: *space,
                    at,
                    source,
                })?;
                loading.record(*space, at, &Arc::new(record))?;
            }
            next = piece.next;
        }
        if let Some(marks) = kept.marks {
            loading.stood(*space, marks.revision, marks.compacted)?;
        }
    }
    Ok(loading.finish())
}

/// All leases begin to run anew: nobody knows which were kept alive last.
fn lessor(machine: &Machine, now_ms: u64) -> Lessor {
    let mut lessor = Lessor::new();
    for space in machine.spaces() {
        for (id, ttl_s) in space.leases() {
            lessor.granted(space.id(), id, ttl_s, now_ms);
        }
    }
    lessor
}

/// Applies the entries that the backend does not have. What was refused is refused again.
fn replay(
    shared: &Shared,
    entries: impl Iterator<Item = Result<LogEntry, WalError>>,
) -> Result<(), OpenError> {
    for entry in entries {
        let LogEntry { index, term, payload } = entry?;
        let len = payload.len();
        let command = Command::decode(payload).map_err(|source| OpenError::Entry { index, source })?;
        if let Err(error @ KvError::Records(_)) = shared.apply(index, term, &command, len) {
            return Err(error.into());
        }
    }
    Ok(())
}
