//! This binary as other processes: an instance that can be killed and paused, and a gateway whose memory can be looked at.
//!
//! A child says where it listens by writing a file, and ends with its stdin, however its parent ends.

use std::fs;
use std::io::Read;
use std::net::SocketAddr;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use koinon_testkit::{Process, ProcessOptions};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::common::{PATIENCE, Stand, Upstream, until};

const ADDR_FILE: &str = "KOINON_TEST_ADDR_FILE";
const ARGUMENT: &str = "KOINON_TEST_ARGUMENT";

/// A child and where it listens.
pub(crate) struct Child {
    pub(crate) addr: SocketAddr,
    process: Process,
    _folder: TempDir,
}

impl Child {
    /// Starts one of the roles below.
    pub(crate) fn start(role: &str, argument: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("addr");
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--ignored", "--exact", "--nocapture", &format!("child::{role}")]);
        command.env(ADDR_FILE, &file).env(ARGUMENT, argument);
        let process = Process::start(ProcessOptions {
            name: role.into(),
            command,
            log: folder.path().join("log"),
        });
        let mut child = Self {
            addr: "127.0.0.1:0".parse().unwrap(),
            process: process.unwrap(),
            _folder: folder,
        };
        until("the child listens", || {
            let text = fs::read_to_string(&file).unwrap_or_default();
            child.addr = text.parse().unwrap_or(child.addr);
            assert!(child.process.ended().is_none(), "{}", child.process.log_end());
            child.addr.port() != 0
        });
        child
    }

    /// The crash that cannot say goodbye.
    pub(crate) fn kill(&mut self) {
        self.process.kill();
    }

    /// It stands still, with all its connections open.
    pub(crate) fn pause(&self) {
        self.signal(Signal::STOP);
    }

    pub(crate) fn resume(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let id = Pid::from_raw(i32::try_from(self.process.id()).unwrap()).unwrap();
        kill_process(id, signal).unwrap();
    }

    /// The most memory that it ever had, and what it has now, in KiB.
    pub(crate) fn memory_kib(&self) -> (u64, u64) {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let of = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name)).unwrap();
            line.split_whitespace().nth(1).unwrap().parse().unwrap()
        };
        (of("VmHWM:"), of("VmRSS:"))
    }
}

/// What this process was told, if it is a child at all.
fn argument() -> Option<String> {
    std::env::var(ADDR_FILE).ok()?;
    std::env::var(ARGUMENT).ok()
}

/// Says where, and stays until the parent is gone.
fn serve_until_told(addr: SocketAddr) -> ! {
    let file = std::env::var(ADDR_FILE).unwrap();
    // In one piece: the parent reads as soon as there is a file.
    fs::write(format!("{file}.new"), addr.to_string()).unwrap();
    fs::rename(format!("{file}.new"), &file).unwrap();
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    std::process::exit(0);
}

/// A gateway with one worker that sends everything to its argument.
#[test]
#[ignore = "a role for child processes"]
fn gateway() {
    let Some(argument) = argument() else { return };
    let stand = Stand::to(1, argument.parse().unwrap());
    serve_until_told(stand.addr);
}

/// An instance. Its argument: milliseconds that an answer takes, and `reset` if every tenth one is cut in its middle.
#[test]
#[ignore = "a role for child processes"]
fn instance() {
    let Some(argument) = argument() else { return };
    let (millis, harm) = argument.split_once(' ').unwrap_or((&argument, ""));
    let (time, resets) = (Duration::from_millis(millis.parse().unwrap()), harm == "reset");
    let count = AtomicUsize::new(0);
    let upstream = Upstream::start(move |wire| {
        wire.stream.set_read_timeout(Some(PATIENCE * 30)).unwrap();
        while let Some(head) = wire.head() {
            if head.starts_with("POST") {
                wire.bytes(4);
            }
            std::thread::sleep(time);
            wire.forget();
            if resets && count.fetch_add(1, Ordering::Relaxed) % 10 == 9 {
                wire.write("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf");
                wire.reset();
                return;
            }
            wire.write(crate::common::upstream::ok("instance"));
        }
    });
    serve_until_told(upstream.addr);
}
