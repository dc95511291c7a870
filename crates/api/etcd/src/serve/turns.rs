//! A task that wakes itself goes on at once, instead of queueing up behind the others.
//!
//! Whoever hands something to a connection wakes its task, and mostly that is one of the task's own calls, while it runs. A
//! runtime would put such a task at the end of its queue, and wake another thread to look whether there is work.
//!
//! Invariants:
//! - a wake that comes after a turn has begun, or [begun anew](Turns::begin_anew), leads to another turn, here or by the
//!   runtime;
//! - at most [`TURNS_MAX`] turns are taken before other tasks get theirs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::task::AtomicWaker;

/// Two are usual: one reads and answers, one writes the answers and finds nothing more to read.
const TURNS_MAX: usize = 8;

/// Nothing runs: a wake goes to the runtime.
const RESTING: u8 = 0;
/// A turn runs.
const RUNNING: u8 = 1;
/// A turn runs, and another is wanted.
const CALLED: u8 = 2;

/// Takes a task's turns.
#[derive(Debug)]
pub(super) struct Turns {
    bell: Arc<Bell>,
    /// Rings the bell.
    waker: Waker,
}

#[derive(Debug)]
struct Bell {
    state: AtomicU8,
    task: AtomicWaker,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let called = self
            .state
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |state| {
                (state != RESTING).then_some(CALLED)
            });
        if called.is_err() {
            self.task.wake();
        }
    }
}

impl Turns {
    pub(super) fn new() -> Self {
        let bell = Arc::new(Bell {
            state: AtomicU8::new(RESTING),
            task: AtomicWaker::new(),
        });
        Self {
            waker: Waker::from(Arc::clone(&bell)),
            bell,
        }
    }

    /// In a turn: all that called so far is looked at in what is left of it.
    pub(super) fn begin_anew(&self) {
        self.bell.state.swap(RUNNING, Ordering::AcqRel);
    }

    /// Takes turns until one ends without having been called again. `turn` always gets the same waker.
    pub(super) fn poll<T>(
        &self,
        cx: &mut Context<'_>,
        mut turn: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        self.bell.task.register(cx.waker());
        for _ in 0..TURNS_MAX {
            // Whoever called before finds what it called for in this turn.
            self.begin_anew();
            if let Poll::Ready(done) = turn(&mut Context::from_waker(&self.waker)) {
                return Poll::Ready(done);
            }
            let rests =
                self.bell
                    .state
                    .compare_exchange(RUNNING, RESTING, Ordering::AcqRel, Ordering::Acquire);
            if rests.is_ok() {
                return Poll::Pending;
            }
        }
        self.bell.state.store(RESTING, Ordering::Release);
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A wake during a turn is another turn and nothing for the runtime; one after it is for the runtime.
    #[test]
    fn a_wake_is_never_lost_nor_told_twice() {
        let woken = Arc::new(Woken::default());
        let outer = Waker::from(Arc::clone(&woken));
        let (turns, taken) = (Turns::new(), Cell::new(0));
        let mut kept = None;
        let polled = turns.poll(&mut Context::from_waker(&outer), |cx| {
            taken.set(taken.get() + 1);
            kept = Some(cx.waker().clone());
            if taken.get() < 3 {
                cx.waker().wake_by_ref();
            }
            Poll::<()>::Pending
        });
        assert!(polled.is_pending());
        assert_eq!((taken.get(), woken.0.load(Ordering::Relaxed)), (3, 0));
        kept.expect("it was polled").wake();
        assert_eq!(woken.0.load(Ordering::Relaxed), 1);
    }

    /// What called before a turn began anew is looked at in its rest, and is no reason for another; what calls after it is.
    #[test]
    fn a_turn_begun_anew_has_not_been_called() {
        let woken = Arc::new(Woken::default());
        let outer = Waker::from(Arc::clone(&woken));
        let (turns, taken) = (Turns::new(), Cell::new(0));
        let polled = turns.poll(&mut Context::from_waker(&outer), |cx| {
            taken.set(taken.get() + 1);
            cx.waker().wake_by_ref();
            turns.begin_anew();
            if taken.get() == 1 {
                cx.waker().wake_by_ref();
            }
            Poll::<()>::Pending
        });
        assert!(polled.is_pending());
        assert_eq!((taken.get(), woken.0.load(Ordering::Relaxed)), (2, 0));
    }

    /// Who calls without end lets others go first, and is not forgotten.
    #[test]
    fn turns_end() {
        let woken = Arc::new(Woken::default());
        let outer = Waker::from(Arc::clone(&woken));
        let taken = Cell::new(0);
        let polled = Turns::new().poll(&mut Context::from_waker(&outer), |cx| {
            taken.set(taken.get() + 1);
            cx.waker().wake_by_ref();
            Poll::<()>::Pending
        });
        assert!(polled.is_pending());
        assert_eq!((taken.get(), woken.0.load(Ordering::Relaxed)), (TURNS_MAX, 1));
    }
}
