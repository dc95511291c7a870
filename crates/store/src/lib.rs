//! The store: keyspaces that survive crashes, behind one handle.
//!
//! [`Store`] is what doors and domains hold. A write becomes an entry of the log, is made durable together with those that
//! came at the same time, and is then decided and applied by the machine of `koinon-core-kv`; reads look at the
//! machine's index and find values in memory or in the backend. docs/adr/0006 says why.

mod bell;
mod dirty;
mod error;
mod flusher;
mod handle;
mod leases;
mod log;
mod open;
mod overlay;
mod pins;
mod propose;
mod records;
mod settings;
mod shared;
mod watch;
mod writer;

pub use error::StoreError;
pub use handle::{Answer, Consistency, LeaseState, Space, Store};
pub use leases::run_leases;
pub use open::OpenError;
pub use settings::Settings;
pub use watch::{Event, WatchMessage, WatchRefused, WatchRequest, WatchStream, Watching};
