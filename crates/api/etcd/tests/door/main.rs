//! Stories of the door over real sockets: a store on a temporary disk, the door before it, and clients that speak gRPC and
//! JSON byte by byte.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

mod alarms;
mod batches;
mod json;
mod keys;
mod limits;
mod support;
mod watch;
