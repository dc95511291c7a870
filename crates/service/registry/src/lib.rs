//! The registry, running: namespaces, timers, subscriptions, and the handle that every front door uses.
//!
//! The state machine is `koinon-core-registry`; this crate gives it a clock, a lock, the periodic work and the
//! news. [`RegistryHandle`] is cheap to clone. What it does with ephemeral instances never waits for anything but a short
//! lock; persistent ones are changed in the store, and brought from there into the same memory by a [`Follower`].
//! [`RegistryHandle::subscribe`] is how a watcher follows along.

mod either;
mod error;
mod handle;
mod persistent;
mod position;
mod space;
mod spaces;
mod subscription;
mod timers;

pub use error::ServiceError;
pub use handle::{RegistryHandle, Settings};
pub use persistent::Follower;
pub use position::{Position, PositionError};
pub use subscription::{Event, Subscription};
pub use timers::{TimerSettings, run_timers};
