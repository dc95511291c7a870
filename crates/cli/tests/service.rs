//! `koinon service …` against a real server: what is printed, where, and with which exit code.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test code")]

use std::net::SocketAddr;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use koinon_api_admin::{AdminDoor, Readiness};
use koinon_base::{InstanceId, Namespace, Rng, ServiceName, SystemClock};
use koinon_core_registry::Figures;
use koinon_io_net::{BoundListener, DrainHandle, HostGuard, ServeOptions, bind, drain};
use koinon_io_telemetry::Metrics;
use koinon_service_registry::{RegistryHandle, Settings};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

const PATIENCE: Duration = Duration::from_secs(20);

struct Server {
    addr: SocketAddr,
    registry: RegistryHandle,
    drain: DrainHandle,
    serving: JoinHandle<()>,
}

impl Server {
    fn start() -> Self {
        let registry = RegistryHandle::new(
            Settings::default(),
            Arc::new(SystemClock::new()),
            Rng::from_entropy(),
        );
        Self::start_at("127.0.0.1:0".parse().unwrap(), registry)
    }

    fn start_at(addr: SocketAddr, registry: RegistryHandle) -> Self {
        Self::serve(bind("admin", addr).unwrap(), registry)
    }

    fn serve(listener: BoundListener, registry: RegistryHandle) -> Self {
        let addr = listener.local_addr();
        let door = AdminDoor::new(
            registry.clone(),
            Arc::new(Metrics::default()),
            Readiness::default(),
        );
        let guard = HostGuard::loopback_and::<&str>(&[]).unwrap();
        let (handle, observer) = drain();
        let serving = tokio::spawn(async move {
            koinon_api_admin::serve(listener, door, guard, ServeOptions::default(), observer).await;
        });
        Self {
            addr,
            registry,
            drain: handle,
            serving,
        }
    }

    /// Ends this server and starts another one at the same address, with the same registry or an empty one.
    async fn restart(self, registry: RegistryHandle) -> Self {
        self.drain.start(Duration::ZERO);
        self.serving.await.unwrap();
        let mut bound = None;
        // Somebody else's connection may have been given the port for a moment.
        until("the port is free again", || {
            bound = bind("admin", self.addr).ok();
            bound.is_some()
        })
        .await;
        Self::serve(bound.unwrap(), registry)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = koinon(args);
        command.env("KOINON_ENDPOINT", format!("http://{}", self.addr));
        command
    }

    async fn run(&self, args: &[&str]) -> Ran {
        run(self.command(args)).await
    }

    /// Runs what must succeed and say nothing on standard error. However slow the machine, times are `0 s ago`.
    async fn ok(&self, args: &[&str]) -> String {
        let ran = self.run(args).await;
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{args:?}");
        let slow = (1..100).map(|s| format!("{s} s ago"));
        slow.fold(ran.out, |out, slow| out.replace(&slow, "0 s ago"))
    }

    fn holds(&self, service: &str, id: &str) -> bool {
        let (service, id) = (ServiceName::new(service).unwrap(), InstanceId::new(id).unwrap());
        self.registry.get(&Namespace::default(), &service, &id).is_some()
    }

    fn figures(&self) -> Figures {
        self.registry.figures()[0].1
    }
}

struct Ran {
    code: i32,
    out: String,
    err: String,
}

fn koinon(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_koinon"));
    command
        .arg("service")
        .args(args)
        .env_remove("KOINON_ENDPOINT")
        .kill_on_drop(true);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

async fn run(mut command: Command) -> Ran {
    let output = timeout(PATIENCE, command.output())
        .await
        .expect("the command ends")
        .unwrap();
    Ran {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

fn lines(child: &mut Child) -> Lines<BufReader<ChildStdout>> {
    BufReader::new(child.stdout.take().unwrap()).lines()
}

async fn line(lines: &mut Lines<BufReader<ChildStdout>>) -> String {
    timeout(PATIENCE, lines.next_line())
        .await
        .expect("a line comes")
        .unwrap()
        .expect("not the end")
}

async fn ended(child: &mut Child) -> ExitStatus {
    timeout(PATIENCE, child.wait())
        .await
        .expect("the command ends")
        .unwrap()
}

fn interrupt(child: &Child) {
    let pid = Pid::from_raw(i32::try_from(child.id().unwrap()).unwrap()).unwrap();
    kill_process(pid, Signal::INT).unwrap();
}

/// The pause is between looks, the wait ends with the condition.
async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let looking = async {
        while !condition() {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, looking)
        .await
        .unwrap_or_else(|_| panic!("{what} in time"));
}

/// What a person types in their first minutes, and reads.
#[tokio::test]
async fn people_get_tables() {
    let server = Server::start();
    assert_eq!(server.ok(&["ls"]).await, "no services in namespace default\n");
    let out = server
        .ok(&[
            "register",
            "Orders",
            "--id",
            "o:1",
            "--address",
            "10.0.0.1",
            "--port",
            "80",
            "--zone",
            "z1",
        ])
        .await;
    assert_eq!(
        out,
        "ID   ADDRESS             STATUS  CLASS      ZONE  VERSION  WEIGHT  HEARTBEAT\n\
         o:1  http://10.0.0.1:80  up      ephemeral  z1    -        100     0 s ago\n\
         without heartbeats it is gone in 90 s; --keep sends them\n"
    );
    server
        .ok(&[
            "register",
            "orders",
            "--id",
            "2",
            "--address",
            "::1",
            "--port",
            "443",
            "--scheme",
            "https",
            "--status",
            "down",
            "--version",
            "1.2",
            "--weight",
            "5",
            "--meta",
            "a=b=c",
            "--meta",
            "d=",
        ])
        .await;
    assert_eq!(
        server.ok(&["ls"]).await,
        "SERVICE  INSTANCES  STATUS        CLASS\n\
         orders   2          1 up, 1 down  ephemeral\n"
    );
    assert_eq!(
        server.ok(&["get", "ORDERS"]).await,
        "ID   ADDRESS             STATUS  CLASS      ZONE  VERSION  WEIGHT  HEARTBEAT\n\
         2    https://[::1]:443   down    ephemeral  -     1.2      5       0 s ago\n\
         o:1  http://10.0.0.1:80  up      ephemeral  z1    -        100     0 s ago\n"
    );
    assert_eq!(
        server.ok(&["deregister", "orders", "o:1"]).await,
        "o:1 of orders is gone\n"
    );
    assert!(!server.holds("orders", "o:1") && server.holds("orders", "2"));
    assert_eq!(
        server.ok(&["ls", "--namespace", "other"]).await,
        "no services in namespace other\n"
    );
}

/// Scripts get the API's JSON, one document a line, and nothing else on standard output.
#[tokio::test]
async fn scripts_get_json() {
    let server = Server::start();
    let json = |out: String| -> Value {
        assert_eq!(out.lines().count(), 1, "{out}");
        serde_json::from_str(&out).unwrap()
    };
    let register = [
        "register",
        "a",
        "--id",
        "1",
        "--address",
        "h",
        "--port",
        "1",
        "--meta",
        "k=v",
        "--output",
        "json",
    ];
    let shown = json(server.ok(&register).await);
    assert_eq!(
        (&shown["id"], &shown["metadata"]),
        (&json!("1"), &json!({"k": "v"}))
    );
    assert_eq!(
        json(server.ok(&["ls", "-o", "json"]).await)["services"][0]["name"],
        json!("a")
    );
    assert_eq!(
        json(server.ok(&["-o", "json", "get", "a"]).await)["instances"],
        json!([shown])
    );
    assert_eq!(server.ok(&["deregister", "a", "1", "-o", "json"]).await, "");
}

/// Exit codes tell a script whose fault it is; the reason is on standard error and says what to do.
#[tokio::test]
async fn failures_say_why_and_whose_fault_it_is() {
    let server = Server::start();
    let ran = server.run(&["get", "none"]).await;
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    assert_eq!(
        ran.err,
        "koinon: service none has no instances in namespace default\n"
    );

    let ran = server
        .run(&["register", "a/b", "--id", "1", "--address", "a b", "--port", "1"])
        .await;
    assert_eq!((ran.code, ran.out.as_str()), (64, ""));
    assert_eq!(
        ran.err,
        "koinon: the request has 2 problems\n  service contains '/', which is not allowed there\n  \
         address is not a host name or an IP address\n"
    );
    for wrong in [
        &["register", "a", "--id", "1", "--address", "h", "--port", "http"][..],
        &[
            "register",
            "a",
            "--id",
            "1",
            "--address",
            "h",
            "--port",
            "1",
            "--status",
            "UP",
        ],
        &[
            "register",
            "a",
            "--id",
            "1",
            "--address",
            "h",
            "--port",
            "1",
            "--meta",
            "k",
        ],
        &["ls", "--endpoint", "https://localhost:7070"],
        &["lss"],
    ] {
        let ran = server.run(wrong).await;
        assert_eq!((ran.code, ran.out.as_str()), (64, ""), "{wrong:?}");
        assert!(!ran.err.is_empty());
    }

    let nobody = format!(
        "http://{}",
        std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
    );
    for command in [&["ls"][..], &["watch"]] {
        let ran = server.run(&[command, &["--endpoint", &nobody]].concat()).await;
        assert_eq!((ran.code, ran.out.as_str()), (69, ""));
        let expected =
            format!("koinon: cannot connect to {nobody}; is the server running there?: Connection refused");
        assert!(ran.err.starts_with(&expected), "{}", ran.err);
    }
}

/// A watcher shows what is there and then each change people would see; a heartbeat or an unchanged registration is
/// none.
#[tokio::test]
async fn a_watch_shows_changes() {
    let server = Server::start();
    let register = ["register", "a", "--id", "1", "--address", "h", "--port", "1"];
    server.ok(&register).await;
    let mut child = server.command(&["watch"]).spawn().unwrap();
    let mut out = lines(&mut child);
    assert_eq!(line(&mut out).await, "+ a  1  http://h:1  up");
    server.ok(&register).await;
    server
        .ok(&["register", "b", "--id", "2", "--address", "h", "--port", "2"])
        .await;
    assert_eq!(line(&mut out).await, "+ b  2  http://h:2  up");
    server.ok(&[&register[..], &["--status", "down"]].concat()).await;
    assert_eq!(line(&mut out).await, "~ a  1  http://h:1  down");
    server.ok(&["deregister", "a", "1"]).await;
    assert_eq!(line(&mut out).await, "- a  1");
}

/// A script that watches gets one JSON line an event, and goes on over a restart of the server as if nothing had
/// happened; after one that forgot everything it gets a new snapshot.
#[tokio::test]
async fn a_watch_survives_a_restart() {
    let server = Server::start();
    let mut child = server.command(&["watch", "a", "-o", "json"]).spawn().unwrap();
    let mut out = lines(&mut child);
    let event = |text: String| -> Value { serde_json::from_str(&text).unwrap() };
    let first = event(line(&mut out).await);
    assert_eq!(
        (&first["event"], &first["data"]),
        (&json!("snapshot"), &json!({"services": []}))
    );
    assert!(first["id"].is_string());

    let kept = server.registry.clone();
    let server = server.restart(kept).await;
    server
        .ok(&["register", "a", "--id", "1", "--address", "h", "--port", "1"])
        .await;
    let next = event(line(&mut out).await);
    assert_eq!(
        (&next["event"], &next["data"]["id"]),
        (&json!("upsert"), &json!("1"))
    );

    let empty = RegistryHandle::new(
        Settings::default(),
        Arc::new(SystemClock::new()),
        Rng::from_entropy(),
    );
    let _server = server.restart(empty).await;
    let next = event(line(&mut out).await);
    assert_eq!(
        (&next["event"], &next["data"]),
        (&json!("snapshot"), &json!({"services": []}))
    );
}

/// `koinon service watch | head -1` ends quietly when `head` has.
#[tokio::test]
async fn a_closed_pipe_is_no_error() {
    let server = Server::start();
    let mut child = server.command(&["watch"]).spawn().unwrap();
    let mut out = lines(&mut child);
    server
        .ok(&["register", "a", "--id", "1", "--address", "h", "--port", "1"])
        .await;
    line(&mut out).await;
    drop(out);
    server
        .ok(&["register", "a", "--id", "2", "--address", "h", "--port", "1"])
        .await;
    let output = timeout(PATIENCE, child.wait_with_output())
        .await
        .expect("the command ends")
        .unwrap();
    assert_eq!(
        (output.status.code(), output.stderr.as_slice()),
        (Some(0), &b""[..])
    );
}

/// Kept, an instance renews, comes back after the server forgot it, and leaves on Ctrl-C.
#[tokio::test]
async fn a_kept_instance_lives_until_ctrl_c() {
    let server = Server::start();
    let args = [
        "register",
        "a",
        "--id",
        "1",
        "--address",
        "h",
        "--port",
        "1",
        "--lease",
        "3",
        "--keep",
    ];
    let mut child = server.command(&args).spawn().unwrap();
    let mut out = lines(&mut child);
    for expected in ["ID", "1", "sending"] {
        assert!(line(&mut out).await.starts_with(expected));
    }
    until("a heartbeat comes", || server.figures().counters.renewals >= 1).await;

    let empty = RegistryHandle::new(
        Settings::default(),
        Arc::new(SystemClock::new()),
        Rng::from_entropy(),
    );
    let server = server.restart(empty).await;
    until("it registers again", || server.holds("a", "1")).await;

    interrupt(&child);
    assert_eq!(line(&mut out).await, "1 of a is gone");
    assert!(ended(&mut child).await.success());
    assert!(!server.holds("a", "1"));
    assert_eq!(server.figures().counters.cancels, 1);
}
