//! Stories: what clients of the original see, told step by step. The model test finds what is wrong; these say what is right.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test code")]

mod compaction;
mod leases;
mod lessor;
mod quota;
mod reads;
mod transactions;
mod watches;

#[path = "../support/mod.rs"]
mod support;
