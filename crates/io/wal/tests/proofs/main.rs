//! Proofs that the log keeps what it acknowledged, on a simulated disk that keeps nothing it need not.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod crash;
mod ledger;
mod liars;
mod rot;
mod torn;
mod workload;
