//! Work that is too long for a thread of the runtime, a few at a time.
//!
//! Writing an answer of many thousand instances takes tens of milliseconds. On a thread that also serves heartbeats,
//! everybody waits for it; on a thread of its own nobody does, but then something must bound how many there are.
//!
//! Invariant: a turn belongs to the work, not to whoever asked for it: a client that hangs up does not let the next
//! one start more while its own still runs.

use std::sync::Arc;

use tokio::sync::Semaphore;

/// How many long works go on at once. Each may hold an answer as large as the registry's whole list.
const TURNS: usize = 4;

/// Items that take about a millisecond to write: so few are written at once, where they are asked for.
const FEW: usize = 500;

/// Runs long work in the background, by turns. Clones share the turns.
#[derive(Debug, Clone)]
pub struct Background {
    turns: Arc<Semaphore>,
}

impl Default for Background {
    fn default() -> Self {
        Self {
            turns: Arc::new(Semaphore::new(TURNS)),
        }
    }
}

impl Background {
    /// Does work over `items` things: at once if they are few, else in the background when it is its turn.
    ///
    /// # Panics
    /// When `work` does.
    pub async fn run<T: Send + 'static>(&self, items: usize, work: impl FnOnce() -> T + Send + 'static) -> T {
        if items <= FEW {
            return work();
        }
        // The semaphore is never closed; were it, going on without a turn would be the right answer.
        let turn = Arc::clone(&self.turns).acquire_owned().await.ok();
        let work = move || {
            let _turn = turn;
            work()
        };
        match tokio::task::spawn_blocking(work).await {
            Ok(done) => done,
            Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread::{self, ThreadId};
    use std::time::Duration;

    use super::*;

    /// Little work stays where it is, much work leaves the runtime's thread.
    #[tokio::test]
    async fn only_long_work_moves() {
        let background = Background::default();
        let here: ThreadId = thread::current().id();
        assert_eq!(background.run(FEW, || thread::current().id()).await, here);
        assert_ne!(background.run(FEW + 1, || thread::current().id()).await, here);
    }

    /// However many ask and go away, only so many works run at once.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn callers_that_go_away_start_no_more() {
        let background = Background::default();
        let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        for _ in 0..40 {
            let (running, most) = (Arc::clone(&running), Arc::clone(&most));
            let asked = background.run(FEW + 1, move || {
                most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                thread::sleep(Duration::from_millis(5));
                running.fetch_sub(1, Ordering::SeqCst);
            });
            // Gone before it is done.
            let _ = tokio::time::timeout(Duration::from_millis(1), asked).await;
        }
        let last = background.run(FEW + 1, || ());
        tokio::time::timeout(Duration::from_secs(10), last)
            .await
            .expect("turns come back");
        assert!(most.load(Ordering::SeqCst) <= TURNS);
    }
}
