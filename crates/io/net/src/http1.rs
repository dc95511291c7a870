//! The lean HTTP/1.1 server for doors that answer small things very often.
//!
//! It does what [`crate::serve()`] does, with the same limits, counters and drain, on our own codec: requests are read
//! strictly ([`koinon_core_http1`]), and an answer leaves in one write. A general server pays for generality with several
//! microseconds a request (boxed bodies, header maps, timers); a heartbeat does not need any of it. `docs/adr/0004` has the figures.
//!
//! Invariants:
//! - a request that is refused is answered with its status, and the connection closes;
//! - a connection holds no buffer while it waits for a request;
//! - nothing waits without a limit: heads, bodies and stalled writes each have one.

mod answer;
mod close;
mod connection;
mod date;
mod request;
mod wire;

use std::future::Future;
use std::sync::Arc;

use koinon_core_http1::Refusal;
use tokio::net::TcpStream;

pub use answer::{Answer, Payload};
pub use request::Request;

use crate::bind::BoundListener;
use crate::drain::Drain;
use crate::serve::{Acceptor, ServeOptions, ServeReport, Shared};

/// What answers the requests of a listener.
pub trait Handler: Send + Sync + 'static {
    /// One request in, one answer out. A body that is not read is read and forgotten if it is small, else the connection
    /// closes.
    fn answer(&self, request: Request<'_>) -> impl Future<Output = Answer> + Send;

    /// The answer to what is no request, in the door's own form. Its status should be the refusal's.
    fn refuse(&self, refusal: Refusal) -> Answer;
}

/// Serves `listener` with `handler` until `drain` has started and everything in flight has ended, or the drain's
/// deadline has passed.
pub async fn serve_http1<H: Handler>(
    listener: BoundListener,
    handler: Arc<H>,
    options: ServeOptions,
    drain: Drain,
) -> ServeReport {
    let shared = Arc::new(Shared::new(
        Arc::clone(listener.name()),
        options,
        Arc::clone(listener.stats()),
        drain,
    ));
    let run = {
        let shared = Arc::clone(&shared);
        move |stream: TcpStream| connection::run(Arc::clone(&shared), stream, Arc::clone(&handler))
    };
    Acceptor::new(shared, run).run(listener.listener).await
}
