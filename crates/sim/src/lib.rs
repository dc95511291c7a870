//! The world as a test wants it: deterministic from a seed, and as unkind as the real one is allowed to be.
//!
//! [`SimDisk`] is a disk in memory that keeps the ordering law of `koinon-io-disk` and not a bit more: a crash leaves any
//! subset of what was not synced, torn at sector borders, in no order, names as well as bytes. It fills up, fails on
//! demand, and counts every operation, so that a test can let the process die at each of them in turn.

mod disk;
mod file;
mod handle;
mod names;
mod world;

pub use disk::SimDisk;
pub use world::{Fault, Operation};
