//! How fast the log is on this machine's disk: entries a second and CPU per entry, at four batch sizes, beside a bare
//! `write` and `fdatasync` of as many bytes to a file of zeros, which no log can beat.
//!
//! `cargo run --release -p koinon-io-wal --example wal_figures [DIRECTORY]`

use std::error::Error;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use koinon_io_disk::{Disk as _, OsDisk};
use koinon_io_wal::{Record, Settings, Wal};
use rustix::time::{ClockId, clock_gettime};

const PAYLOAD_LEN: usize = 300;
const BATCHES: [usize; 4] = [1, 16, 128, 512];
const MEASURED: Duration = Duration::from_millis(1_500);
const WARM: Duration = Duration::from_millis(300);
/// The two take turns, because a disk that others use as well is not the same from one second to the next.
const ROUNDS: usize = 4;
/// Entries kept before the log is purged, as a store does that flushes every 10,000.
const KEPT: u64 = 10_000;

/// What the runs gave together.
#[derive(Default)]
struct Figure {
    batches: u64,
    took: Duration,
    cpu: Duration,
}

impl Figure {
    fn add(&mut self, other: &Self) {
        self.batches += other.batches;
        self.took += other.took;
        self.cpu += other.cpu;
    }
}

fn cpu() -> Duration {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(now.tv_sec.unsigned_abs(), u32::try_from(now.tv_nsec).unwrap_or(0))
}

fn measure(mut batch: impl FnMut() -> Result<(), Box<dyn Error>>) -> Result<Figure, Box<dyn Error>> {
    let warm = Instant::now();
    while warm.elapsed() < WARM {
        batch()?;
    }
    let (began, cpu_before, mut batches) = (Instant::now(), cpu(), 0);
    while began.elapsed() < MEASURED {
        batch()?;
        batches += 1;
    }
    Ok(Figure {
        batches,
        took: began.elapsed(),
        cpu: cpu() - cpu_before,
    })
}

fn bare(dir: &Path, entries: usize) -> Result<Figure, Box<dyn Error>> {
    let path = dir.join("bare");
    let file = OsDisk.create(&path)?;
    let len = 64 * 1_024 * 1_024;
    file.allocate(len)?;
    file.sync_data()?;
    let bytes = vec![7; entries * PAYLOAD_LEN];
    let mut at = 0;
    let figure = measure(|| {
        if at + bytes.len() as u64 > len {
            at = 0;
        }
        file.write_at(&bytes, at)?;
        file.sync_data()?;
        at += bytes.len() as u64;
        Ok(())
    })?;
    OsDisk.remove(&path)?;
    Ok(figure)
}

fn log(dir: &Path, entries: usize, details: Option<&mut std::io::Stdout>) -> Result<Figure, Box<dyn Error>> {
    let (mut wal, _) = Wal::open(
        Arc::new(OsDisk),
        &dir.join(format!("wal-{entries}")),
        Settings::default(),
    )?;
    let payload = [7; PAYLOAD_LEN];
    let mut records = Vec::with_capacity(entries);
    let figure = measure(|| {
        let last = wal.last_index();
        records.clear();
        records.extend((1..=entries as u64).map(|at| Record::Entry {
            term: 1,
            index: last + at,
            payload: &payload,
        }));
        wal.append(&records)?;
        wal.sync()?;
        wal.purge(last.saturating_sub(KEPT))?;
        Ok(())
    })?;
    let Some(out) = details else { return Ok(figure) };
    let figures = wal.figures();
    let latency = &figures.sync_latency;
    let (p50, p99, p999) = (
        latency.quantile_us(0.5),
        latency.quantile_us(0.99),
        latency.quantile_us(0.999),
    );
    drop(wal);
    let began = Instant::now();
    let (wal, _) = Wal::open(
        Arc::new(OsDisk),
        &dir.join(format!("wal-{entries}")),
        Settings::default(),
    )?;
    writeln!(
        out,
        "  sync µs ≤ {p50} (p50), {p99} (p99), {p999} (p99.9), {} (max); segments made {}, recycled {}, waited for {}; \
         opening {} MiB took {} ms",
        latency.max_us(),
        figures.segments_made,
        figures.segments_recycled,
        figures.segments_waited_for,
        wal.figures().segment_bytes >> 20,
        began.elapsed().as_millis(),
    )?;
    Ok(figure)
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut out = std::io::stdout();
    let above = std::env::args().nth(1).unwrap_or_else(|| "target".to_owned());
    let dir = tempfile::tempdir_in(&above)?;
    for entries in BATCHES {
        let (mut bare_sum, mut log_sum) = (Figure::default(), Figure::default());
        for round in 1..=ROUNDS {
            bare_sum.add(&bare(dir.path(), entries)?);
            log_sum.add(&log(dir.path(), entries, (round == ROUNDS).then_some(&mut out))?);
        }
        for (name, figure) in [("bare", bare_sum), ("log", log_sum)] {
            let all = figure.batches as f64 * entries as f64;
            writeln!(
                out,
                "batch {entries:>3} {name:>4}: {:>6.0} syncs/s, {:>9.0} entries/s, {:>6.3} CPU µs an entry",
                figure.batches as f64 / figure.took.as_secs_f64(),
                all / figure.took.as_secs_f64(),
                figure.cpu.as_secs_f64() * 1e6 / all,
            )?;
        }
    }
    Ok(())
}
