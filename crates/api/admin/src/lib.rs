//! The native front door: REST and server-sent events, on the `admin` listener.
//!
//! Unlike the foreign protocols' doors this one shows the registry's own model and words. It is what the CLI, the
//! console and scripts use, and it serves what operators ask of any process: `/healthz`, `/readyz`, `/metrics`.
//!
//! | room | what happens there |
//! |---|---|
//! | [`wire`] | the JSON shapes, and the text of events |
//! | `translate` | shapes ⇄ the registry's types; every error to one form, by one table |
//! | `serve` | routes, streams, limits |
//!
//! The OpenAPI document is written from the routes themselves: [`openapi`].

mod readiness;
mod serve;
mod translate;
pub mod wire;

pub use readiness::Readiness;
pub use serve::{AdminDoor, openapi, serve};
