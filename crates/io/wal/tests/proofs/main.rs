//! Proofs that the log keeps what it acknowledged, on a simulated disk that keeps nothing it need not.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod background;
mod crash;
mod full;
mod laws;
mod ledger;
mod liars;
mod overwrite;
mod rot;
mod rules;
mod torn;
mod workload;
