//! What the gateway does with requests, told over real sockets: each story starts a gateway, upstreams that do exactly
//! what the story says, and a client that looks at bytes.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;

mod balancing;
mod bodies;
mod draining;
mod fields;
mod forwarding;
mod limits;
mod pace;
mod repeating;
mod timeouts;
mod upgrades;
