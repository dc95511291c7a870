//! Bytes ⇄ messages: the protocol's types, gRPC's framing and statuses, the same messages as JSON, and etcd's database file.
//!
//! The types are compiled from `proto/` when the crate is built: names and numbers are etcd's, and `bytes` fields share
//! the buffer that they came in.

pub mod bolt;
pub mod crc32c;
pub mod database;
pub mod frame;
pub mod json;
pub mod status;
pub mod v2;

/// What the compiler of protocol files made.
#[allow(
    missing_docs,
    missing_debug_implementations,
    unreachable_pub,
    clippy::all,
    clippy::pedantic,
    clippy::wildcard_enum_match_arm,
    clippy::too_many_lines,
    reason = "generated code is not ours to style"
)]
mod generated {
    pub mod mvccpb {
        include!(concat!(env!("OUT_DIR"), "/mvccpb.rs"));
    }
    pub mod authpb {
        include!(concat!(env!("OUT_DIR"), "/authpb.rs"));
    }
    pub mod etcdserverpb {
        include!(concat!(env!("OUT_DIR"), "/etcdserverpb.rs"));
    }
    pub mod v3lockpb {
        include!(concat!(env!("OUT_DIR"), "/v3lockpb.rs"));
    }
    pub mod v3electionpb {
        include!(concat!(env!("OUT_DIR"), "/v3electionpb.rs"));
    }
}

pub use generated::{authpb, etcdserverpb, mvccpb, v3electionpb, v3lockpb};
