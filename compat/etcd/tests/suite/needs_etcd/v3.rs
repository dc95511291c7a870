//! `etcdctl` with the v3 API, the current one and Debian's, in simple and in JSON form.

mod compaction;
mod get;
mod lease;
mod lock;
mod maintenance;
mod mirror;
mod put;
mod txn;
mod watch;
