//! Compare-and-swap and compare-and-delete: by value, by index, by existence, and together.

use koinon_compat_etcd::{V2, tell};

/// Protects: a condition that holds changes, one that does not refuses with etcd's code and says what was compared.
#[test]
fn conditions() {
    tell("v2-http-cas", V2, |s| {
        s.settle_v2();
        for (method, path, form) in [
            ("PUT", "/v2/keys/a?prevExist=true", "value=1"),
            ("PUT", "/v2/keys/a?prevExist=false", "value=1"),
            ("PUT", "/v2/keys/a?prevExist=false", "value=2"),
            ("PUT", "/v2/keys/a?prevExist=true", "value=2"),
            ("PUT", "/v2/keys/a?prevValue=2", "value=3"),
            ("PUT", "/v2/keys/a?prevValue=2", "value=4"),
            ("PUT", "/v2/keys/a?prevIndex=13", "value=4"),
            ("PUT", "/v2/keys/a?prevIndex=13", "value=5"),
            ("PUT", "/v2/keys/a?prevIndex=0", "value=5"),
            ("PUT", "/v2/keys/a?prevValue=5&prevIndex=15", "value=6"),
            ("PUT", "/v2/keys/a?prevValue=wrong&prevIndex=16", "value=7"),
            ("PUT", "/v2/keys/a?prevValue=6&prevIndex=1", "value=7"),
            ("PUT", "/v2/keys/a?prevValue=wrong&prevIndex=1", "value=7"),
            ("PUT", "/v2/keys/a?prevExist=true&prevValue=6", "value=7"),
            ("PUT", "/v2/keys/a?prevExist=false&prevValue=7", "value=8"),
            ("PUT", "/v2/keys/nothing?prevValue=1", "value=2"),
            ("PUT", "/v2/keys/nothing?prevIndex=1", "value=2"),
            ("PUT", "/v2/keys/new/deep?prevExist=false", "value=1"),
            ("PUT", "/v2/keys/dir?dir=true", ""),
            ("PUT", "/v2/keys/dir?prevIndex=19", "value=1"),
            ("PUT", "/v2/keys/dir?prevValue=x", "value=1"),
            ("DELETE", "/v2/keys/a?prevValue=wrong", ""),
            ("DELETE", "/v2/keys/a?prevIndex=1", ""),
            ("DELETE", "/v2/keys/a?prevValue=", ""),
            ("DELETE", "/v2/keys/a?prevIndex=x", ""),
            ("DELETE", "/v2/keys/a?prevValue=7", ""),
            ("DELETE", "/v2/keys/a?prevValue=7", ""),
            ("PUT", "/v2/keys/b", "value=1"),
            ("DELETE", "/v2/keys/b?prevIndex=21", ""),
            ("DELETE", "/v2/keys/dir?dir=true&prevIndex=19", ""),
            ("DELETE", "/v2/keys/dir?recursive=true&prevValue=x", ""),
            ("PUT", "/v2/keys/c", "value="),
            ("PUT", "/v2/keys/c?prevValue=", "value=x"),
            ("GET", "/v2/keys/?recursive=true&sorted=true", ""),
        ] {
            s.http(method, path, form);
        }
    });
}
