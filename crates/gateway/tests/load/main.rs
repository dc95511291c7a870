//! What needs processes of their own, or the whole machine for a while: memory, and faults under a paced load.
//!
//! Other processes are this test binary again, running one of the ignored "tests" in `child`. The long versions are
//! ignored too: `cargo test --release -p koinon-gateway --test load -- --ignored soak --nocapture`.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;

mod child;
mod faults;
mod memory;
mod pace;
