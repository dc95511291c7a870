//! Takes connections, and ends them all on a drain.

use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use koinon_io_net::Drain;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout_at};
use tracing::{error, warn};

use super::Worker;
use crate::fault::Fault;
use crate::meter::bump;
use crate::proxy;

/// Connections taken from the kernel's queue when a drain starts: more than it can hold.
const QUEUE_LEN_MAX: usize = 8192;
/// After an accept error the loop waits this long, then twice as long each time, up to the maximum.
const BACKOFF_MIN: Duration = Duration::from_millis(10);
const BACKOFF_MAX: Duration = Duration::from_secs(1);

/// Accepts until the drain starts, then waits for the connections; says how many were cut off.
pub(super) async fn run(worker: Rc<Worker>, listener: TcpListener, drain: Drain) -> usize {
    let mut connections = JoinSet::new();
    let mut backoff = Duration::ZERO;
    let mut draining = std::pin::pin!(drain.cancelled());
    loop {
        tokio::select! {
            biased;
            () = &mut draining => break,
            Some(ended) = connections.join_next() => note_end(&ended),
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    backoff = Duration::ZERO;
                    start(&worker, &mut connections, stream, peer);
                }
                // Gone while it queued: nothing is wrong with us.
                Err(error) if is_of_peer(&error) => {}
                Err(error) => {
                    backoff = (backoff * 2).clamp(BACKOFF_MIN, BACKOFF_MAX);
                    warn!(%error, wait_ms = backoff.as_millis(), "cannot accept connections; raise the limit of open files?");
                    sleep(backoff).await;
                }
            }
        }
    }
    worker.draining.set(true);
    take_queue(&worker, &mut connections, listener);
    worker.roll.wake_all();
    finish(connections, drain.deadline().unwrap_or_else(Instant::now)).await
}

fn start(worker: &Rc<Worker>, connections: &mut JoinSet<()>, stream: TcpStream, peer: std::net::SocketAddr) {
    let counts = worker.counts();
    bump(&counts.accepted, 1);
    let Some(place) = worker.node.caps.enter(peer.ip().to_canonical()) else {
        bump(&counts.refused_connections, 1);
        bump(&counts.faults[Fault::Overloaded.index()], 1);
        refuse(&stream);
        return;
    };
    // Without it only small answers would be late, so there is nothing to end the connection for.
    let _ = stream.set_nodelay(true);
    bump(&counts.open, 1);
    let worker = Rc::clone(worker);
    connections.spawn_local(async move {
        let _held_until_the_end = (place, OpenGuard(Rc::clone(&worker)));
        proxy::serve(worker, stream, peer).await;
    });
}

struct OpenGuard(Rc<Worker>);

impl Drop for OpenGuard {
    fn drop(&mut self) {
        let open = &self.0.counts().open;
        open.store(open.load(Relaxed).saturating_sub(1), Relaxed);
    }
}

/// Says why, if the kernel takes it at once; nobody waits for a client that there is no room for.
fn refuse(stream: &TcpStream) {
    let body = Fault::Overloaded.body("-");
    let head = format!(
        "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let _ = stream.try_write(&[head.as_bytes(), &body].concat());
}

/// Takes the connections that the kernel has already accepted for us: closing the socket would reset them.
fn take_queue(worker: &Rc<Worker>, connections: &mut JoinSet<()>, listener: TcpListener) {
    let Ok(listener) = listener.into_std() else { return };
    for _ in 0..QUEUE_LEN_MAX {
        let Ok((stream, peer)) = listener.accept() else {
            return;
        };
        if stream.set_nonblocking(true).is_ok()
            && let Ok(stream) = TcpStream::from_std(stream)
        {
            start(worker, connections, stream, peer);
        }
    }
}

async fn finish(mut connections: JoinSet<()>, deadline: Instant) -> usize {
    while let Ok(Some(ended)) = timeout_at(deadline, connections.join_next()).await {
        note_end(&ended);
    }
    let cut_off = connections.len();
    connections.shutdown().await;
    cut_off
}

fn note_end(ended: &Result<(), tokio::task::JoinError>) {
    if ended.as_ref().is_err_and(tokio::task::JoinError::is_panic) {
        error!("a connection of the gateway panicked; the connection is lost");
    }
}

fn is_of_peer(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        std::io::ErrorKind::ConnectionAborted | std::io::ErrorKind::ConnectionReset
    )
}
