//! The gateway of `koinon dev` as its operator meets it: routes from a file that changes, `koinon route …`, the native
//! API and the figures.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test code")]

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use koinon_testkit::{
    Koinon, KoinonOptions, Recorder, Reply, Request, Response, holds_for, send, wait_until,
};
use serde_json::{Value, json};
use tempfile::TempDir;

const SOON: Duration = Duration::from_secs(20);

struct Dev {
    koinon: Koinon,
    routes: PathBuf,
    // Dropped after the process, which reads in it.
    _folder: TempDir,
}

impl Dev {
    /// `koinon dev --routes FILE` with this text in the file.
    fn start(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let routes = folder.path().join("application.yml");
        fs::write(&routes, text).unwrap();
        let koinon = Koinon::start(&options(&["--routes", routes.to_str().unwrap()])).unwrap();
        Self {
            koinon,
            routes,
            _folder: folder,
        }
    }

    fn get(&self, path: &str) -> Response {
        get(&self.koinon, path)
    }

    /// Puts a new file in the old one's place at once, as configuration management does.
    fn replace(&self, text: &str) {
        let draft = self.routes.with_extension("new");
        fs::write(&draft, text).unwrap();
        fs::rename(&draft, &self.routes).unwrap();
    }

    fn wait_for(&self, path: &str, status: u16) {
        wait_until(&format!("{path} to answer {status}"), SOON, || {
            (self.get(path).status == status).then_some(())
        })
        .unwrap_or_else(|error| panic!("{error}\n{}", self.koinon.log_end()));
    }

    fn wait_for_log(&mut self, text: &str) {
        let process = self.koinon.process();
        wait_until(&format!("the log to say {text:?}"), SOON, || {
            process.output().contains(text).then_some(())
        })
        .unwrap_or_else(|error| panic!("{error}\n{}", process.output()));
    }

    fn times_logged(&mut self, text: &str) -> usize {
        self.koinon.process().output().matches(text).count()
    }
}

fn options(arguments: &[&str]) -> KoinonOptions {
    KoinonOptions {
        binary: Some(env!("CARGO_BIN_EXE_koinon").into()),
        arguments: arguments.iter().map(|text| (*text).to_owned()).collect(),
        ..KoinonOptions::default()
    }
}

fn get(koinon: &Koinon, path: &str) -> Response {
    send(koinon.listener("gateway").unwrap(), &Request::get(path)).unwrap()
}

struct Ran {
    code: i32,
    out: String,
    err: String,
}

fn koinon(endpoint: Option<SocketAddr>, folder: &Path, args: &[&str]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_koinon"));
    command.arg("route").args(args).current_dir(folder);
    command.env_remove("KOINON_ENDPOINT");
    if let Some(endpoint) = endpoint {
        command.env("KOINON_ENDPOINT", format!("http://{endpoint}"));
    }
    let output = command.output().unwrap();
    Ran {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// One route to `upstream` for everything below `/NAME/`.
fn route(name: &str, upstream: SocketAddr) -> String {
    format!(
        "  - id: {name}\n    uri: http://{upstream}\n    predicates:\n      - Path=/{name}/**\n    filters:\n      - StripPrefix=1\n"
    )
}

fn routes(names: &[&str], upstream: SocketAddr) -> String {
    let all: String = names.iter().map(|name| route(name, upstream)).collect();
    format!("routes:\n{all}")
}

/// A new file is in force soon after it is there, however it got there; what no route says any more is 404 again.
#[test]
fn a_changed_file_changes_the_routes() {
    let upstream = Recorder::start().unwrap();
    let mut dev = Dev::start(&routes(&["a"], upstream.address()));
    assert_eq!((dev.get("/a/x").status, dev.get("/b/x").status), (200, 404));

    dev.replace(&routes(&["b"], upstream.address()));
    dev.wait_for("/b/x", 200);
    assert_eq!(dev.get("/a/x").status, 404);
    dev.wait_for_log("routes reloaded routes=1");

    // As an editor does that truncates first; of the same length as before.
    fs::write(&dev.routes, routes(&["c"], upstream.address())).unwrap();
    dev.wait_for("/c/x", 200);

    // A link that is turned, as in a mounted volume.
    let target = dev.routes.with_extension("target");
    fs::write(&target, routes(&["d"], upstream.address())).unwrap();
    let link = dev.routes.with_extension("link");
    std::os::unix::fs::symlink(&target, &link).unwrap();
    fs::rename(&link, &dev.routes).unwrap();
    dev.wait_for("/d/x", 200);
}

/// A file that is wrong, empty or gone takes nothing away, and each content is complained about once, in full.
#[test]
fn a_wrong_file_keeps_the_routes() {
    let upstream = Recorder::start().unwrap();
    let good = routes(&["a"], upstream.address());
    let mut dev = Dev::start(&good);
    let wrong = good
        .replace("StripPrefix=1", "StripPrefix=x")
        .replace("Path=", "Paths=");
    dev.replace(&wrong);
    dev.wait_for_log("application.yml:7:");
    assert_eq!(dev.times_logged("the routes in force stay"), 1);
    assert_eq!(dev.times_logged("application.yml:5:"), 1, "every problem is told");
    // The same content in another file.
    dev.replace(&wrong);
    assert!(holds_for(Duration::from_millis(700), || {
        dev.times_logged("the routes in force stay") == 1
    }));
    fs::write(&dev.routes, "").unwrap();
    dev.wait_for_log("is empty");
    fs::remove_file(&dev.routes).unwrap();
    dev.wait_for_log("cannot be read");
    assert!(holds_for(Duration::from_millis(700), || dev.get("/a/x").status == 200));
    assert_eq!(dev.times_logged("the routes in force stay"), 3, "each once");

    dev.replace(&good.replace("/a/", "/z/"));
    dev.wait_for("/z/x", 200);
}

/// A node with a wrong file must not come up half: it says every problem with its place and ends with 64.
#[test]
fn a_wrong_file_refuses_to_start() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("r.yml");
    fs::write(
        &file,
        "routes:\n- id: a\n  uri: lb://a\n  predicates: [Paht=/a]\n- id: b\n  uri: ftp://b\n  predicates: [Path=/b]\n",
    )
    .unwrap();
    for (name, says) in [
        ("r.yml", &["r.yml:4:16: route a: ", "r.yml:6:8: route b: "][..]),
        ("none.yml", &["the routes file none.yml cannot be read"][..]),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_koinon"));
        command.args(["dev", "--routes", name]).current_dir(folder.path());
        for listener in ["admin", "eureka", "gateway"] {
            command.args(["--set", &format!("listen.{listener}=127.0.0.1:0")]);
        }
        let output = command.output().unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(64), "{err}");
        for says in says {
            assert!(err.lines().any(|line| line.contains(says)), "{says}: {err}");
        }
        let checked = koinon(None, folder.path(), &["check", name]);
        assert_eq!(checked.code, 64);
        for says in says {
            assert!(checked.err.contains(says), "check says the same: {}", checked.err);
        }
    }
}

/// The whole file of a Spring application: what is not the gateway's is named once, placeholders come from the
/// environment, and `check` says it without a gateway.
#[test]
fn a_whole_application_file_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let text = "server:\n  port: 9999\nspring:\n  cloud:\n    gateway:\n      routes:\n        - id: orders\n          \
                uri: lb://${ORDERS_SERVICE:orders}\n          predicates:\n            - Path= /api/orders/**\n          \
                filters:\n            - StripPrefix= 1\neureka:\n  client:\n    register-with-eureka: false\n";
    fs::write(folder.path().join("application.yml"), text).unwrap();
    let ran = koinon(None, folder.path(), &["check", "application.yml"]);
    assert_eq!((ran.code, &*ran.err), (0, ""));
    assert_eq!(
        ran.out,
        "ID      ORDER  URI          PREDICATES           FILTERS\n\
         orders  0      lb://orders  Path=/api/orders/**  StripPrefix=1\n\
         application.yml:1:1: section server is not the gateway's and is ignored\n\
         application.yml:13:1: section eureka is not the gateway's and is ignored\n"
    );
    let ran = koinon(None, folder.path(), &["check", "application.yml", "-o", "json"]);
    let shown: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(shown["problems"], json!([]));
    assert_eq!(shown["routes"][0]["id"], "orders");
    assert_eq!(
        shown["foreign"][1],
        json!({"section": "eureka", "line": 13, "column": 1})
    );

    let asked = [
        "try",
        "GET",
        "http://x/api/orders/7?a=b",
        "--file",
        "application.yml",
    ];
    let ran = koinon(None, folder.path(), &asked);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.contains("GET lb://orders/orders/7?a=b"), "{}", ran.out);
}

/// `ls` and `try` show what the running gateway does, to people and to scripts, and exit codes say it too.
#[test]
fn a_running_gateway_is_asked() {
    let upstream = Recorder::start().unwrap();
    let text = routes(&["a", "b"], upstream.address()) + "      - AddRequestHeader=X-Via, koinon\n";
    let dev = Dev::start(&text);
    assert_eq!((dev.get("/b/1").status, dev.get("/b/2").status), (200, 200));
    let admin = dev.koinon.listener("admin").unwrap();
    let here = dev.koinon.data_folder();
    let ask = |args: &[&str]| koinon(Some(admin), here, args);

    let uri = format!("http://{}", upstream.address());
    // A request is counted when its answer has been sent, which the client may see a moment before.
    let listed = wait_until("both requests to be counted", SOON, || {
        let listed = ask(&["ls"]);
        listed.out.ends_with("  2          0\n").then_some(listed)
    })
    .unwrap();
    assert_eq!((listed.code, &*listed.err), (0, ""));
    let lines: Vec<Vec<&str>> = listed
        .out
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(
        lines[0],
        ["ID", "ORDER", "URI", "PREDICATES", "FILTERS", "RESPONSES", "5XX"]
    );
    assert_eq!(
        lines[1],
        ["a", "0", &*uri, "Path=/a/**", "StripPrefix=1", "0", "0"]
    );
    assert_eq!(
        lines[2],
        [
            "b",
            "0",
            &*uri,
            "Path=/b/**",
            "StripPrefix=1;",
            "AddRequestHeader=X-Via,koinon",
            "2",
            "0"
        ]
    );
    let listed: Value = serde_json::from_str(&ask(&["ls", "-o", "json"]).out).unwrap();
    assert_eq!(listed["routes"][1]["responses"]["by_class"], json!({"2xx": 2}));

    let tried = ask(&["try", "POST", "http://shop/b/7", "-H", "X-A: b"]);
    assert_eq!((tried.code, &*tried.err), (0, ""));
    assert_eq!(
        tried.out,
        format!(
            "route b takes it\n  because    Path=/b/**\n  filters    StripPrefix=1; AddRequestHeader=X-Via,koinon\n  \
             header     X-A: b\n  header     X-Via: koinon\n  becomes    POST {uri}/7\n\
             Routes before it do not, those that came nearest first:\n  ROUTE  FAILS AT    BECAUSE\n  \
             a      Path=/a/**  the path is /b/7\n"
        )
    );
    let missed = ask(&["try", "GET", "/c"]);
    assert_eq!(missed.code, 1);
    assert!(missed.out.starts_with("no route takes it"), "{}", missed.out);
    let impossible = ask(&["try", "G T", "c"]);
    assert_eq!((impossible.code, &*impossible.out), (64, ""));
    assert!(impossible.err.contains("url"), "{}", impossible.err);
}

/// The figures of a scrape: requests and times by route, what the upstream did, and requests that nobody answered.
#[test]
fn requests_are_counted() {
    let upstream = Recorder::start().unwrap();
    let dev = Dev::start(&routes(&["a"], upstream.address()));
    assert_eq!((dev.get("/a/1").status, dev.get("/none").status), (200, 404));
    let admin = dev.koinon.listener("admin").unwrap();
    let name = format!("http://{}", upstream.address());
    let expected = [
        "koinon_gateway_requests_total{route=\"a\",class=\"2xx\"} 1",
        "koinon_gateway_request_duration_seconds_count{route=\"a\"} 1",
        "koinon_gateway_request_duration_seconds_bucket{le=\"+Inf\",route=\"a\"} 1",
        &format!("koinon_gateway_upstream_responses_total{{upstream=\"{name}\",class=\"2xx\"}} 1"),
        &format!("koinon_gateway_upstream_connects_total{{upstream=\"{name}\"}} 1"),
        &format!("koinon_gateway_endpoints{{upstream=\"{name}\",state=\"serving\"}} 1"),
        "koinon_gateway_faults_total{reason=\"no_route\"} 1",
        "koinon_gateway_connections_total 2",
        "koinon_gateway_heads_total 2",
    ];
    // A request is counted when its answer has been sent, which the client may see a moment before.
    let mut missing = Vec::new();
    wait_until("the figures", SOON, || {
        let scraped = send(admin, &Request::get("/metrics")).ok()?.text();
        let known = |line: &&str| scraped.lines().any(|known| known == *line);
        missing = expected
            .iter()
            .copied()
            .filter(|line| !known(line))
            .map(str::to_owned)
            .collect();
        missing.is_empty().then_some(())
    })
    .unwrap_or_else(|error| panic!("{error}: {missing:#?}"));
    let shown = send(admin, &Request::get("/v1/upstreams"))
        .unwrap()
        .json()
        .unwrap();
    assert_eq!(shown["upstreams"][0]["name"], *name);
    assert_eq!(shown["upstreams"][0]["endpoints"][0]["state"], "serving");
}

/// Without a file and without a listener there is still an answer to every question.
#[test]
fn no_routes_and_no_gateway_are_answers_too() {
    let bare = Koinon::start(&options(&[])).unwrap();
    let answer = get(&bare, "/");
    assert_eq!(
        (answer.status, &answer.json().unwrap()["code"]),
        (404, &json!("no_route"))
    );

    let off = Koinon::start(&options(&["--set", "listen.gateway=off"])).unwrap();
    assert!(off.listener("gateway").is_err());
    let ran = koinon(Some(off.listener("admin").unwrap()), off.data_folder(), &["ls"]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("listen.gateway is off"), "{}", ran.err);
}

/// A request that is on its way at SIGTERM is answered, and the process ends well.
#[test]
fn a_drain_lets_a_request_finish() {
    let (tell, told) = channel::<()>();
    let (arrived, has_arrived) = channel::<()>();
    let told: Mutex<Receiver<()>> = Mutex::new(told);
    let upstream = Recorder::answering(move |request| {
        arrived.send(()).unwrap();
        told.lock().unwrap().recv_timeout(SOON).unwrap();
        Reply::ok(request, "late")
    })
    .unwrap();
    let mut dev = Dev::start(&routes(&["a"], upstream.address()));
    let gateway = dev.koinon.listener("gateway").unwrap();
    let mut client = TcpStream::connect(gateway).unwrap();
    client.set_read_timeout(Some(SOON)).unwrap();
    client.write_all(b"GET /a/x HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    has_arrived.recv_timeout(SOON).unwrap();
    dev.koinon.process().terminate();
    dev.wait_for_log("Stopping");
    wait_until("the gateway to take no more connections", SOON, || {
        TcpStream::connect(gateway).is_err().then_some(())
    })
    .unwrap();
    tell.send(()).unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.ends_with("late"),
        "{answer}"
    );
    assert_eq!(dev.koinon.process().wait(SOON).unwrap().code(), Some(0));
}

/// The first minute: two instances take turns, one is killed, and not a request fails.
#[test]
fn the_demo_shows_balancing_and_failover() {
    let koinon = Koinon::start(&options(&["--demo"])).unwrap();
    let instance = || {
        let answer = get(&koinon, "/demo/hello");
        (answer.status == 200).then(|| answer.json().unwrap())
    };
    let (mut first, mut second) = (None, None);
    wait_until("both instances to answer", SOON, || {
        let answer = instance()?;
        match answer["instance"].as_str()? {
            "demo-greeter-1" => first = Some(answer),
            _ => second = Some(answer),
        }
        (first.is_some() && second.is_some()).then_some(())
    })
    .unwrap();
    let pid = i32::try_from(first.unwrap()["pid"].as_i64().unwrap()).unwrap();
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    for _ in 0..50 {
        let answer = instance().expect("the other instance answers");
        assert_eq!(answer["instance"], "demo-greeter-2");
    }
}
