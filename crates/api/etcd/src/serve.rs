//! The door itself: gRPC over HTTP/2 and JSON over HTTP/1.1 on one listener, as etcd's clients expect.
//!
//! | file | idea |
//! |---|---|
//! | `door` | what all calls share |
//! | `calls` | which calls there are, and who answers them |
//! | `kv`, `lease`, `cluster`, `maintenance` | calls with one answer |
//! | `alarm` | that there is no room, and what follows from it |
//! | `watch`, `lock`, `election`, `snapshot` | calls that last |
//! | `pipe` | where a lasting call's messages come from and go to |
//! | `gate` | waiting for several things without looking at all of them |
//! | `http2`, `turns`, `exchange` | gRPC: a connection, how its task runs, and one call on it |
//! | `http1`, `gateway`, `probes` | JSON, and what operators ask |
//! | `v2` | the v2 keys |
//!
//! A connection's calls are run by its own task: nothing is handed from thread to thread to answer a read, and answers that
//! become ready together leave in one write. docs/performance/kv.md has the figures.

mod alarm;
mod calls;
mod cluster;
mod door;
mod election;
mod exchange;
mod gate;
mod gateway;
mod http1;
mod http2;
mod kv;
mod lease;
mod lock;
mod maintenance;
mod pipe;
mod probes;
mod recipe;
mod snapshot;
mod stats;
mod turns;
mod v2;
mod watch;

use std::sync::Arc;

use koinon_io_net::{BoundListener, Drain, HostGuard, ServeOptions, ServeReport, serve_either};

pub use door::{Door, Limits};
pub use stats::DoorStats;

/// Serves `door` on `listener` until `drain`; lasting calls end when the drain starts. `guard` looks at HTTP/1.1 only:
/// no web page can make a browser speak HTTP/2 without TLS, and gRPC clients name hosts as they like.
pub async fn serve(
    listener: BoundListener,
    door: Door,
    guard: HostGuard,
    options: ServeOptions,
    drain: Drain,
) -> ServeReport {
    if let Err(error) = door.inner.alarms.recall().await {
        tracing::error!(error = %error, "alarms that were raised before cannot be read; they count as put out");
    }
    let service = http1::Service::new(door.clone(), guard, drain.clone());
    let http2 = move |connection| http2::run(Arc::clone(&door.inner), connection);
    serve_either(listener, service, http2, options, drain).await
}
