//! Persistent instances of a real node: registered by hand, killed with, found again by every way in.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test code")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use koinon_testkit::{Koinon, KoinonOptions, Recorder, Request, Response, send, wait_until};
use serde_json::{Value, json};
use tempfile::TempDir;

const SOON: Duration = Duration::from_secs(20);
const ROUTES: &str = "routes:
  - id: orders
    uri: lb://orders
    predicates:
      - Path=/orders/**
";

/// A data folder and routes, which outlive the nodes that use them.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("application.yml"), ROUTES).unwrap();
        Self { folder }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn start(&self) -> Koinon {
        let routes = self.folder.path().join("application.yml");
        // One that was killed has left where it was listening.
        let _none_left = fs::remove_file(self.data().join("listeners.json"));
        let options = KoinonOptions {
            binary: Some(env!("CARGO_BIN_EXE_koinon").into()),
            arguments: vec!["--routes".into(), routes.to_str().unwrap().into()],
            data_dir: Some(self.data()),
            ..KoinonOptions::default()
        };
        Koinon::start(&options).unwrap()
    }
}

fn service(node: &Koinon, args: &[&str]) -> (i32, String, String) {
    let endpoint = format!("http://{}", node.listener("admin").unwrap());
    let mut command = Command::new(env!("CARGO_BIN_EXE_koinon"));
    command.arg("service").args(args).env("KOINON_ENDPOINT", endpoint);
    let output = command.current_dir(Path::new("/")).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code().unwrap(),
        text(output.stdout),
        text(output.stderr),
    )
}

fn ok(node: &Koinon, args: &[&str]) -> String {
    let (code, out, err) = service(node, args);
    assert_eq!((code, err.as_str()), (0, ""), "{args:?}: {out}");
    out
}

fn eureka(node: &Koinon, method: &str, path: &str) -> Response {
    let request = Request::new(method, path).header("accept", "application/json");
    send(node.listener("eureka").unwrap(), &request).unwrap()
}

fn fetched(node: &Koinon) -> Vec<Value> {
    let apps = eureka(node, "GET", "/eureka/apps").json().unwrap();
    let found = apps.pointer("/applications/application/0/instance").cloned();
    found.and_then(|all| all.as_array().cloned()).unwrap_or_default()
}

/// Waits until the gateway answers with this status: endpoints reach it in their own time.
fn wait_for_gateway(node: &Koinon, status: u16) {
    let gateway = node.listener("gateway").unwrap();
    let got = || send(gateway, &Request::get("/orders/1")).is_ok_and(|answer| answer.status == status);
    wait_until(&format!("the gateway to answer {status}"), SOON, || {
        got().then_some(())
    })
    .unwrap_or_else(|error| panic!("{error}\n{}", node.log_end()));
}

/// The whole life of a static entry: one command puts it there, a kill -9 right after the answer takes nothing, and without a
/// single heartbeat it is fetched by Eureka's clients and reached through the gateway, until it is deregistered.
#[test]
fn a_persistent_instance_survives_a_kill() {
    let upstream = Recorder::start().unwrap();
    let port = upstream.address().port().to_string();
    let place = Place::new();
    let mut node = place.start();
    let register = [
        "register",
        "orders",
        "--id",
        "static",
        "--address",
        "127.0.0.1",
        "--port",
        &port,
        "--persistent",
    ];
    let shown = ok(&node, &register);
    assert!(shown.ends_with("it stays until it is deregistered\n"), "{shown}");
    // What is answered is visible, at once.
    assert_eq!(fetched(&node)[0]["instanceId"], "static");
    node.process().kill();
    drop(node);

    let mut node = place.start();
    let seen = fetched(&node);
    assert_eq!(seen.len(), 1, "from the first moment on");
    assert_eq!(
        (&seen[0]["status"], &seen[0]["hostName"]),
        (&json!("UP"), &json!("127.0.0.1"))
    );
    wait_for_gateway(&node, 200);
    assert_eq!(
        ok(&node, &["ls"]),
        "SERVICE  INSTANCES  STATUS  CLASS\n\
         orders   1          1 up    persistent\n"
    );
    let table = ok(&node, &["get", "orders"]);
    let row: Vec<&str> = table.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!((row[3], row.last()), ("persistent", Some(&"-")));

    // Whoever only knows Eureka can take it out, and that is kept as well.
    let status = "/eureka/apps/ORDERS/static/status?value=OUT_OF_SERVICE";
    assert_eq!(eureka(&node, "PUT", status).status, 200);
    node.process().kill();
    drop(node);
    let mut node = place.start();
    assert_eq!(fetched(&node)[0]["status"], "OUT_OF_SERVICE");
    wait_for_gateway(&node, 503);
    assert_eq!(
        eureka(&node, "DELETE", "/eureka/apps/ORDERS/static/status").status,
        200
    );
    wait_for_gateway(&node, 200);
    assert_eq!(
        ok(&node, &["deregister", "orders", "static"]),
        "static of orders is gone\n"
    );
    node.process().kill();
    drop(node);
    let node = place.start();
    assert!(fetched(&node).is_empty(), "what was taken out does not come back");
}

/// An id is of one class, in every door's own form; heartbeats that nobody needs do no harm.
#[test]
fn an_id_is_of_one_class() {
    let place = Place::new();
    let node = place.start();
    let register = ["register", "orders", "--id", "a", "--address", "h", "--port", "1"];
    ok(&node, &[&register[..], &["--persistent"]].concat());
    let (code, _, err) = service(&node, &register);
    assert_eq!(code, 1);
    assert_eq!(
        err,
        "koinon: instance a of service orders is registered as persistent; deregister it before it is registered as \
         ephemeral\n"
    );
    let body = json!({"instance": {
        "instanceId": "a", "hostName": "h", "app": "ORDERS", "ipAddr": "10.0.0.1", "status": "UP",
        "vipAddress": "orders", "dataCenterInfo": {"name": "MyOwn"},
    }});
    let post = Request::new("POST", "/eureka/apps/ORDERS")
        .header("content-type", "application/json")
        .body(body.to_string());
    let refused = send(node.listener("eureka").unwrap(), &post).unwrap();
    assert_eq!(refused.status, 409, "{}", refused.text());
    assert!(
        refused.text().contains("registered as persistent"),
        "{}",
        refused.text()
    );
    assert_eq!(eureka(&node, "PUT", "/eureka/apps/ORDERS/a").status, 200);
    assert_eq!(eureka(&node, "DELETE", "/eureka/apps/ORDERS/a").status, 200);
    assert_eq!(eureka(&node, "DELETE", "/eureka/apps/ORDERS/a").status, 404);
    ok(&node, &register);
    assert_eq!(service(&node, &[&register[..], &["--persistent"]].concat()).0, 1);
    let (code, _, err) = service(
        &node,
        &[&register[..], &["--persistent", "--lease", "9"]].concat(),
    );
    assert_eq!(code, 64, "{err}");
}
