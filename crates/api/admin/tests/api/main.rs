//! The native API over real sockets, as a script would use it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod document;
mod errors;
mod gateway;
mod operations;
mod rest;
mod snapshot;
mod support;
mod watch;
