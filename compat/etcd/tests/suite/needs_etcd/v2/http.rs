//! The v2 keys as raw requests: paths, methods, forms, directories, hidden nodes, sorting, and every refusal.

use koinon_compat_etcd::{V2, tell};
use koinon_testkit::Request;

/// Protects: plain keys are set, read and deleted with etcd's statuses, headers and bodies.
#[test]
fn plain_keys() {
    tell("v2-http-keys", V2, |s| {
        s.settle_v2();
        for (method, path, form) in [
            ("GET", "/v2/keys", ""),
            ("GET", "/v2/keys/", ""),
            ("GET", "/v2/keys/a", ""),
            ("PUT", "/v2/keys/a", "value=1"),
            ("GET", "/v2/keys/a", ""),
            ("PUT", "/v2/keys/a", "value=2"),
            ("PUT", "/v2/keys/a", ""),
            ("PUT", "/v2/keys/a?value=query", ""),
            ("PUT", "/v2/keys/a?value=query", "value=form"),
            ("PUT", "/v2/keys/b", "value=with+space%20and%26and%C3%A9"),
            ("GET", "/v2/keys/b?quorum=true", ""),
            ("GET", "/v2/keys/b?quorum=maybe", ""),
            ("GET", "//v2/keys/b", ""),
            ("GET", "/v2/keys//b", ""),
            ("GET", "/v2/keys/b/", ""),
            ("GET", "/v2/keys/./b", ""),
            ("PUT", "/v2/keys/a%20b", "value=1"),
            ("GET", "/v2/keys/a%20b", ""),
            ("PUT", "/v2/keys/sl%2Fash", "value=1"),
            ("GET", "/v2/keys/sl/ash", ""),
            ("PUT", "/v2/keys/%C3%A9", "value=%C3%A9"),
            ("PUT", "/v2/keys/a?noValueOnSuccess=true", "value=3"),
            ("PUT", "/v2/keys/a?noValueOnSuccess=maybe", "value=3"),
            ("HEAD", "/v2/keys/a", ""),
            ("DELETE", "/v2/keys/a", ""),
            ("DELETE", "/v2/keys/a", ""),
            ("DELETE", "/v2/keys/", ""),
            ("DELETE", "/v2/keys/?recursive=true", ""),
            ("PUT", "/v2/keys/", "value=x"),
            ("PUT", "/v2/keys/?dir=true", ""),
            ("POST", "/v2/keys/", "value=x"),
            ("PATCH", "/v2/keys/a", "value=x"),
            ("OPTIONS", "/v2/keys/a", ""),
            ("GET", "/v2/nothing", ""),
            ("GET", "/v2/", ""),
            ("GET", "/v1/keys/a", ""),
            ("GET", "/v2/keysa", ""),
        ] {
            s.http(method, path, form);
        }
    });
}

/// Protects: forms that are no forms, numbers that are no numbers and bodies of other kinds are refused as etcd does.
#[test]
fn odd_requests() {
    tell("v2-http-odd", V2, |s| {
        s.settle_v2();
        s.http("PUT", "/v2/keys/a", "value=1");
        for query in [
            "ttl=x",
            "ttl=-1",
            "ttl=1.5",
            "ttl=99999999999999999999",
            "dir=maybe",
            "recursive=maybe",
            "sorted=maybe",
            "prevExist=maybe",
            "prevIndex=x",
            "prevIndex=-1",
            "prevValue=",
            "refresh=maybe",
            "value=1&dir=true",
            "dir=false",
            "prevExist=true&value=2",
            "unknown=1&value=2",
            "value=1&value=2",
        ] {
            s.http("PUT", &format!("/v2/keys/a?{query}"), "");
        }
        for (content, body) in [
            ("application/json", "{\"value\":\"x\"}"),
            ("text/plain", "value=x"),
            ("application/x-www-form-urlencoded", "value=%zz"),
            ("application/x-www-form-urlencoded", "&&==&value"),
            (
                "multipart/form-data; boundary=b",
                "--b\r\nContent-Disposition: form-data; name=\"value\"\r\n\r\nmulti\r\n--b--\r\n",
            ),
        ] {
            s.send(
                &Request::new("PUT", "/v2/keys/a")
                    .header("Content-Type", content)
                    .body(body),
            );
        }
        s.send(&Request::new("PUT", "/v2/keys/a").body("value=untyped"));
        s.http("GET", "/v2/keys/a", "");
    });
}

/// Protects: directories: when they appear by themselves, when a key may become one, when they may go, and what is listed.
#[test]
fn directories() {
    tell("v2-http-directories", V2, |s| {
        s.settle_v2();
        for (method, path, form) in [
            ("PUT", "/v2/keys/d", "dir=true"),
            ("PUT", "/v2/keys/d", "dir=true"),
            ("PUT", "/v2/keys/d", "dir=true&prevExist=true"),
            ("PUT", "/v2/keys/d", "dir=true&prevExist=false"),
            ("PUT", "/v2/keys/d", "value=x"),
            ("PUT", "/v2/keys/d/z", "value=1"),
            ("PUT", "/v2/keys/d/a", "value=2"),
            ("PUT", "/v2/keys/d/m/n/o", "value=3"),
            ("PUT", "/v2/keys/d/_hidden", "value=4"),
            ("PUT", "/v2/keys/d/_hiddendir/x", "value=5"),
            ("GET", "/v2/keys/d?sorted=true", ""),
            ("GET", "/v2/keys/d?sorted=true&recursive=true", ""),
            ("GET", "/v2/keys/?recursive=true&sorted=true", ""),
            ("GET", "/v2/keys/d/_hidden", ""),
            ("GET", "/v2/keys/d/_hiddendir", ""),
            ("GET", "/v2/keys/d/_hiddendir?recursive=true", ""),
            ("PUT", "/v2/keys/d/z/below", "value=x"),
            ("GET", "/v2/keys/d/z/below", ""),
            ("DELETE", "/v2/keys/d/z/below", ""),
            ("PUT", "/v2/keys/d/z?dir=true", ""),
            ("DELETE", "/v2/keys/d", ""),
            ("DELETE", "/v2/keys/d?dir=true", ""),
            ("DELETE", "/v2/keys/d/m/n/o?dir=true", ""),
            ("DELETE", "/v2/keys/d/m/n?dir=true", ""),
            ("DELETE", "/v2/keys/d/a?recursive=true", ""),
            ("DELETE", "/v2/keys/d?recursive=true", ""),
            ("GET", "/v2/keys/d", ""),
            ("PUT", "/v2/keys/_only/x", "value=1"),
            ("GET", "/v2/keys/?sorted=true", ""),
            ("PUT", "/v2/keys/e?dir=true&value=x", ""),
        ] {
            s.http(method, path, form);
        }
    });
}
