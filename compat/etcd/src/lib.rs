//! The etcd compatibility suite: `etcdctl` of two generations, client libraries in four languages and raw requests,
//! driven against Debian's etcd 3.4 (which still has the v2 keys), a current etcd, and Koinon.
//!
//! How: a story drives one server and writes down everything that it is told; what differs from run to run (ids, times,
//! sizes) gets a name. The transcript of the original is committed under `recorded/`, and every server must repeat it
//! line by line, the original included: so a wrong belief of ours fails on the original, a wrong answer of ours on Koinon,
//! and a reader sees what etcd says without starting one. What may differ is in `allowed.rs`, with its reason.
//!
//! What the tests need is prepared by `cargo xtask test compat`; a missing piece fails the test with its name.
//! `KOINON_COMPAT_ONLY=koinon` (or `current`, `debian`) runs against that server alone; `KOINON_COMPAT_RECORD=1` writes the
//! transcripts anew from the original.

mod allowed;
mod client;
mod command;
mod help;
mod http;
mod names;
mod prepared;
mod server;
mod session;
mod story;
mod transcript;

pub use allowed::{ALLOWED, Allowed};
pub use client::{Verdicts, run_client};
pub use command::{Background, Output};
pub use help::{flags_of, verbs_of};
pub use http::LongPoll;
pub use names::Names;
pub use prepared::{
    current, debian, differ, go_stories, java_stories, python, python_stories, rust_stories, sources,
};
pub use server::{Kind, Server, V2, V3};
pub use session::Session;
pub use story::{recorded, tell};
pub use transcript::{Step, Transcript};
