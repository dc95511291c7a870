//! What the backend costs: `cargo run --release -p koinon-io-backend --example backend_figures -- FOLDER [RECORDS]` loads
//! records of 256 bytes in batches of 10,000 into a file in FOLDER, and measures reading them. Prints wall time, CPU
//! time and memory of this process.

#![allow(clippy::print_stdout, reason = "figures are for the terminal")]

use std::error::Error;
use std::fs;
use std::hint::black_box;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use koinon_core_kv::{Revision, SpaceId};
use koinon_io_backend::{Applied, Backend, BackendSettings, Batch, RedbBackend, SpaceMarks, View};
use koinon_io_disk::OsDisk;

/// As in the binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const RECORD_LEN: usize = 256;
const BATCH_LEN: i64 = 10_000;
const GETS: u64 = 500_000;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().ok_or("say in which folder the file shall be")?);
    let records: i64 = arguments.next().map_or(Ok(1_000_000), |number| number.parse())?;
    let path = folder.join("figures.redb");
    if path.exists() {
        fs::remove_file(&path)?;
    }
    let cache_mib: usize = std::env::var("CACHE_MIB").map_or(Ok(32), |number| number.parse())?;
    let settings = BackendSettings {
        cache_bytes: cache_mib << 20,
        ..BackendSettings::default()
    };
    let open = || RedbBackend::open(Arc::new(OsDisk), &path, settings);

    load(&open()?, records)?;
    println!("file after closing: {} MiB", fs::metadata(&path)?.len() >> 20);
    let (backend, opening) = timed(open)?;
    println!("open after a clean close: {}", shown(&opening));
    scan(&backend, records)?;
    get(&backend, records, 1)?;
    get(&backend, records, 2)?;
    small_commits(&backend, records)?;
    // As a crash leaves it: nothing is closed. The copy is opened, because this process holds the lock.
    let copy = folder.join("figures-copy.redb");
    fs::copy(&path, &copy)?;
    drop(backend);
    let (backend, opening) = timed(|| RedbBackend::open(Arc::new(OsDisk), &copy, settings))?;
    println!("open after a crash: {}", shown(&opening));
    drop(backend);
    fs::remove_file(&copy)?;
    fs::remove_file(&path)?;
    Ok(())
}

fn value(main: i64) -> Bytes {
    let mut value = vec![0_u8; RECORD_LEN];
    let mut state = main.cast_unsigned().wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    for byte in &mut value {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        *byte = state.to_le_bytes()[3];
    }
    Bytes::from(value)
}

fn batch(mains: std::ops::Range<i64>) -> Batch {
    Batch {
        applied: Applied {
            index: mains.end.cast_unsigned(),
            term: 1,
        },
        spaces: vec![(
            SpaceId::ETCD,
            SpaceMarks {
                revision: mains.end,
                compacted: 1,
            },
        )],
        put: mains
            .map(|main| (SpaceId::ETCD, Revision::new(main, 0), value(main)))
            .collect(),
        ..Batch::default()
    }
}

fn load(backend: &RedbBackend, records: i64) -> Outcome<()> {
    let mut commits = Spent::default();
    let mut worst = Duration::ZERO;
    let mut main = 0;
    while main < records {
        let end = (main + BATCH_LEN).min(records);
        let batch = batch(main..end);
        let ((), spent) = timed(|| backend.commit(&batch))?;
        worst = worst.max(spent.wall);
        commits += spent;
        main = end;
    }
    println!(
        "load of {records} records of {RECORD_LEN} B in batches of {BATCH_LEN}: {}, slowest batch {} ms, {:.2} us CPU a record",
        shown(&commits),
        worst.as_millis(),
        per(commits.cpu, records.cast_unsigned()),
    );
    let figures = backend.figures();
    println!(
        "live {} MiB, file {} MiB before closing, RSS {} MiB",
        figures.live_bytes >> 20,
        figures.size_bytes >> 20,
        rss_mib()?
    );
    Ok(())
}

fn scan(backend: &RedbBackend, records: i64) -> Outcome<()> {
    let mut seen = 0;
    let (_, spent) = timed(|| {
        backend.visit(SpaceId::ETCD, Revision::new(0, 0), None, &mut |_, bytes| {
            black_box(bytes);
            seen += 1;
            ControlFlow::Continue(())
        })
    })?;
    assert_eq!(seen, records, "the scan must see every record");
    println!("scan of all: {}, RSS {} MiB", shown(&spent), rss_mib()?);
    Ok(())
}

fn get(backend: &RedbBackend, records: i64, threads: u64) -> Outcome<()> {
    let before = cpu()?;
    let started = Instant::now();
    let mut nanos: Vec<u64> = std::thread::scope(|scope| {
        let readers: Vec<_> = (0..threads)
            .map(|thread| scope.spawn(move || get_some(backend, records, thread)))
            .collect();
        readers
            .into_iter()
            .filter_map(|reader| reader.join().ok())
            .flatten()
            .collect()
    });
    let spent = Spent {
        wall: started.elapsed(),
        cpu: cpu()?.saturating_sub(before),
    };
    assert_eq!(nanos.len() as u64, GETS * threads, "a get failed");
    nanos.sort_unstable();
    let at = |share: f64| nanos[((nanos.len() - 1) as f64 * share) as usize];
    println!(
        "get at random, {threads} threads: p50 {} ns, p99 {} ns, p99.9 {} ns, {:.2} us CPU each, RSS {} MiB",
        at(0.5),
        at(0.99),
        at(0.999),
        per(spent.cpu, GETS * threads),
        rss_mib()?
    );
    Ok(())
}

fn get_some(backend: &RedbBackend, records: i64, seed: u64) -> Vec<u64> {
    let mut state = seed + 88_172_645_463_325_252;
    let mut nanos = Vec::with_capacity(GETS as usize);
    for _ in 0..GETS {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let main = (state % records.cast_unsigned()).cast_signed();
        let started = Instant::now();
        let got = backend.get(SpaceId::ETCD, Revision::new(main, 0));
        let spent = started.elapsed();
        if got.is_ok_and(|got| got.is_some_and(|bytes| bytes.len() == RECORD_LEN)) {
            nanos.push(spent.as_nanos() as u64);
        }
    }
    nanos
}

fn small_commits(backend: &RedbBackend, records: i64) -> Outcome<()> {
    for len in [1_i64, 100, 1_000] {
        let mut all = Spent::default();
        let rounds = 100;
        for round in 0..rounds {
            let main = records + len * 1_000 + round * len;
            let mut batch = batch(main..main + len);
            batch.applied.index += 1 << 40;
            let ((), spent) = timed(|| backend.commit(&batch))?;
            all += spent;
        }
        println!(
            "commit of {len}: {} us wall, {} us CPU each",
            all.wall.as_micros() as u64 / rounds.cast_unsigned(),
            all.cpu.as_micros() as u64 / rounds.cast_unsigned()
        );
    }
    Ok(())
}

#[derive(Debug, Default, Clone, Copy)]
struct Spent {
    wall: Duration,
    cpu: Duration,
}

impl std::ops::AddAssign for Spent {
    fn add_assign(&mut self, other: Self) {
        self.wall += other.wall;
        self.cpu += other.cpu;
    }
}

fn timed<T, E: Into<Box<dyn Error>>>(work: impl FnOnce() -> Result<T, E>) -> Outcome<(T, Spent)> {
    let (started, before) = (Instant::now(), cpu()?);
    let done = work().map_err(Into::into)?;
    let spent = Spent {
        wall: started.elapsed(),
        cpu: cpu()?.saturating_sub(before),
    };
    Ok((done, spent))
}

fn shown(spent: &Spent) -> String {
    format!(
        "{} ms wall, {} ms CPU",
        spent.wall.as_millis(),
        spent.cpu.as_millis()
    )
}

fn per(time: Duration, count: u64) -> f64 {
    time.as_secs_f64() * 1e6 / count as f64
}

/// This process's CPU time, of all threads, in user space and in the kernel.
fn cpu() -> Outcome<Duration> {
    let usage = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Ok(Duration::new(usage.tv_sec.cast_unsigned(), usage.tv_nsec as u32))
}

fn rss_mib() -> Outcome<u64> {
    let status = fs::read_to_string(Path::new("/proc/self/status"))?;
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .ok_or("no VmRSS in /proc/self/status")?;
    let kib: u64 = line
        .split_whitespace()
        .nth(1)
        .ok_or("VmRSS has no number")?
        .parse()?;
    Ok(kib >> 10)
}
