//! One signal that tells every listener, connection and stream of a process to finish.
//!
//! Invariant: a drain that has started never stops, and its deadline never moves.
//! Invariant: when the last [`DrainHandle`] is dropped, the drain starts with no time left, so that nothing can
//! outlive the part of the program that was able to end it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

/// A new drain: the handle starts it, the other half is cloned to whoever must notice.
#[must_use]
pub fn drain() -> (DrainHandle, Drain) {
    let (tx, rx) = watch::channel(None);
    let observer = Drain { rx };
    (
        DrainHandle {
            tx: Arc::new(tx),
            observer: observer.clone(),
        },
        observer,
    )
}

/// Starts the drain.
#[derive(Debug, Clone)]
pub struct DrainHandle {
    tx: Arc<watch::Sender<Option<Instant>>>,
    observer: Drain,
}

impl DrainHandle {
    /// Tells everybody to finish `within` that time. A second call changes nothing.
    pub fn start(&self, within: Duration) {
        self.tx.send_if_modified(|deadline| {
            let first = deadline.is_none();
            if first {
                *deadline = Some(Instant::now() + within);
            }
            first
        });
    }

    /// Another observer of this drain.
    #[must_use]
    pub fn observe(&self) -> Drain {
        self.observer.clone()
    }
}

/// Observes the drain; cheap to clone.
#[derive(Debug, Clone)]
pub struct Drain {
    // Never marked as seen: `has_changed` then answers "has it started?" from one atomic, without a lock.
    rx: watch::Receiver<Option<Instant>>,
}

impl Drain {
    /// Returns once the drain has started; an endless stream selects on this to end.
    pub async fn cancelled(&self) {
        if self.is_draining() {
            return;
        }
        let mut rx = self.rx.clone();
        // An error means that the handle is gone, which is a drain too.
        drop(rx.changed().await);
    }

    /// Whether the drain has started.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.rx.has_changed().unwrap_or(true)
    }

    /// When everything must have ended: only known once the drain has started.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let set = *self.rx.borrow();
        set.or_else(|| self.is_draining().then(Instant::now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Observers made before and after the start all see it, and the first deadline stays.
    #[tokio::test]
    async fn a_started_drain_reaches_everybody_once() {
        let (handle, early) = drain();
        assert!(!early.is_draining());
        assert_eq!(early.deadline(), None);

        let waiting = tokio::spawn({
            let early = early.clone();
            async move { early.cancelled().await }
        });
        handle.start(Duration::from_secs(5));
        let deadline = early.deadline();
        handle.start(Duration::from_secs(500));
        waiting.await.unwrap();

        assert!(deadline.is_some());
        assert_eq!(early.deadline(), deadline);
        assert_eq!(early.clone().deadline(), deadline);
        assert!(early.is_draining());
        early.cancelled().await;
    }

    /// `observe` after the start must not wait for a change that has already happened.
    #[tokio::test]
    async fn a_late_observer_sees_the_started_drain() {
        let (handle, _early) = drain();
        handle.start(Duration::ZERO);
        let late = handle.observe();
        assert!(late.is_draining());
        late.cancelled().await;
    }

    /// A dropped handle must end what it could have ended.
    #[tokio::test]
    async fn a_dropped_handle_drains_at_once() {
        let (handle, observer) = drain();
        drop(handle);
        observer.cancelled().await;
        assert!(observer.is_draining());
        assert!(observer.deadline().is_some_and(|d| d <= Instant::now()));
    }
}
