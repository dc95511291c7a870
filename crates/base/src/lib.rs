//! The vocabulary that every other crate shares: names, error kinds, time and seeded randomness.
//!
//! Nothing here knows a domain or does I/O (reading the system's clock in [`clock::SystemClock`] is the one
//! exception, so that everything above it can take time as an argument).

pub mod clock;
pub mod error;
pub mod name;
pub mod rng;

pub use clock::{Clock, ManualClock, Now, SystemClock};
pub use error::ErrorKind;
pub use name::{InstanceId, NameError, Namespace, ServiceName};
pub use rng::Rng;
