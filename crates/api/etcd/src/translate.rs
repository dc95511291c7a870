//! Messages ⇄ the store's requests and answers.
//!
//! Requests are checked as etcd checks them, in its order, so that a request with two faults gets the same answer. What
//! a text or a code means to clients is decided in `error`, in one place.

pub mod alarm;
pub mod error;
pub mod header;
pub mod request;
pub mod response;
pub mod told;
pub mod txn;
pub mod v2;
pub mod watch;

pub use error::{DoorError, Refused};
pub use header::Identity;
