//! What was recorded of the original server, asked again: status, headers and JSON must be the same.
//!
//! The recordings are those that the suite of foreign clients compares with; see `compat/etcd`.

use std::path::Path;

use koinon_testkit::{Request, Response};
use serde_json::Value;

use crate::served::Served;

const HEADERS: [&str; 4] = ["content-type", "location", "allow", "x-etcd-index"];
const PRESENT: [&str; 3] = ["x-etcd-cluster-id", "x-raft-index", "x-raft-term"];

/// One request and its answer, a line each for status and headers, then the body.
struct Step {
    method: String,
    path: String,
    body: String,
    answer: String,
}

fn steps(story: &str) -> Vec<Step> {
    let file =
        Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../../compat/etcd/recorded/{story}.txt"));
    let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let told = text.split("$ ").filter(|told| !told.is_empty());
    told.map(|told| {
        let (title, answer) = told.split_once('\n').unwrap();
        let mut words = title.splitn(3, ' ');
        let mut word = || words.next().unwrap_or_default().to_owned();
        let (method, path) = (word(), word());
        let lines = answer.lines().map(|line| line.strip_prefix("  ").unwrap_or(line));
        Step {
            method,
            path,
            body: word().replace("\\n", "\r\n"),
            answer: lines.collect::<Vec<_>>().join("\n"),
        }
    })
    .collect()
}

/// An answer as the recordings write it.
fn written(response: &Response) -> String {
    let mut lines = vec![response.status.to_string()];
    for name in HEADERS {
        lines.extend(response.header(name).map(|value| format!("{name}: {value}")));
    }
    for name in PRESENT {
        lines.extend(response.header(name).map(|_| format!("{name}: there")));
    }
    let body = match response.json() {
        Some(mut json) => {
            unnamed(&mut json);
            // Sorted by name, as the recordings are.
            serde_json::to_string_pretty(&json).unwrap()
        }
        None => response.text().trim_end().to_owned(),
    };
    if !body.is_empty() {
        lines.push(body);
    }
    lines.join("\n")
}

/// Takes away what differs from run to run.
fn unnamed(json: &mut Value) {
    match json {
        Value::Object(fields) => {
            for (name, value) in fields {
                match name.as_str() {
                    "expiration" => {
                        let text = value.as_str().unwrap();
                        assert!(text.starts_with("20") && text.ends_with('Z'), "{text}");
                        *value = "<expiration>".into();
                    }
                    "id" => *value = "<member>".into(),
                    "clientURLs" => *value = serde_json::json!(["<url>"]),
                    "peerURLs" => *value = serde_json::json!(["http://<peer>"]),
                    _ => unnamed(value),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(unnamed),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn request(step: &Step) -> Request {
    let request = Request::new(&step.method, &step.path);
    if step.body.is_empty() {
        return request;
    }
    let kind = if step.body.starts_with("--b") {
        "multipart/form-data; boundary=b"
    } else {
        "application/x-www-form-urlencoded"
    };
    request.header("Content-Type", kind).body(step.body.as_str())
}

/// Asks every step of the story for which `theirs` is true, and wants the recorded answers.
fn replay(story: &str, ours: impl Fn(&Step) -> bool) {
    let served = Served::new();
    served.settle();
    let mut compared = 0;
    for step in steps(story).iter().filter(|step| ours(step)) {
        let answer = written(&served.send(&request(step)));
        assert_eq!(
            answer, step.answer,
            "{story}: {} {} {}",
            step.method, step.path, step.body
        );
        compared += 1;
    }
    assert!(compared > 5, "{story} has {compared} steps");
}

/// Protects: plain keys, odd paths, methods and the root are answered as by the original.
#[test]
fn plain_keys() {
    replay("v2-http-keys", |_| true);
}

/// Protects: comparing, and what it complains about.
#[test]
fn comparing() {
    replay("v2-http-cas", |_| true);
}

/// Protects: directories, hidden nodes and listings.
#[test]
fn directories() {
    replay("v2-http-directories", |_| true);
}

/// Protects: in-order nodes.
#[test]
fn queues() {
    replay("v2-http-queues", |_| true);
}

/// Protects: forms that are none, and numbers that are none.
#[test]
fn odd_requests() {
    replay("v2-http-odd", |_| true);
}

/// Protects: times to live, refreshing, and what is remembered of them.
#[test]
fn times_to_live() {
    replay("v2-http-ttl", |_| true);
}

/// Protects: members and methods that are not allowed. Shapes of figures, and what operators ask, are compared elsewhere.
#[test]
fn members() {
    replay("v2-http-members", |step| {
        step.path.starts_with("/v2/")
            && !step.path.ends_with(':')
            && step.answer.starts_with(|c: char| c.is_ascii_digit())
            && !step.body.starts_with("its fields")
    });
}
