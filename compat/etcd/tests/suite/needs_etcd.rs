//! Every story needs the originals' tools, so `--without etcd` leaves all of them out.

mod clients_go;
mod clients_java;
mod clients_python;
mod clients_rust;
mod coverage;
mod differential;
mod takeover;
mod v2;
mod v3;
