//! What the stories say again and again.

use koinon_compat_eureka::{Eureka, instance, with};
use koinon_testkit::{Request, Response};
use serde_json::{Value, json};

pub(crate) fn send(server: &Eureka, method: &str, path: &str) -> Response {
    let request = Request::new(method, path).header("Accept", "application/json");
    server.send(&request).unwrap()
}

pub(crate) fn status(server: &Eureka, method: &str, path: &str) -> u16 {
    send(server, method, path).status
}

/// A registration, ready to be sent.
pub(crate) fn registration(app: &str, id: &str, fields: Value) -> Request {
    let body = json!({"instance": with(instance(app, id), fields)}).to_string();
    Request::new("POST", format!("/eureka/apps/{app}"))
        .header("Content-Type", "application/json")
        .body(body)
}

pub(crate) fn register(server: &Eureka, app: &str, id: &str, fields: Value) {
    let answer = server.send(&registration(app, id, fields)).unwrap();
    assert_eq!(answer.status, 204, "{}", answer.text());
}

pub(crate) fn heartbeat(server: &Eureka, app: &str, id: &str) -> u16 {
    status(server, "PUT", &format!("/eureka/apps/{app}/{id}"))
}

/// One instance as the server shows it; `None` when it answers 404.
pub(crate) fn served(server: &Eureka, app: &str, id: &str) -> Option<Value> {
    let answer = send(server, "GET", &format!("/eureka/apps/{app}/{id}"));
    match answer.status {
        200 => Some(answer.json().unwrap()["instance"].clone()),
        404 => None,
        other => panic!("{other} for {app}/{id}"),
    }
}

/// A list: `/eureka/apps`, a delta, a vip.
pub(crate) fn list(server: &Eureka, path: &str) -> Value {
    let answer = send(server, "GET", path);
    assert_eq!(answer.status, 200, "{path}");
    answer.json().unwrap()["applications"].clone()
}

/// The instances of a list, without their applications.
pub(crate) fn instances(list: &Value) -> Vec<Value> {
    let apps = list["application"].as_array().cloned().unwrap_or_default();
    apps.iter()
        .flat_map(|app| app["instance"].as_array().cloned().unwrap_or_default())
        .collect()
}

/// Whether the full list has the instance.
pub(crate) fn is_listed(server: &Eureka, id: &str) -> bool {
    instances(&list(server, "/eureka/apps"))
        .iter()
        .any(|i| i["instanceId"] == id)
}

/// A lease of this many seconds.
pub(crate) fn lease(duration_s: u64) -> Value {
    json!({"leaseInfo": {"durationInSecs": duration_s, "renewalIntervalInSecs": 30}})
}
