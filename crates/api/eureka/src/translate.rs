//! Eureka's messages ⇄ the registry's domain.
//!
//! What the registry's model has a place for goes there (address, port, zone, status, lease); what only Eureka's
//! clients understand travels as attributes, so that they read back exactly what they wrote. An instance that
//! came through another door has no such attributes and is shown with what Eureka's clients would have sent.

mod attributes;
mod instance;
mod registration;

pub use instance::{action_type, app_name, to_wire, vip_addresses, wire_status};
pub use registration::{Refusal, core_status, to_registration};
