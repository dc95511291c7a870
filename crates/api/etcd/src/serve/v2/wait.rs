//! Following the tree, and telling watchers: one task reads what is written, and hands events to whoever waits for them.
//!
//! A watcher has a bounded queue; one that does not read ends when it is full, as in the original, and may come back with the
//! index that it missed. Invariant: `last` is the index up to which the hub was told.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Response, StatusCode};
use koinon_core_kv::Record;
use koinon_core_kv::v2::{Action, Event, HISTORY_MAX, Hub, Path, Watch, event_at, removed};
use koinon_io_net::Drain;
use koinon_store::{StoreError, TreeSpace, WatchMessage, WatchStream};
use tokio::sync::{mpsc, watch};

use super::super::http1::{Answer, json};
use crate::translate::v2::Fault;
use crate::wire::v2::json::EventJson;

/// Events that wait for a watcher: the original's bound.
const EVENTS_WAITING_MAX: usize = 100;
/// The index before the first change.
const BEFORE_ALL: i64 = 1;

/// A watcher's queue.
#[derive(Debug)]
struct Sink {
    number: u64,
    events: mpsc::Sender<Arc<Event>>,
    stream: bool,
}

/// The watchers.
#[derive(Debug)]
pub(super) struct Waiting {
    tree: TreeSpace,
    inner: Mutex<Inner>,
    last: watch::Sender<i64>,
    drain: Drain,
    /// The index when it began to follow.
    began: i64,
}

#[derive(Debug)]
struct Inner {
    hub: Hub<Sink>,
    next_number: u64,
    /// How many nodes expired.
    expired: u64,
}

impl Waiting {
    /// Begins to follow the tree, a thousand events back, until the drain.
    pub(super) fn start(tree: TreeSpace, drain: Drain) -> Arc<Self> {
        let history = i64::try_from(HISTORY_MAX).unwrap_or(i64::MAX);
        let began = tree.index();
        let before = (began - history).max(BEFORE_ALL);
        let waiting = Arc::new(Self {
            tree,
            inner: Mutex::new(Inner {
                hub: Hub::new(before),
                next_number: 0,
                expired: 0,
            }),
            last: watch::Sender::new(before),
            drain: drain.clone(),
            began,
        });
        let followed = Arc::clone(&waiting);
        tokio::spawn(async move {
            tokio::select! {
                () = followed.follow(before + 1) => {}
                () = drain.cancelled() => {}
            }
            followed.end_all();
        });
        waiting
    }

    /// How many watchers wait.
    pub(super) fn len(&self) -> usize {
        self.lock().hub.len()
    }

    /// How many nodes expired since the tree is followed.
    pub(super) fn expired(&self) -> u64 {
        self.lock().expired
    }

    /// Answers a watcher: from history if what it waits for is there, else as it happens. With the index as it was when it
    /// began.
    pub(super) async fn watch(
        self: &Arc<Self>,
        mut watch: Watch,
        stream: bool,
    ) -> Result<(i64, Response<Answer>), Fault> {
        let index = self.tree.index();
        if watch.since == 0 {
            watch.since = index + 1;
        }
        // What happened before the request is history for it.
        let mut last = self.last.subscribe();
        tokio::select! {
            told = last.wait_for(|last| *last >= index) => drop(told.map_err(|_| Fault::watcher_cleared())?),
            () = self.drain.cancelled() => return Err(Fault::watcher_cleared()),
        }
        let mut inner = self.lock();
        let past = inner.hub.past(&watch).map_err(|cleared| cleared.refusal(index))?;
        if let Some(event) = past {
            // One event, of a stream too: that is all that the original tells of the past.
            let line = EventJson::event(event).line();
            return Ok((index, json(StatusCode::OK, line)));
        }
        let number = inner.next_number;
        inner.next_number += 1;
        let (events, receiver) = mpsc::channel(EVENTS_WAITING_MAX);
        let path = watch.path.clone();
        inner.hub.insert(
            watch,
            Sink {
                number,
                events,
                stream,
            },
        );
        let watching = Watching {
            waiting: Arc::clone(self),
            path,
            number,
            events: receiver,
        };
        let mut response = json(StatusCode::OK, Vec::new());
        *response.body_mut() = Answer::Watching(watching);
        Ok((index, response))
    }

    async fn follow(&self, from: i64) {
        let mut from = from;
        loop {
            let Ok(mut stream) = self.tree.follow(from) else {
                return;
            };
            match self.take(&mut stream).await {
                // More was forgotten than events are kept: whoever waits may have missed some.
                Ok(oldest) => {
                    self.end_all();
                    from = oldest;
                }
                Err(error) => {
                    tracing::error!(%error, "the tree can be followed no more; watchers of the v2 keys are ended");
                    return;
                }
            }
        }
    }

    /// Tells what comes, until history that was not taken yet is compacted; then, from where it is known.
    async fn take(&self, stream: &mut WatchStream) -> Result<i64, StoreError> {
        loop {
            match stream.next().await? {
                WatchMessage::Compacted { compact_revision, .. } => return Ok(compact_revision),
                WatchMessage::Events { events, .. } => {
                    for index in events.chunk_by(|a, b| main(&a.record) == main(&b.record)) {
                        let records: Vec<&Record> = index.iter().map(|event| event.record.as_ref()).collect();
                        self.tell(&records);
                    }
                }
            }
        }
    }

    /// Tells the watchers what one index wrote.
    fn tell(&self, records: &[&Record]) {
        let Some(event) = records.iter().find_map(|record| event_at(record)) else {
            return;
        };
        let gone: HashSet<Path> = records.iter().filter_map(|record| removed(record)).collect();
        let event = Arc::new(event);
        let mut inner = self.lock();
        if event.action == Action::Expire && event.index > self.began {
            inner.expired += 1;
        }
        let mut ended = Vec::new();
        inner.hub.publish(
            &event,
            |path| gone.contains(path),
            |watch, sink: &Sink| {
                let full = sink.events.try_send(Arc::clone(&event)).is_err();
                if full || !sink.stream {
                    ended.push((watch.path.clone(), sink.number));
                }
            },
        );
        for (path, number) in ended {
            inner.remove(&path, number);
        }
        drop(inner);
        self.last.send_replace(event.index);
    }

    fn end_all(&self) {
        let mut inner = self.lock();
        let last = inner.hub.last();
        inner.hub = Hub::new(last);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn remove(&mut self, path: &Path, number: u64) {
        self.hub.remove(path, |sink| sink.number == number);
    }
}

fn main(record: &Record) -> i64 {
    match record {
        Record::Put(kv) => kv.mod_revision,
        Record::Tombstone { mod_revision, .. } => *mod_revision,
    }
}

/// An answer that waits for events. Dropping it ends the watcher.
#[derive(Debug)]
pub(in super::super) struct Watching {
    waiting: Arc<Waiting>,
    path: Path,
    number: u64,
    events: mpsc::Receiver<Arc<Event>>,
}

impl Watching {
    /// The next event as a line; `None` when there will be no more.
    pub(in super::super) fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let event = self.events.poll_recv(cx);
        event.map(|event| event.map(|event| EventJson::event(&event).line().into()))
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.waiting.lock().remove(&self.path, self.number);
    }
}
