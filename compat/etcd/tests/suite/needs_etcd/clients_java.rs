//! Java's `jetcd`, whose locks and elections run on the server.

use std::process::Command;

use koinon_compat_etcd::{V3, java_stories, run_client};

/// Protects: what Java services build on etcd works: keys, transactions, watches, leases, locks, elections.
#[test]
fn java_clients_get_along() {
    run_client(V3, 20, |server| {
        let mut command = Command::new("java");
        command
            .args(["-Xmx160m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-jar"])
            .arg(java_stories().unwrap())
            .arg(server.url());
        command
    });
}
