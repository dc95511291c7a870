//! Two Python clients: the maintained successor of `etcd3` over gRPC, and `etcd3gw` over the JSON gateway.

use std::process::Command;

use koinon_compat_etcd::{V3, python, python_stories, run_client};

/// Protects: what Python programs build on etcd works, through gRPC and through JSON.
#[test]
fn python_clients_get_along() {
    run_client(V3, 18, |server| {
        let mut command = Command::new(python().unwrap());
        command
            .arg(python_stories())
            .arg(server.address().ip().to_string())
            .arg(server.address().port().to_string());
        command
    });
}
