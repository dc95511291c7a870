//! `koinon dev` as a developer and an init system meet it: start, refusal to start, the sample, the end.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test code")]

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use koinon_testkit::{Process, ProcessOptions, Request, send, wait_until};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use serde_json::Value;
use tempfile::TempDir;

const SOON: Duration = Duration::from_secs(20);

struct Dev {
    process: Process,
    data: TempDir,
}

/// Starts `koinon dev` with its data in `data`; ports are chosen by the system unless `args` say otherwise.
fn start_in(data: &Path, log: &Path, args: &[&str]) -> Process {
    let mut command = Command::new(env!("CARGO_BIN_EXE_koinon"));
    command.arg("dev").arg("--data-dir").arg(data);
    command.args([
        "--set",
        "listen.admin=127.0.0.1:0",
        "--set",
        "listen.etcd=127.0.0.1:0",
        "--set",
        "listen.eureka=127.0.0.1:0",
        "--set",
        "listen.gateway=127.0.0.1:0",
    ]);
    command.args(args).current_dir(log.parent().unwrap());
    Process::start(ProcessOptions {
        name: "koinon dev".into(),
        command,
        log: log.to_owned(),
    })
    .unwrap()
}

impl Dev {
    fn start(args: &[&str]) -> Self {
        let data = tempfile::tempdir().unwrap();
        let process = start_in(&data.path().join("data"), &data.path().join("log"), args);
        Self { process, data }
    }

    fn listener(&self, name: &str) -> SocketAddr {
        let path = self.data.path().join("data/listeners.json");
        wait_until("listeners.json to be written", SOON, || {
            let listeners: Value = serde_json::from_slice(&std::fs::read(&path).ok()?).ok()?;
            listeners.get(name)?.as_str()?.parse().ok()
        })
        .map_err(|error| self.process.error(error.to_string()))
        .unwrap()
    }

    /// Waits until the sample's instances are these.
    fn wait_for_demo(&self, expected: &[&str]) -> Vec<Value> {
        let eureka = self.listener("eureka");
        wait_until(
            &format!("the sample's instances to be {expected:?}"),
            SOON,
            || {
                let answer = send(
                    eureka,
                    &Request::get("/eureka/apps").header("accept", "application/json"),
                )
                .ok()?;
                let apps = answer.json()?;
                let instances = apps
                    .pointer("/applications/application/0/instance")
                    .and_then(Value::as_array);
                let instances = instances.cloned().unwrap_or_default();
                let ids: Vec<&str> = instances
                    .iter()
                    .filter_map(|i| i["instanceId"].as_str())
                    .collect();
                (ids == expected).then_some(instances)
            },
        )
        .map_err(|error| self.process.error(error.to_string()))
        .unwrap()
    }

    fn wait_for_output(&self, text: &str) {
        wait_until(&format!("the output to say {text:?}"), SOON, || {
            self.process.output().contains(text).then_some(())
        })
        .map_err(|error| self.process.error(error.to_string()))
        .unwrap();
    }
}

fn pid_of(instance: &Value) -> Pid {
    let pid: i32 = instance["metadata"]["pid"].as_str().unwrap().parse().unwrap();
    Pid::from_raw(pid).unwrap()
}

fn wait_until_gone(pids: &[Pid]) {
    wait_until("the children to be gone", SOON, || {
        pids.iter()
            .all(|pid| test_kill_process(*pid).is_err())
            .then_some(())
    })
    .unwrap();
}

const BOTH: [&str; 2] = ["demo-greeter-1", "demo-greeter-2"];

/// The first minute of a new user: two instances register, one is killed and goes, the other stays and answers.
#[test]
fn the_demo_shows_an_eviction() {
    let dev = Dev::start(&["--demo"]);
    let instances = dev.wait_for_demo(&BOTH);
    kill_process(pid_of(&instances[0]), Signal::KILL).unwrap();
    let left = dev.wait_for_demo(&BOTH[1..]);
    dev.wait_for_output("demo: demo-greeter-1 is gone");
    let url = left[0]["homePageUrl"].as_str().unwrap();
    let address = url
        .trim_start_matches("http://")
        .trim_end_matches('/')
        .parse()
        .unwrap();
    let greeting = send(address, &Request::get("/")).unwrap().json().unwrap();
    assert_eq!(greeting["instance"], "demo-greeter-2");
}

/// SIGTERM is the polite end: everything is let go of, and init systems see success.
#[test]
fn sigterm_ends_with_success() {
    let mut dev = Dev::start(&["--demo"]);
    let pids: Vec<Pid> = dev.wait_for_demo(&BOTH).iter().map(pid_of).collect();
    let eureka = dev.listener("eureka");
    dev.process.terminate();
    assert_eq!(dev.process.wait(SOON).unwrap().code(), Some(0));
    wait_until_gone(&pids);
    assert!(TcpListener::bind(eureka).is_ok(), "the port is free again");
    assert!(
        !dev.data.path().join("data/listeners.json").exists(),
        "nobody is sent to a dead address"
    );
}

/// Children must not outlive a parent that had no time to say goodbye.
#[test]
fn children_die_with_a_killed_parent() {
    let mut dev = Dev::start(&["--demo"]);
    let pids: Vec<Pid> = dev.wait_for_demo(&BOTH).iter().map(pid_of).collect();
    dev.process.kill();
    wait_until_gone(&pids);
}

/// A second Ctrl-C means now, even while a connection is busy and the drain would wait for it.
#[test]
fn a_second_interrupt_ends_at_once() {
    let mut dev = Dev::start(&[]);
    let eureka = dev.listener("eureka");
    let mut busy = std::net::TcpStream::connect(eureka).unwrap();
    let head = b"POST /eureka/apps/A HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 10\r\n\r\n{";
    std::io::Write::write_all(&mut busy, head).unwrap();
    let pid = Pid::from_raw(i32::try_from(dev.process.id()).unwrap()).unwrap();
    dev.wait_for_output("Ctrl-C stops it");
    kill_process(pid, Signal::INT).unwrap();
    dev.wait_for_output("Ctrl-C again ends at once");
    assert!(
        dev.process.ended().is_none(),
        "the drain waits for the request in flight"
    );
    kill_process(pid, Signal::INT).unwrap();
    assert_eq!(
        dev.process.wait(Duration::from_secs(3)).unwrap().code(),
        Some(130)
    );
}

/// A port in use is the most likely trouble of all; the message must say which setting to change.
#[test]
fn a_port_in_use_names_the_setting() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let setting = format!("listen.eureka={}", taken.local_addr().unwrap());
    let mut dev = Dev::start(&["--set", &setting]);
    assert_eq!(dev.process.wait(SOON).unwrap().code(), Some(1));
    let output = dev.process.output();
    assert!(
        output.contains("is in use; set listen.eureka to another address"),
        "{output}"
    );
}

/// Two processes on one data folder: the second says so and leaves the first alone.
#[test]
fn a_data_folder_has_one_owner() {
    let dev = Dev::start(&[]);
    let eureka = dev.listener("eureka");
    let mut second = start_in(&dev.data.path().join("data"), &dev.data.path().join("log2"), &[]);
    assert_eq!(second.wait(SOON).unwrap().code(), Some(1));
    assert!(
        second.output().contains("is in use by another koinon"),
        "{}",
        second.output()
    );
    assert_eq!(send(eureka, &Request::get("/eureka/apps")).unwrap().status, 200);
    assert_eq!(dev.listener("eureka"), eureka);
}

/// Wrong settings end with 64 and say what is right.
#[test]
fn wrong_settings_exit_64() {
    for (args, says) in [
        (["--set", "listen.eurka=x"], "did you mean listen.eureka?"),
        (["--set", "listen.eureka=nowhere"], "listen.eureka"),
        (
            ["--set", "listen.eureka=0.0.0.0:0"],
            "listen.allow_insecure = true",
        ),
        (["--set", "registry.self_preservation=maybe"], "auto"),
        (["--config", "/nonexistent.toml"], "cannot be read"),
        (["--nonsense", "x"], "--nonsense"),
    ] {
        let mut dev = Dev::start(&args);
        let code = dev.process.wait(SOON).unwrap().code();
        assert_eq!(code, Some(64), "{args:?}: {}", dev.process.output());
        assert!(
            dev.process.output().contains(says),
            "{args:?}: {}",
            dev.process.output()
        );
    }
}

/// A listener that is off is not there, and the others are.
#[test]
fn a_listener_can_be_off() {
    let dev = Dev::start(&["--set", "listen.admin=off"]);
    let eureka = dev.listener("eureka");
    assert_eq!(send(eureka, &Request::get("/eureka/apps")).unwrap().status, 200);
    let listeners = std::fs::read_to_string(dev.data.path().join("data/listeners.json")).unwrap();
    assert!(!listeners.contains("admin"), "{listeners}");
}
