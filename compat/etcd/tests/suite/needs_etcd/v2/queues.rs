//! In-order creation: a queue in a directory.

use koinon_compat_etcd::{V2, tell};

/// Protects: posted keys get the index as their name, padded, and are listed in order.
#[test]
fn queues() {
    tell("v2-http-queues", V2, |s| {
        s.settle_v2();
        for (method, path, form) in [
            ("POST", "/v2/keys/q", "value=first"),
            ("POST", "/v2/keys/q", "value=second"),
            ("POST", "/v2/keys/q/", "value=third"),
            ("POST", "/v2/keys/q", "dir=true"),
            ("POST", "/v2/keys/q", ""),
            ("GET", "/v2/keys/q?sorted=true", ""),
            ("GET", "/v2/keys/q?recursive=true&sorted=true", ""),
            ("PUT", "/v2/keys/file", "value=x"),
            ("POST", "/v2/keys/file", "value=x"),
            ("POST", "/v2/keys/q?prevExist=true", "value=x"),
            ("POST", "/v2/keys/q?prevValue=x", "value=x"),
            ("POST", "/v2/keys/_hidden", "value=x"),
            ("DELETE", "/v2/keys/q/00000000000000000011", ""),
        ] {
            s.http(method, path, form);
        }
    });
}
