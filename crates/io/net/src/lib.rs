//! Listeners and everything a front door needs around its protocol: bind, serve, guard, drain, and a small client.
//!
//! A door brings a service (request in, response out); this crate brings the sockets and the limits, so that no
//! door invents its own. In the order a process uses them:
//!
//! 1. [`bind()`] takes an address and answers with a listener or with an error that names the setting to change;
//! 2. [`guarded`] wraps the door's service so that web pages cannot drive a loopback listener;
//! 3. [`serve()`] runs it: connection cap, header and write-stall timeouts, counters;
//!    or [`serve_http1`] where requests are small and very many;
//! 4. [`DrainHandle::start`] ends it: no new connections, what is in flight finishes, the rest is dropped.
//!
//! Invariant: nothing here waits, grows or retries without a bound.

pub mod background;
pub mod bind;
pub mod body;
pub mod client;
pub mod descriptors;
pub mod drain;
pub mod guard;
pub mod http1;
pub mod serve;

pub use background::Background;
pub use bind::{BindError, BoundListener, bind, resolve};
pub use body::{ReadBodyError, read_body_limited};
pub use client::{Client, ClientError, ClientOptions, Endpoint};
pub use drain::{Drain, DrainHandle, drain};
pub use guard::{HostGuard, HostRefused, guarded};
pub use http1::{Answer, Handler, Payload, Request, serve_http1};
pub use hyper_util::service::TowerToHyperService;
pub use serve::{
    Http2Connection, ListenerStats, RequestCounter, ServeOptions, ServeReport, serve, serve_either,
};
