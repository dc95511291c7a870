//! Every story needs the originals' tools, so `--without etcd` leaves all of them out.

mod clients_go;
mod coverage;
mod differential;
mod v2;
mod v3;
