//! The registry, running: namespaces, timers, subscriptions, and the handle that every front door uses.
//!
//! The state machine is `koinon-core-registry`; this crate gives it a clock, a lock, the periodic work and the
//! news. [`RegistryHandle`] is cheap to clone, its operations never wait for anything but a short lock, and
//! [`RegistryHandle::subscribe`] is how a watcher follows along.

mod handle;
mod position;
mod space;
mod spaces;
mod subscription;
mod timers;

pub use handle::{RegistryHandle, ServiceError, Settings};
pub use position::{Position, PositionError};
pub use subscription::{Event, Subscription};
pub use timers::{TimerSettings, run_timers};
