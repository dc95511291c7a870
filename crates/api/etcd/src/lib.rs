//! The etcd front door: what speaks etcd v3 works here unchanged.
//!
//! Three rooms, as in every front door: [`wire`] (bytes ⇄ typed messages), [`translate`] (messages ⇄ the store's requests
//! and answers) and [`serve`] (gRPC, and JSON over HTTP/1.1, on one listener). What the protocol is, is etcd's:
//! <https://etcd.io/docs/latest/learning/api/>.

pub mod serve;
pub mod translate;
pub mod wire;
