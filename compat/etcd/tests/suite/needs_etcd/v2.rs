//! The v2 keys: by Debian's `etcdctl` with `ETCDCTL_API=2`, and as raw requests.

mod cas;
mod ctl;
mod http;
mod members;
mod queues;
mod ttl;
mod watch;
