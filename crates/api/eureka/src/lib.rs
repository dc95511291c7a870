//! The Eureka front door: services that use a Eureka client register, renew and discover here unchanged.
//!
//! Three rooms, as in every front door: [`wire`] (bytes ⇄ typed messages), [`translate`] (messages ⇄ the registry's
//! domain) and [`serve`] (HTTP). What the protocol is, is Netflix's: <https://github.com/Netflix/eureka/wiki>.

pub mod serve;
pub mod translate;
pub mod wire;

pub use serve::{Door, DoorStats, Operation};
