//! The native front door: REST and server-sent events, on the `admin` listener.
//!
//! Unlike the foreign protocols' doors this one shows the registry's and the gateway's own models and words. It is
//! what the CLI, the console and scripts use, and it serves what operators ask of any process: `/healthz`, `/readyz`,
//! `/metrics`.
//!
//! | room | what happens there |
//! |---|---|
//! | [`wire`] | the JSON shapes, and the text of events |
//! | `translate` | shapes ⇄ the types of the registry and of routes; every error to one form, by one table |
//! | `serve` | routes, streams, limits |
//!
//! The OpenAPI document is written from the routes themselves: [`openapi`].

mod data_plane;
mod readiness;
mod serve;
mod translate;
pub mod wire;

pub use data_plane::DataPlane;
pub use readiness::Readiness;
pub use serve::{AdminDoor, openapi, serve};
pub use translate::{owned_request, tried};
