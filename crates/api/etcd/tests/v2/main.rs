//! The v2 API over a real socket.
//!
//! `recorded` sends what was once sent to the original server and wants the same answers; `waiting` tells stories of watchers
//! and of time, which need more than one connection.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test code")]

mod recorded;
mod served;
mod waiting;
