//! Go's `clientv3` with `concurrency`, `namespace`, `mirror`, `leasing`, `ordering` and the recipes.

use std::process::Command;

use koinon_compat_etcd::{Kind, V3, go_stories, run_client};

/// Protects: what Go services build on etcd (sessions, locks, elections, transactional memory, watches that resume) works.
#[test]
fn go_clients_get_along() {
    run_client(V3, 36, |server| {
        let mut command = Command::new(go_stories().unwrap());
        command.arg(server.address().to_string());
        if server.kind() == Kind::Debian {
            command.arg("older");
        }
        command
    });
}
