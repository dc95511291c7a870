//! Looking at one of several things that a task waits for only when it was that one that woke it.
//!
//! A task has one waker. A call that waits for a request, an event, a tick and the end of the process is woken by events
//! ten thousand times before any of the others happens, and looking at those each time costs their locks, of which the
//! one around the end of the process is shared by all calls there are.
//!
//! Invariant: what happens behind a gate is looked at in the next poll after it happened, however the two meet.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::task::AtomicWaker;

/// Stands before one thing that is waited for. Open at first.
pub(super) struct Gate {
    bell: Arc<Bell>,
    waker: Waker,
}

struct Bell {
    rung: AtomicBool,
    task: AtomicWaker,
}

impl Gate {
    pub(super) fn new() -> Self {
        let bell = Arc::new(Bell {
            rung: AtomicBool::new(true),
            task: AtomicWaker::new(),
        });
        Self {
            waker: Waker::from(Arc::clone(&bell)),
            bell,
        }
    }

    /// Looks, if there may be something to see. What is looked at must keep its waker until it wakes it, also when the
    /// future that gave it is gone: a stream does, a future that takes itself off a list when dropped does not.
    pub(super) fn poll<T>(
        &self,
        cx: &mut Context<'_>,
        look: impl FnOnce(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        // First this, then the look at the bell: one that rings in between wakes the task.
        self.bell.task.register(cx.waker());
        if !self.bell.rung.swap(false, Ordering::AcqRel) {
            return Poll::Pending;
        }
        let seen = look(&mut Context::from_waker(&self.waker));
        if seen.is_ready() {
            // It will wake nobody for what it has given; there may be more.
            self.bell.rung.store(true, Ordering::Release);
        }
        seen
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.rung.store(true, Ordering::Release);
        self.task.wake();
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::sync::atomic::AtomicUsize;
    use std::time::Duration;

    use futures_util::future::join;
    use tokio::sync::mpsc;
    use tokio::time::timeout;

    use super::*;

    /// A thing behind a gate is not looked at while others wake the task, and nothing of it is missed: all messages
    /// arrive, though each wakes its reader once at most.
    #[tokio::test]
    async fn nothing_is_missed_and_nothing_looked_at_in_vain() {
        let (rare_tx, mut rare) = mpsc::unbounded_channel();
        let (often_tx, mut often) = mpsc::unbounded_channel();
        let (gate, looks) = (Gate::new(), AtomicUsize::new(0));
        let sender = async {
            for number in 0..1_000 {
                often_tx.send(number).expect("the reader is there");
                if number % 100 == 50 {
                    rare_tx.send(number).expect("the reader is there");
                }
                tokio::task::yield_now().await;
            }
        };
        let reader = async {
            let (mut seen, mut seen_rare) = (0, Vec::new());
            while seen < 1_000 || seen_rare.len() < 10 {
                poll_fn(|cx| {
                    let look = |cx: &mut Context<'_>| {
                        looks.fetch_add(1, Ordering::Relaxed);
                        rare.poll_recv(cx)
                    };
                    if let Poll::Ready(Some(number)) = gate.poll(cx, look) {
                        seen_rare.push(number);
                        return Poll::Ready(());
                    }
                    often.poll_recv(cx).map(|_| seen += 1)
                })
                .await;
            }
            seen_rare
        };
        let both = timeout(Duration::from_secs(20), join(sender, reader)).await;
        let ((), seen_rare) = both.expect("nothing is missed");
        assert_eq!(seen_rare, (0..10).map(|n| n * 100 + 50).collect::<Vec<_>>());
        let looks = looks.load(Ordering::Relaxed);
        assert!(looks <= 30, "{looks} looks for ten messages");
    }
}
