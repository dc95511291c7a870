//! One client's watchers: taking from the queue, and catching up those that are behind.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use koinon_core_kv::{KvError, Record, SpaceId};

use super::hub::{Behind, Slot, told};
use super::queue::{Delivery, Queue};
use super::{Event, WatchMessage, WatchRefused, WatchRequest, Watching};
use crate::error::StoreError;
use crate::shared::Shared;

/// How many deliveries are made into messages at once.
const DELIVERIES_MAX: usize = 256;
/// For how many of them a stream keeps room.
const TAKEN_KEPT_MAX: usize = 16;

/// One client's watchers in one keyspace. Dropping it ends them.
pub struct WatchStream {
    shared: Arc<Shared>,
    space: SpaceId,
    queue: Arc<Queue>,
    watchers: BTreeMap<i64, Slot>,
    next_id: i64,
    /// Made, but not asked for yet.
    ready: VecDeque<WatchMessage>,
    /// Empty between two calls; kept for its room.
    taken: Vec<Delivery>,
}

impl fmt::Debug for WatchStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WatchStream")
            .field("space", &self.space)
            .field("watchers", &self.watchers.len())
            .finish_non_exhaustive()
    }
}

impl WatchStream {
    pub(crate) fn new(shared: Arc<Shared>, space: SpaceId) -> Self {
        let settings = &shared.settings;
        let queue = Queue::new(settings.watch_queue_events_max, settings.watch_queue_bytes_max);
        Self {
            queue: Arc::new(queue),
            shared,
            space,
            watchers: BTreeMap::new(),
            next_id: 0,
            ready: VecDeque::new(),
            taken: Vec::new(),
        }
    }

    /// Makes a watcher.
    ///
    /// # Errors
    /// When its number is taken or the stream has too many; or there is no such keyspace.
    pub fn watch(&mut self, request: &WatchRequest) -> Result<Watching, WatchRefused> {
        let max = self.shared.settings.watchers_per_stream_max;
        if self.watchers.len() >= max {
            return Err(WatchRefused::TooMany(max));
        }
        let id = if request.id == 0 {
            self.free_id()
        } else {
            request.id
        };
        if self.watchers.contains_key(&id) {
            return Err(WatchRefused::IdTaken(id));
        }
        let (slot, watching) = self.hub().add(&self.queue, id, request);
        self.watchers.insert(id, slot);
        Ok(watching)
    }

    /// Ends a watcher; false if there is none of that number. Nothing more is told of it.
    pub fn cancel(&mut self, id: i64) -> bool {
        let Some(slot) = self.watchers.remove(&id) else {
            return false;
        };
        self.hub().remove(slot);
        self.queue.forget(id);
        self.ready.retain(|message| message.watch() != id);
        true
    }

    /// How many watchers there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.watchers.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.watchers.is_empty()
    }

    /// The keyspace's main revision, if everything up to it was told; otherwise there is more to take first.
    #[must_use]
    pub fn progress(&self) -> Option<i64> {
        if self.ready.is_empty() {
            self.hub().progress(&self.queue)
        } else {
            None
        }
    }

    /// The keyspace's main revision, whatever was told.
    #[must_use]
    pub fn revision(&self) -> i64 {
        self.hub().revision()
    }

    /// Waits for the next message. May be dropped while waiting: nothing is lost.
    ///
    /// # Errors
    /// When records cannot be read; the stream cannot go on then.
    pub async fn next(&mut self) -> Result<WatchMessage, StoreError> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// The next message, as [`Self::next`] waits for it.
    ///
    /// # Errors
    /// When records cannot be read; the stream cannot go on then.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<WatchMessage, StoreError>> {
        loop {
            if let Some(message) = self.try_next()? {
                return Poll::Ready(Ok(message));
            }
            ready!(self.queue.poll_rung(cx));
        }
    }

    /// The next message, if there is one.
    ///
    /// # Errors
    /// When records cannot be read; the stream cannot go on then.
    pub fn try_next(&mut self) -> Result<Option<WatchMessage>, StoreError> {
        // What waits in the queue comes before what a watcher missed: it is older.
        if self.ready.is_empty() {
            self.take_from_queue()?;
        }
        while self.ready.is_empty() && self.queue.behind() > 0 {
            self.catch_up()?;
        }
        Ok(self.ready.pop_front())
    }

    fn take_from_queue(&mut self) -> Result<(), StoreError> {
        let mut deliveries = std::mem::take(&mut self.taken);
        self.queue.take(DELIVERIES_MAX, &mut deliveries);
        for delivery in deliveries.drain(..) {
            let mut more = Vec::with_capacity(delivery.group.records().len());
            self.events_of(&delivery, &mut more)?;
            // One message for each watcher: its events stay in order, and a busy one costs few messages. There are few to
            // look through, as `DELIVERIES_MAX` says.
            let begun = self.ready.iter_mut().rev().find_map(|message| match message {
                WatchMessage::Events {
                    watch,
                    revision,
                    events,
                } if *watch == delivery.watch => Some((revision, events)),
                WatchMessage::Events { .. } | WatchMessage::Compacted { .. } => None,
            });
            if let Some((revision, events)) = begun {
                *revision = delivery.revision;
                events.append(&mut more);
            } else {
                self.ready.push_back(WatchMessage::Events {
                    watch: delivery.watch,
                    revision: delivery.revision,
                    events: more,
                });
            }
        }
        deliveries.shrink_to(TAKEN_KEPT_MAX);
        self.taken = deliveries;
        Ok(())
    }

    fn events_of(&self, delivery: &Delivery, events: &mut Vec<Event>) -> Result<(), StoreError> {
        for record in delivery.group.records() {
            events.push(self.event(record.clone(), delivery.revision, delivery.prev_kv)?);
        }
        Ok(())
    }

    fn event(&self, record: Arc<Record>, revision: i64, prev_kv: bool) -> Result<Event, StoreError> {
        let prev = if prev_kv {
            self.shared.before(self.space, record.key(), revision)?
        } else {
            None
        };
        Ok(Event { record, prev })
    }

    /// Brings up the watchers that are behind by one piece of history.
    fn catch_up(&mut self) -> Result<(), StoreError> {
        let (behind, revision) = self.hub().behind(self.watchers.values().copied());
        let Some(from) = behind.iter().map(|watcher| watcher.next).min() else {
            return Ok(());
        };
        let history = match self.shared.history(self.space, from, revision) {
            Ok(history) => history,
            Err(StoreError::Kv(KvError::Compacted { compacted, .. })) => {
                self.end_compacted(&behind, compacted, revision);
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        for watcher in &behind {
            let mut events = Vec::new();
            for (at, record) in &history.records {
                let wanted = at.main >= watcher.next
                    && watcher.keys.contain(record.key())
                    && told(record, watcher.no_put, watcher.no_delete);
                if wanted {
                    events.push(self.event(record.clone(), at.main, watcher.prev_kv)?);
                }
            }
            if !events.is_empty() {
                self.ready.push_back(WatchMessage::Events {
                    watch: watcher.id,
                    revision: history.upto,
                    events,
                });
            }
            self.hub()
                .advance(watcher.slot, watcher.next.max(history.upto + 1));
        }
        Ok(())
    }

    /// Ends those whose history is gone.
    fn end_compacted(&mut self, behind: &[Behind], compacted: i64, revision: i64) {
        for watcher in behind.iter().filter(|watcher| watcher.next < compacted) {
            self.watchers.remove(&watcher.id);
            self.hub().remove(watcher.slot);
            self.ready.push_back(WatchMessage::Compacted {
                watch: watcher.id,
                compact_revision: compacted,
                revision,
            });
        }
    }

    fn free_id(&mut self) -> i64 {
        while self.watchers.contains_key(&self.next_id) {
            self.next_id += 1;
        }
        let id = self.next_id;
        self.next_id += 1;
        id
    }

    fn hub(&self) -> &super::Hub {
        self.shared.hub(self.space)
    }
}

impl Drop for WatchStream {
    fn drop(&mut self) {
        for slot in self.watchers.values() {
            self.hub().remove(*slot);
        }
    }
}

impl WatchMessage {
    /// Which watcher it is for.
    #[must_use]
    pub fn watch(&self) -> i64 {
        match self {
            Self::Events { watch, .. } | Self::Compacted { watch, .. } => *watch,
        }
    }
}
