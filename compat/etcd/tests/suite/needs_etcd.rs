//! Every story needs the originals' tools, so `--without etcd` leaves all of them out.

mod coverage;
mod v2;
mod v3;
