//! The gateway beside others: the test cases of an HTTP desync detector, and requests valid, odd and hostile sent
//! through Koinon, nginx and HAProxy to one recording upstream.
//!
//! Why: that our codec is strict is checked beside it. What a whole gateway does with a strange request, and whether
//! that differs from what operators know, shows only on the wire and beside the proxies they know.
//!
//! What the tests need is prepared by `cargo xtask test compat`; a missing piece fails the test with its name.

mod cases;
mod classes;
mod compare;
mod gateway;
mod generate;
mod observe;

pub use cases::{Case, Tier, load};
pub use classes::{CLASSES, classify};
pub use compare::{Difference, compare};
pub use gateway::Gateway;
pub use generate::{Sent, requests};
pub use observe::{Lane, Request, Seen, observe};
