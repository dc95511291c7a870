//! What connections and bodies cost: the memory of a gateway in a process of its own.

use std::io::{Read, Write};

use crate::alone;
use crate::child::Child;
use crate::common::{Client, Upstream, Wire, until};

const MIB: usize = 1024 * 1024;
/// How much may be added to what the gateway had before, whatever passes through: its buffers, and what an allocator keeps.
const FLAT_KIB: u64 = 6 * 1024;

/// Answers `/down` with so many bytes and takes `/up` with as many.
fn pour(wire: &mut Wire, len: usize) {
    let piece = vec![b'x'; 256 * 1024];
    while let Some(head) = wire.head() {
        wire.forget();
        if head.contains("/down") {
            wire.write(format!("HTTP/1.1 200 OK\r\nContent-Length: {len}\r\n\r\n"));
            for _ in 0..len / piece.len() {
                if wire.stream.write_all(&piece).is_err() {
                    return;
                }
            }
        } else {
            let mut left = len - wire.take_unread();
            let mut into = vec![0; 256 * 1024];
            while left > 0 {
                left -= wire.stream.read(&mut into).unwrap().min(left);
            }
            wire.write(crate::common::upstream::ok("taken"));
        }
    }
}

/// Bodies of `len` down and up; gives how much the memory's peak grew over a first small round.
fn pour_through(len: usize) -> u64 {
    let small = Upstream::start(|wire| pour(wire, MIB));
    let large = Upstream::start(move |wire| pour(wire, len));
    let mut grown = 0;
    for (upstream, len) in [(&small, MIB), (&large, len)] {
        let gateway = Child::start("gateway", &upstream.addr.to_string());
        let (before, _) = gateway.memory_kib();
        let mut client = Client::connect(gateway.addr);
        client.get("/down");
        assert!(client.head().contains(&len.to_string()));
        let mut left = len - client.take_unread();
        let mut into = vec![0; 256 * 1024];
        while left > 0 {
            let read = client.stream.read(&mut into).unwrap();
            assert!(read > 0 && read <= left, "{left} bytes are missing");
            left -= read;
        }
        client.send(format!(
            "PUT /up HTTP/1.1\r\nHost: a\r\nContent-Length: {len}\r\n\r\n"
        ));
        for _ in 0..len / into.len() {
            client.send(&into);
        }
        assert_eq!(client.answer().text(), "taken");
        grown = gateway.memory_kib().0 - before;
    }
    grown
}

#[expect(clippy::print_stderr, reason = "figures are what these are for")]
fn print(line: &str) {
    eprintln!("{line}");
}

/// A large body costs no more than a small one, down and up.
#[test]
fn large_bodies_cost_no_memory() {
    let grown = pour_through(256 * MIB);
    print(&format!("256 MiB down and up: the peak grew by {grown} KiB"));
    assert!(grown < FLAT_KIB, "{grown} KiB");
}

/// The same with bodies larger than what a length in 32 bits can say.
#[test]
#[ignore = "gigabytes; a soak"]
fn soak_large_bodies() {
    alone(|| {
        let grown = pour_through(4096 * MIB + 256 * 1024);
        print(&format!("4 GiB down and up: the peak grew by {grown} KiB"));
        assert!(grown < FLAT_KIB, "{grown} KiB");
    });
}

/// Readers that stand still cost a buffer each, not their responses.
#[test]
fn slow_readers_cost_no_memory() {
    const READERS: usize = 64;
    let upstream = Upstream::start(|wire| pour(wire, 64 * MIB));
    let gateway = Child::start("gateway", &upstream.addr.to_string());
    let (before, _) = gateway.memory_kib();
    let mut readers: Vec<Client> = (0..READERS).map(|_| Client::connect(gateway.addr)).collect();
    for reader in &mut readers {
        reader.get("/down");
        reader.head();
    }
    // Every response has begun; now all of them are stuck behind clients that do not read on.
    std::thread::sleep(std::time::Duration::from_millis(500));
    let grown = gateway.memory_kib().0 - before;
    print(&format!(
        "{READERS} readers that do not read: the peak grew by {grown} KiB"
    ));
    assert!(grown < FLAT_KIB, "{grown} KiB");
}

/// An idle connection holds no buffer: its socket, its task and its timer, at most 8 KiB.
#[test]
fn idle_connections_cost_little() {
    const IDLE: u64 = 4_000;
    let upstream = Upstream::named("one");
    let gateway = Child::start("gateway", &upstream.addr.to_string());
    let ask = || {
        let mut client = Client::connect(gateway.addr);
        client.get("/");
        assert_eq!(client.answer().text(), "one");
        client
    };
    let _warm: Vec<Client> = (0..64).map(|_| ask()).collect();
    let (_, before) = gateway.memory_kib();
    let idle: Vec<Client> = (0..IDLE).map(|_| ask()).collect();
    let (_, now) = gateway.memory_kib();
    let each = (now - before) * 1024 / IDLE;
    print(&format!("an idle connection: {each} bytes"));
    assert!(each <= 8 * 1024, "{each} bytes each");
    drop(idle);
    let fresh = || {
        let mut client = Client::connect(gateway.addr);
        client.get("/");
        client.answer().status == 200
    };
    until("it still serves", fresh);
}
