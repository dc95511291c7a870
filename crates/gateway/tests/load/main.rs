//! What needs processes of their own, or the whole machine for a while: memory, and faults under a paced load.
//!
//! Other processes are this test binary again, running one of the ignored "tests" in `child`. The long versions are
//! ignored too: `cargo test --release -p koinon-gateway --test load -- --ignored soak --nocapture`.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;

use std::sync::{Mutex, PoisonError};

mod child;
mod faults;
mod memory;
mod pace;

/// One load at a time: two would measure each other.
static ALONE: Mutex<()> = Mutex::new(());

fn alone(story: impl FnOnce()) {
    // Another story's failure is its own.
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    story();
}
