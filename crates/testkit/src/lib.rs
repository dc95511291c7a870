//! What tests that drive whole processes share: starting the `koinon` binary, keeping foreign processes on a
//! leash, waiting on conditions, a plain HTTP/1.1 client that shows every byte that matters, and a raw client and a
//! recording upstream for what no well-behaved client sends.
//!
//! Why a crate of its own: the compatibility suites, the command line's tests and the benchmarks all start the
//! same binary, and each would otherwise grow its own half-right way to do it.
//!
//! Invariants: nothing here waits without a deadline; a process started here is stopped when its guard is dropped;
//! every port is chosen by the operating system.

mod error;
mod http;
mod koinon;
mod process;
mod raw;
mod recorder;
mod rivals;
mod wait;

pub use error::Error;
pub use http::{Connection, Request, Response, send};
pub use koinon::{Koinon, KoinonOptions, binary};
pub use process::{Process, ProcessOptions};
pub use raw::{Exchange, exchange};
pub use recorder::{Arrived, Recorder, Reply};
pub use rivals::{Rival, RivalOptions, unpacked_program};
pub use wait::{POLL, holds_for, wait_until};

/// The result of everything in this crate.
pub type Result<T> = std::result::Result<T, Error>;
