//! Beside the keys: members, statistics, version, health.

use koinon_compat_etcd::{Session, V2, tell};
use koinon_testkit::Request;
use serde_json::Value;

/// The names of an answer's fields, whatever their values: statistics are a machine's and a moment's.
fn fields(at: &str, value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(all) => all
            .iter()
            .for_each(|(name, value)| fields(&format!("{at}.{name}"), value, found)),
        Value::Array(all) => all
            .iter()
            .for_each(|value| fields(&format!("{at}[]"), value, found)),
        Value::Null => found.push(format!("{at}: null")),
        Value::Bool(_) => found.push(format!("{at}: boolean")),
        Value::Number(_) => found.push(format!("{at}: number")),
        Value::String(_) => found.push(format!("{at}: text")),
    }
}

fn shape(s: &mut Session, path: &str) {
    let answer = s.server().send(&Request::get(path)).unwrap();
    let mut found = Vec::new();
    fields("", &answer.json().unwrap_or(Value::Null), &mut found);
    let content = answer.header("content-type").unwrap_or("none").to_owned();
    s.note(
        &format!("GET {path}: its fields"),
        &format!("{} {content}\n{}", answer.status, found.join("\n")),
    );
}

/// Protects: tools that look at members, statistics and versions find what they look for.
#[test]
fn members_and_statistics() {
    tell("v2-http-members", V2, |s| {
        s.settle_v2();
        s.http("PUT", "/v2/keys/a", "value=1");
        s.http("GET", "/v2/keys/a", "");
        s.http("GET", "/v2/members", "");
        s.http("GET", "/v2/members/", "");
        s.http("GET", "/v2/members/leader", "");
        s.http("GET", "/v2/members/1234", "");
        s.http("DELETE", "/v2/members/nonsense", "");
        s.http("DELETE", "/v2/members/1234", "");
        s.http("PUT", "/v2/members", "");
        shape(s, "/v2/stats/self");
        shape(s, "/v2/stats/store");
        shape(s, "/v2/stats/leader");
        s.http("GET", "/v2/stats/nothing", "");
        s.http("POST", "/v2/stats/self", "");
        s.http("GET", "/version", "");
        s.http("POST", "/version", "");
        s.http("GET", "/health", "");
        s.http("POST", "/health", "");
        s.http("GET", "/nothing", "");
        s.http("GET", "/", "");
        let metrics = s.server().send(&Request::get("/metrics")).unwrap().text();
        for name in [
            "etcd_server_has_leader 1",
            "process_resident_memory_bytes",
            "etcd_mvcc_db_total_size_in_bytes",
        ] {
            s.note(
                &format!("GET /metrics: {name}"),
                &metrics.lines().any(|line| line.starts_with(name)).to_string(),
            );
        }
    });
}

/// Protects: the counters of the store count what happened.
#[test]
fn store_counters() {
    tell("v2-http-counters", V2, |s| {
        s.settle_v2();
        let before = s
            .server()
            .send(&Request::get("/v2/stats/store"))
            .unwrap()
            .json()
            .unwrap();
        for (method, path, form) in [
            ("PUT", "/v2/keys/a", "value=1"),
            ("PUT", "/v2/keys/a?prevValue=1", "value=2"),
            ("PUT", "/v2/keys/a?prevValue=1", "value=2"),
            ("PUT", "/v2/keys/a?prevExist=true", "value=3"),
            ("PUT", "/v2/keys/b?prevExist=false", "value=3"),
            ("PUT", "/v2/keys/b?prevExist=false", "value=3"),
            ("POST", "/v2/keys/q", "value=3"),
            ("GET", "/v2/keys/a", ""),
            ("GET", "/v2/keys/nothing", ""),
            ("DELETE", "/v2/keys/nothing", ""),
            ("DELETE", "/v2/keys/b?prevValue=9", ""),
            ("DELETE", "/v2/keys/b?prevValue=3", ""),
            ("DELETE", "/v2/keys/a", ""),
        ] {
            s.http(method, path, form);
        }
        let after = s
            .server()
            .send(&Request::get("/v2/stats/store"))
            .unwrap()
            .json()
            .unwrap();
        for (name, value) in after.as_object().unwrap() {
            let (Some(now), Some(then)) = (value.as_i64(), before[name].as_i64()) else {
                panic!("{name} counts {value} after {}", before[name]);
            };
            s.note(
                &format!("GET /v2/stats/store: {name}"),
                &format!("{:+}", now - then),
            );
        }
    });
}
