//! What the store costs without a door before it: `cargo run --release -p koinon-store --example store_figures [DIR]`.
//!
//! Clients are tasks of this process; CPU time is the whole process's, clients included.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "it prints figures, and ends where it cannot go on"
)]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use koinon_base::SystemClock;
use koinon_core_kv::{Keys, LeaseId, Put, Range, SpaceId};
use koinon_io_disk::{Disk, OsDisk};
use koinon_store::{Consistency, Settings, Space, Store};

const VALUE_LEN: usize = 256;
const FOR: Duration = Duration::from_secs(3);

#[tokio::main]
async fn main() {
    let asked = std::env::args().nth(1);
    let temporary = tempfile::tempdir().unwrap();
    let dir = asked.as_deref().map_or(temporary.path(), Path::new);
    let disk: Arc<dyn Disk> = Arc::new(OsDisk);
    let store = Store::open(&disk, dir, Settings::default(), Arc::new(SystemClock::new())).unwrap();
    let space = store.space(SpaceId::ETCD);
    println!(
        "{:>8} {:>8} {:>12} {:>12} {:>10} {:>10}",
        "what", "clients", "per second", "CPU us each", "p50 us", "p99 us"
    );
    for clients in [1, 100, 1000] {
        run("put", clients, &space, |space, n| async move {
            space.put(put(n)).await.unwrap();
        })
        .await;
    }
    for clients in [1, 100] {
        run("get", clients, &space, |space, n| async move {
            space.range(&get(n), Consistency::Linearizable).await.unwrap();
        })
        .await;
    }
    let figures = store.figures();
    println!(
        "entries {}, in {} batches; sync p50 {} us, p99 {} us",
        figures.entries,
        figures.batches,
        figures.log.sync_latency.quantile_us(0.5),
        figures.log.sync_latency.quantile_us(0.99)
    );
    store.close();
}

async fn run<F: Future<Output = ()> + Send>(
    what: &str,
    clients: usize,
    space: &Space,
    op: impl Fn(Space, usize) -> F + Copy + Send + 'static,
) {
    let (began, cpu) = (Instant::now(), cpu_us());
    let tasks = (0..clients).map(|client| {
        let space = space.clone();
        tokio::spawn(async move {
            let mut latencies = Vec::new();
            let mut n = client;
            while began.elapsed() < FOR {
                let start = Instant::now();
                op(space.clone(), n % 100_000).await;
                latencies.push(start.elapsed());
                n += clients;
            }
            latencies
        })
    });
    let mut latencies = Vec::new();
    for task in tasks.collect::<Vec<_>>() {
        latencies.extend(task.await.unwrap());
    }
    let (took, cpu) = (began.elapsed(), cpu_us() - cpu);
    latencies.sort();
    let at = |share: usize| latencies[(latencies.len() - 1) * share / 100].as_micros();
    println!(
        "{what:>8} {clients:>8} {:>12.0} {:>12.1} {:>10} {:>10}",
        latencies.len() as f64 / took.as_secs_f64(),
        cpu as f64 / latencies.len() as f64,
        at(50),
        at(99)
    );
}

fn key(n: usize) -> Bytes {
    Bytes::from(format!("/koinon/bench/key-{n:019}"))
}

fn put(n: usize) -> Put {
    Put {
        key: key(n),
        value: Some(Bytes::from(vec![b'v'; VALUE_LEN])),
        lease: Some(LeaseId::NONE),
        prev_kv: false,
    }
}

fn get(n: usize) -> Range {
    Range {
        keys: Keys::One(key(n)),
        revision: 0,
        limit: 0,
        sort: None,
        keys_only: false,
        count_only: false,
        mod_revision: (0, 0),
        create_revision: (0, 0),
    }
}

/// CPU time of this process, in microseconds (the system counts in hundredths of a second).
fn cpu_us() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    ticks * 10_000
}
