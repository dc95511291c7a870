//! The crate `etcd-client`.

use std::process::Command;

use koinon_compat_etcd::{V3, run_client, rust_stories};

/// Protects: what Rust services build on etcd works.
#[test]
fn rust_clients_get_along() {
    run_client(V3, 14, |server| {
        let mut command = Command::new(rust_stories().unwrap());
        command.arg(server.address().to_string());
        command
    });
}
