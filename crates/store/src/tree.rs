//! The tree of files and directories that etcd v2 clients see: changing, reading, following it, and ending what expires.

use std::fmt;
use std::sync::Arc;

use koinon_core_kv::v2::{Change, Event, Level, Node, Path, Tree, due, expiring, grow};
use koinon_core_kv::{Answer as Planned, Command, Keys, KvError, Range, SpaceId};

use crate::error::StoreError;
use crate::handle::{Answer, Consistency, Store};
use crate::shared::Shared;
use crate::watch::{WatchRefused, WatchRequest, WatchStream};

/// How many nodes are ended in one round.
const EXPIRED_PER_ROUND_MAX: i64 = 1000;
/// How often reading a directory begins anew because compaction came in between.
const READ_TRIES_MAX: usize = 8;

/// The tree.
#[derive(Clone)]
pub struct TreeSpace {
    shared: Arc<Shared>,
}

impl fmt::Debug for TreeSpace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TreeSpace").finish_non_exhaustive()
    }
}

impl Store {
    /// The tree that etcd v2 clients see.
    #[must_use]
    pub fn tree(&self) -> TreeSpace {
        TreeSpace {
            shared: self.shared.clone(),
        }
    }
}

impl TreeSpace {
    const ID: SpaceId = SpaceId::ETCD_V2;

    /// The clock that times to live are reckoned by, in milliseconds since 1970.
    #[must_use]
    pub fn now_unix_ms(&self) -> i64 {
        self.shared.clock.now().unix_ms
    }

    /// The index: how many changes there were.
    #[must_use]
    pub fn index(&self) -> i64 {
        self.shared.revision(Self::ID)
    }

    /// Changes the tree.
    ///
    /// # Errors
    /// When the tree refuses it, the store takes no writes, or nobody knows whether it was done.
    pub async fn change(&self, change: Change) -> Result<Event, StoreError> {
        let command = Command::V2 {
            space: Self::ID,
            now_unix_ms: self.now_unix_ms(),
            change,
        };
        match self.shared.propose(command).await?.answer {
            Planned::V2(event) => Ok(*event),
            Planned::Txn(_) | Planned::Done => Err(StoreError::Broken),
        }
    }

    /// Reads a node, and what is in it: of a directory one level, or all of them with `recursive`. Hidden nodes are left out.
    ///
    /// # Errors
    /// When there is no such node, or records cannot be read.
    pub async fn read(
        &self,
        path: &Path,
        recursive: bool,
        consistency: Consistency,
    ) -> Result<Answer<Tree>, StoreError> {
        self.shared.barrier(consistency).await?;
        let mut tries = 0;
        loop {
            tries += 1;
            match self.try_read(path, recursive) {
                Err(StoreError::Kv(KvError::Compacted { .. })) if tries < READ_TRIES_MAX => {}
                answer => return answer,
            }
        }
    }

    fn try_read(&self, path: &Path, recursive: bool) -> Result<Answer<Tree>, StoreError> {
        let (revision, node) = self.node(path)?;
        if !node.dir {
            let nodes = Vec::new();
            let value = Tree { node, nodes };
            return Ok(Answer { revision, value });
        }
        let mut records = Vec::new();
        let mut level = Level::first(path);
        loop {
            let found = self.shared.range(Self::ID, &whole(level.keys(), revision))?;
            let last = found.value.records.is_empty() || !recursive;
            records.extend(found.value.records);
            if last {
                break;
            }
            level = level.deeper();
        }
        let value = grow(node, records.iter().map(AsRef::as_ref));
        Ok(Answer { revision, value })
    }

    fn node(&self, path: &Path) -> Result<(i64, Node), StoreError> {
        let machine = self.shared.machine_read();
        let keyspace = machine.space(Self::ID)?;
        let node = keyspace.v2_node(path, &self.shared.values)?;
        Ok((keyspace.revision(), node))
    }

    /// A stream of everything that is written from index `from` on; an event is among what each index writes.
    ///
    /// # Errors
    /// Never, for a new stream takes a watcher.
    pub fn follow(&self, from: i64) -> Result<WatchStream, WatchRefused> {
        let mut stream = WatchStream::new(self.shared.clone(), Self::ID);
        stream.watch(&WatchRequest {
            id: 1,
            keys: Keys::prefixed(&[]),
            start_revision: from,
            no_put: false,
            no_delete: false,
            prev_kv: false,
        })?;
        Ok(stream)
    }

    /// Ends the nodes whose time is over, each by an entry of the log, in the order of their times.
    pub(crate) async fn end_expired(&self) {
        let mut range = whole(due(self.now_unix_ms()), 0);
        range.limit = EXPIRED_PER_ROUND_MAX;
        range.keys_only = true;
        let found = match self.shared.range(Self::ID, &range) {
            Ok(found) => found.value.records,
            Err(error) => {
                tracing::debug!(%error, "cannot look for nodes whose time is over");
                return;
            }
        };
        let paths = found.iter().filter_map(|record| expiring(record.key()));
        let ended = paths.map(|path| self.change(Change::Expire { path }));
        for ended in futures_util::future::join_all(ended).await {
            match ended {
                // Somebody was faster: it is gone, or was given more time.
                Ok(_) | Err(StoreError::Kv(KvError::V2(_))) => {}
                Err(error) => {
                    // The next round finds it again.
                    tracing::debug!(%error, "a node whose time is over could not be ended yet");
                }
            }
        }
    }
}

fn whole(keys: Keys, revision: i64) -> Range {
    Range {
        revision,
        ..Range::of(keys)
    }
}
