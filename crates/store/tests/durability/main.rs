//! What was answered is there after every crash: on a simulated disk that keeps only what was synced, with a death at any of
//! its operations; and in processes that are killed, at random and at named points.

#![allow(clippy::unwrap_used, reason = "a proof ends where something it needs fails")]
#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "each part of the law is about one kind of fact"
)]

#[path = "../common/mod.rs"]
mod common;

mod child;
mod killed;
mod law;
mod planted;
mod points;
mod simulated;
mod watched;
mod workload;
