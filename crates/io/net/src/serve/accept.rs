//! The accept loop: takes connections while there is room, and ends them all on a drain.
//!
//! Invariant: a connection holds one permit of the cap from before it is accepted until its task has ended.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep, timeout_at};
use tracing::{error, warn};

use super::{ServeReport, Shared};
use crate::bind::BACKLOG_LEN_MAX;

/// After an accept error the loop waits this long, then twice as long each time, up to the maximum.
const BACKOFF_MIN: Duration = Duration::from_millis(10);
const BACKOFF_MAX: Duration = Duration::from_secs(1);
const _: () = assert!(BACKOFF_MIN.as_nanos() < BACKOFF_MAX.as_nanos());

/// At most one line about accept errors in this time.
const LOG_INTERVAL: Duration = Duration::from_secs(5);

pub(crate) struct Acceptor<R> {
    shared: Arc<Shared>,
    /// Serves one connection to its end.
    run: R,
    room: Arc<Semaphore>,
    connections: JoinSet<()>,
    trouble: AcceptTrouble,
}

impl<R, F> Acceptor<R>
where
    R: Fn(TcpStream) -> F,
    F: Future<Output = ()> + Send + 'static,
{
    pub(crate) fn new(shared: Arc<Shared>, run: R) -> Self {
        let room = shared.options.connections_max.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            shared,
            run,
            room: Arc::new(Semaphore::new(room)),
            connections: JoinSet::new(),
            trouble: AcceptTrouble::default(),
        }
    }

    pub(crate) async fn run(mut self, listener: TcpListener) -> ServeReport {
        let drain = self.shared.drain.clone();
        let mut draining = std::pin::pin!(drain.cancelled());
        loop {
            tokio::select! {
                biased;
                () = &mut draining => break,
                Some(ended) = self.connections.join_next() => self.note_end(ended),
                (permit, accepted) = accept_with_room(&self.room, &listener) => match accepted {
                    Ok(stream) => {
                        self.trouble.recovered();
                        self.start(stream, permit);
                    }
                    Err(error) => {
                        self.shared.stats.accept_failed();
                        let wait = self.trouble.failed(&self.shared.name, &error);
                        tokio::select! {
                            () = &mut draining => break,
                            () = sleep(wait) => {}
                        }
                    }
                },
            }
        }
        self.take_queue(listener);
        self.finish().await
    }

    fn start(&mut self, stream: TcpStream, permit: OwnedSemaphorePermit) {
        let open = self.shared.stats.open_one();
        let serving = (self.run)(stream);
        self.connections.spawn(async move {
            let _held_until_the_end = (permit, open);
            serving.await;
        });
    }

    /// Takes the connections that the kernel has already accepted for us: closing the socket would reset them.
    fn take_queue(&mut self, listener: TcpListener) {
        let Ok(listener) = listener.into_std() else { return };
        for _ in 0..BACKLOG_LEN_MAX {
            let Ok(permit) = Arc::clone(&self.room).try_acquire_owned() else {
                return;
            };
            let Ok((stream, _peer)) = listener.accept() else {
                return;
            };
            if stream.set_nonblocking(true).is_ok()
                && let Ok(stream) = TcpStream::from_std(stream)
            {
                self.start(stream, permit);
            }
        }
    }

    /// Waits for the connections, until the drain's deadline; then drops what is left.
    async fn finish(mut self) -> ServeReport {
        let deadline = self.shared.drain.deadline().unwrap_or_else(Instant::now);
        while let Ok(Some(ended)) = timeout_at(deadline, self.connections.join_next()).await {
            self.note_end(ended);
        }
        while let Some(ended) = self.connections.try_join_next() {
            self.note_end(ended);
        }
        let cut_off = self.connections.len();
        if cut_off > 0 {
            warn!(
                listener = &*self.shared.name,
                cut_off, "connections still busy at the drain's deadline are cut off"
            );
        }
        self.connections.shutdown().await;
        ServeReport { cut_off }
    }

    fn note_end(&self, ended: Result<(), JoinError>) {
        if ended.is_err_and(|e| e.is_panic()) {
            self.shared.stats.panicked();
            error!(
                listener = &*self.shared.name,
                "a connection's handler panicked; the connection is lost"
            );
        }
    }
}

/// Waits for room under the cap first, so that a full listener leaves new connections in the kernel's queue.
async fn accept_with_room(
    room: &Arc<Semaphore>,
    listener: &TcpListener,
) -> (OwnedSemaphorePermit, io::Result<TcpStream>) {
    let Ok(permit) = Arc::clone(room).acquire_owned().await else {
        // The semaphore is never closed; were it, waiting for the drain would be the right answer.
        return std::future::pending().await;
    };
    (permit, listener.accept().await.map(|(stream, _peer)| stream))
}

/// Paces accept errors: how long to wait, and whether to say so.
#[derive(Debug, Default)]
struct AcceptTrouble {
    backoff: Duration,
    logged_at: Option<Instant>,
    unlogged: u64,
}

impl AcceptTrouble {
    fn recovered(&mut self) {
        self.backoff = Duration::ZERO;
    }

    fn failed(&mut self, listener: &str, error: &io::Error) -> Duration {
        // The peer went away while it queued: nothing is wrong with us, take the next one.
        if matches!(
            error.kind(),
            io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
        ) {
            return Duration::ZERO;
        }
        let now = Instant::now();
        if self
            .logged_at
            .is_none_or(|at| now.duration_since(at) >= LOG_INTERVAL)
        {
            warn!(listener, %error, more = self.unlogged, "cannot accept connections; raise the limit of open files?");
            self.logged_at = Some(now);
            self.unlogged = 0;
        } else {
            self.unlogged += 1;
        }
        self.backoff = (self.backoff * 2).clamp(BACKOFF_MIN, BACKOFF_MAX);
        self.backoff
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Running out of file descriptors must neither spin nor fill the log, and must end when it is over.
    #[tokio::test(start_paused = true)]
    async fn accept_errors_back_off_and_are_logged_rarely() {
        let mut trouble = AcceptTrouble::default();
        let full = io::Error::other("too many open files");
        let waits: Vec<_> = (0..10).map(|_| trouble.failed("admin", &full)).collect();
        assert_eq!(waits[0], BACKOFF_MIN);
        assert_eq!(waits[1], BACKOFF_MIN * 2);
        assert_eq!(waits[9], BACKOFF_MAX);
        assert_eq!(trouble.unlogged, 9);

        tokio::time::advance(LOG_INTERVAL).await;
        trouble.failed("admin", &full);
        assert_eq!(trouble.unlogged, 0);

        trouble.recovered();
        assert_eq!(trouble.failed("admin", &full), BACKOFF_MIN);
    }

    /// A peer that gave up in the queue must not slow the others down.
    #[tokio::test]
    async fn a_peer_that_left_the_queue_costs_nothing() {
        let gone = io::Error::from(io::ErrorKind::ConnectionAborted);
        assert_eq!(AcceptTrouble::default().failed("admin", &gone), Duration::ZERO);
    }
}
