//! Waking the streams that have something to tell: all in one go, from within the runtime, and none too often.
//!
//! The writer could wake each stream itself, and would pay for each the way into a runtime that it is no part of. Instead
//! it hands over a list, and one task wakes them from where their tasks run. And what a stream tells costs a turn of its
//! task and a write, whether it is one event or ten. So a stream that was woken a moment ago waits for [`PAUSE`], while one
//! that was quiet is woken at once.
//!
//! Invariant: a queue whose bell was marked is woken within the pause, or by whoever finds that there is no task to do it.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::{Instant, sleep_until};

use super::bell::Bell;
use super::queue::Queue;

/// How soon a stream is woken again: it tells at most some hundred times a second, and each time all there is. An event of
/// a busy stream is told that much later; what it costs is divided by the events of the pause.
const PAUSE: Duration = Duration::from_millis(1);
/// So many streams are woken by the writer itself: a list would cost more.
const DIRECT_MAX: usize = 2;

#[derive(Debug)]
pub(super) struct Teller {
    inner: Mutex<Inner>,
    bell: Bell,
    /// There is a task. Changed under the lock.
    running: AtomicBool,
}

#[derive(Debug, Default)]
struct Inner {
    list: Vec<Arc<Queue>>,
    closed: bool,
}

impl Teller {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            inner: Mutex::default(),
            bell: Bell::default(),
            running: AtomicBool::new(false),
        })
    }

    /// Makes the task, if there is none and this is a runtime.
    pub(super) fn start(self: &Arc<Self>) {
        if self.running.load(Ordering::Acquire) {
            return;
        }
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        let inner = self.lock();
        if !inner.closed && !self.running.swap(true, Ordering::AcqRel) {
            drop(inner);
            let task = Task {
                teller: Arc::clone(self),
                waiting: Vec::new(),
            };
            runtime.spawn(task.run());
        }
    }

    /// Has the streams of these queues woken, whose bells were marked.
    pub(super) fn wake(&self, queues: Vec<Arc<Queue>>) {
        if queues.is_empty() {
            return;
        }
        if queues.len() > DIRECT_MAX {
            let mut inner = self.lock();
            if self.running.load(Ordering::Acquire) {
                inner.list.extend(queues);
                drop(inner);
                self.bell.ring();
                return;
            }
        }
        for queue in queues {
            queue.wake();
        }
    }

    /// Ends the task.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.bell.ring();
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The task's own. Dropping it, as a runtime does that ends, leaves nobody asleep.
struct Task {
    teller: Arc<Teller>,
    /// Those that were woken too short a time ago.
    waiting: Vec<Arc<Queue>>,
}

impl Task {
    async fn run(mut self) {
        let mut due = None;
        while self.rung_or_due(due).await {
            due = self.wake();
        }
    }

    /// Waits until there is more to wake, or until it is time for one that waits. False when there will be no more.
    async fn rung_or_due(&self, due: Option<Instant>) -> bool {
        let bell = &self.teller.bell;
        match due {
            None => poll_fn(|cx| bell.poll(cx)).await,
            Some(due) => {
                let mut time = pin!(sleep_until(due));
                poll_fn(|cx| match bell.poll(cx) {
                    Poll::Ready(()) => Poll::Ready(()),
                    Poll::Pending => time.as_mut().poll(cx),
                })
                .await;
            }
        }
        !self.teller.lock().closed
    }

    /// Wakes those whose time has come; when the next one's comes.
    fn wake(&mut self) -> Option<Instant> {
        self.waiting.append(&mut self.teller.lock().list);
        let now = Instant::now();
        let mut first = None;
        self.waiting.retain(|queue| match queue.due(now, PAUSE) {
            Some(due) => {
                first = Some(first.map_or(due, |first: Instant| first.min(due)));
                true
            }
            None => {
                queue.wake_at(now);
                false
            }
        });
        first
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        let mut inner = self.teller.lock();
        self.teller.running.store(false, Ordering::Release);
        self.waiting.append(&mut inner.list);
        drop(inner);
        for queue in self.waiting.drain(..) {
            queue.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::task::{Context, Wake, Waker};

    use bytes::Bytes;
    use koinon_core_kv::{KeyValue, Keys, LeaseId, Record, Revision};
    use tokio::time::timeout;

    use super::*;
    use crate::watch::{Hub, WatchRequest};

    const STREAMS: usize = 5;

    /// A keyspace with streams that watch all of it.
    fn watched() -> (Hub, Vec<Arc<Queue>>) {
        let hub = Hub::new(1);
        let queues: Vec<_> = (0..STREAMS)
            .map(|_| Arc::new(Queue::new(1_000, 1 << 20)))
            .collect();
        for queue in &queues {
            let request = WatchRequest {
                id: 0,
                keys: Keys::From(Bytes::from_static(b"\0")),
                start_revision: 0,
                no_put: false,
                no_delete: false,
                prev_kv: false,
            };
            hub.add(queue, 0, &request);
        }
        (hub, queues)
    }

    fn put(hub: &Hub, main: i64) {
        let record = Arc::new(Record::Put(KeyValue {
            key: Bytes::from_static(b"key"),
            value: Bytes::new(),
            create_revision: main,
            mod_revision: main,
            version: 1,
            lease: LeaseId(0),
        }));
        hub.publish(main, &[(Revision::new(main, 0), record)]);
    }

    /// When a stream was woken, until it was told of `last`; and of what it was told.
    async fn told(queue: Arc<Queue>, last: i64) -> (Vec<Instant>, Vec<i64>) {
        let (mut woken, mut told, mut taken) = (Vec::new(), Vec::new(), Vec::new());
        while told.last() != Some(&last) {
            poll_fn(|cx| queue.poll_rung(cx)).await;
            woken.push(Instant::now());
            queue.take(usize::MAX, &mut taken);
            told.extend(taken.drain(..).map(|delivery| delivery.revision));
        }
        (woken, told)
    }

    /// However fast things happen, every stream is told of each of them once and in order, and is woken no more often than
    /// it should be; the first time at once.
    #[tokio::test(start_paused = true)]
    async fn busy_streams_are_told_everything_in_few_turns() {
        const LAST: i64 = 500;
        let began = Instant::now();
        let (hub, queues) = watched();
        let streams: Vec<_> = queues
            .into_iter()
            .map(|queue| tokio::spawn(told(queue, LAST)))
            .collect();
        for main in 2..=LAST {
            put(&hub, main);
            tokio::time::sleep(Duration::from_micros(if main % 100 == 0 { 1_000 } else { 0 })).await;
            tokio::task::yield_now().await;
        }
        for stream in streams {
            let ended = timeout(Duration::from_secs(30), stream)
                .await
                .expect("nothing is missed");
            let (woken, told) = ended.expect("no panic");
            assert_eq!(told, (2..=LAST).collect::<Vec<_>>());
            assert_eq!(woken.first(), Some(&began), "the first is told at once");
            let mut pauses = woken.windows(2).map(|pair| pair[1] - pair[0]);
            assert!(
                pauses.all(|pause| pause + Duration::from_micros(1) >= PAUSE),
                "{woken:?}"
            );
        }
    }

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A runtime that ends takes the task with it, and nobody who is elsewhere sleeps for ever.
    #[test]
    fn streams_outlive_the_runtime_that_woke_them() {
        let runtime = || {
            tokio::runtime::Builder::new_current_thread()
                .enable_time()
                .build()
                .expect("a runtime")
        };
        let first = runtime();
        let (hub, queues) = first.block_on(async { watched() });
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        let sleep = |queue: &Arc<Queue>| {
            let mut taken = Vec::new();
            queue.take(usize::MAX, &mut taken);
            assert!(queue.poll_rung(&mut Context::from_waker(&waker)).is_pending());
        };
        queues.iter().for_each(sleep);
        put(&hub, 2);
        assert_eq!(woken.0.load(Ordering::Relaxed), 0, "the task has not run");
        drop(first);
        assert_eq!(woken.0.load(Ordering::Relaxed), STREAMS);
        queues.iter().for_each(sleep);
        put(&hub, 3);
        assert_eq!(
            woken.0.load(Ordering::Relaxed),
            2 * STREAMS,
            "without a task, by the writer"
        );
    }
}
