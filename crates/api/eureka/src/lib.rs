//! The Eureka front door.

pub mod wire;
