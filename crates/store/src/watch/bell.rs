//! Waking one task that waits, however often it is rung before the task looks.

use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use futures_util::task::AtomicWaker;

/// One task's bell.
#[derive(Debug, Default)]
pub(super) struct Bell {
    rung: AtomicBool,
    task: AtomicWaker,
}

impl Bell {
    pub(super) fn ring(&self) {
        if self.mark() {
            self.wake();
        }
    }

    /// Rings without waking the task; whether it has to be woken, which it has not if it was rung already.
    pub(super) fn mark(&self) -> bool {
        !self.rung.swap(true, Ordering::AcqRel)
    }

    pub(super) fn wake(&self) {
        self.task.wake();
    }

    /// Forgets that it was rung. What rings later wakes the task anew.
    pub(super) fn hush(&self) {
        self.rung.swap(false, Ordering::AcqRel);
    }

    /// Ready when it was rung since it was ready or hushed.
    pub(super) fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        // First this, then the look: a ring in between wakes the task.
        self.task.register(cx.waker());
        if self.rung.swap(false, Ordering::AcqRel) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}
