//! One stream's queue between the writer, which never waits, and the stream's task, which does.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use koinon_core_kv::Record;
use tokio::time::Instant;

use super::bell::Bell;

/// The records of one main revision that a watcher matched. Watchers of the same records share them.
#[derive(Debug, Clone)]
pub(crate) enum Group {
    One(Arc<Record>),
    Many(Arc<[Arc<Record>]>),
}

impl Group {
    pub(crate) fn records(&self) -> &[Arc<Record>] {
        match self {
            Self::One(record) => std::slice::from_ref(record),
            Self::Many(records) => records,
        }
    }
}

/// Something for one watcher.
#[derive(Debug)]
pub(crate) struct Delivery {
    pub(crate) watch: i64,
    pub(crate) prev_kv: bool,
    pub(crate) revision: i64,
    pub(crate) group: Group,
}

/// The queue. Bounded in events and, about, in bytes.
#[derive(Debug)]
pub(crate) struct Queue {
    inner: Mutex<Inner>,
    /// Rung when there is something to take or a watcher fell behind.
    bell: Bell,
    made: Instant,
    /// When the teller woke the stream last, counted from `made`, and one more; 0: never.
    woken_us: AtomicU64,
    /// How many of its watchers are behind. Changed under the hub's lock.
    behind: AtomicUsize,
    events_max: usize,
    bytes_max: usize,
}

#[derive(Debug, Default)]
struct Inner {
    deliveries: VecDeque<Delivery>,
    events: usize,
    bytes: usize,
}

impl Queue {
    pub(crate) fn new(events_max: usize, bytes_max: usize) -> Self {
        Self {
            inner: Mutex::default(),
            bell: Bell::default(),
            made: Instant::now(),
            woken_us: AtomicU64::new(0),
            behind: AtomicUsize::new(0),
            events_max,
            bytes_max,
        }
    }

    /// Takes a delivery, unless the queue is full. An empty queue takes anything: a bound that one transaction exceeds
    /// must not keep its watcher behind for ever.
    pub(crate) fn push(&self, delivery: Delivery) -> bool {
        let (events, bytes) = weight(&delivery.group);
        let mut inner = self.lock();
        let full = inner.events + events > self.events_max || inner.bytes + bytes > self.bytes_max;
        if full && !inner.deliveries.is_empty() {
            return false;
        }
        inner.events += events;
        inner.bytes += bytes;
        inner.deliveries.push_back(delivery);
        true
    }

    /// Takes up to `max` deliveries, oldest first. What comes later than the call rings anew.
    pub(crate) fn take(&self, max: usize, taken: &mut Vec<Delivery>) {
        self.bell.hush();
        let mut inner = self.lock();
        let count = inner.deliveries.len().min(max);
        for _ in 0..count {
            let Some(delivery) = inner.deliveries.pop_front() else {
                break;
            };
            let (events, bytes) = weight(&delivery.group);
            inner.events -= events;
            inner.bytes -= bytes;
            taken.push(delivery);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lock().deliveries.is_empty()
    }

    /// Forgets what waits for a watcher that was cancelled.
    pub(crate) fn forget(&self, watch: i64) {
        let mut inner = self.lock();
        let Inner {
            deliveries,
            events,
            bytes,
        } = &mut *inner;
        deliveries.retain(|delivery| {
            let keep = delivery.watch != watch;
            if !keep {
                let (its_events, its_bytes) = weight(&delivery.group);
                *events -= its_events;
                *bytes -= its_bytes;
            }
            keep
        });
    }

    pub(crate) fn fell_behind(&self) {
        self.behind.fetch_add(1, Ordering::Relaxed);
        self.ring();
    }

    pub(crate) fn caught_up(&self) {
        self.behind.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn behind(&self) -> usize {
        self.behind.load(Ordering::Relaxed)
    }

    pub(crate) fn ring(&self) {
        self.bell.ring();
    }

    /// Rings without waking the stream; whether it has to be woken.
    pub(super) fn mark(&self) -> bool {
        self.bell.mark()
    }

    pub(super) fn wake(&self) {
        self.bell.wake();
    }

    /// Wakes the stream, and remembers when.
    pub(super) fn wake_at(&self, now: Instant) {
        let us = u64::try_from((now - self.made).as_micros()).unwrap_or(0);
        self.woken_us.store(us + 1, Ordering::Relaxed);
        self.wake();
    }

    /// When the stream may be woken again, if not now.
    pub(super) fn due(&self, now: Instant, pause: Duration) -> Option<Instant> {
        let woken_us = self.woken_us.load(Ordering::Relaxed).checked_sub(1)?;
        let due = self.made + Duration::from_micros(woken_us) + pause;
        (due > now).then_some(due)
    }

    /// Ready when it was rung since the last call of [`Self::take`].
    pub(crate) fn poll_rung(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.bell.poll(cx)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many events a group has, and what it weighs.
fn weight(group: &Group) -> (usize, usize) {
    let records = group.records();
    let bytes = records.iter().map(|record| crate::overlay::size(record)).sum();
    (records.len(), bytes)
}
