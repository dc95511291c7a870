//! What the disk alone takes to make a put's bytes durable: the floor under one client's latency.

use std::fs::OpenOptions;
use std::io::{Seek, SeekFrom, Write};
use std::time::Instant;

use super::FLOOR;
use super::servers::folder;
use super::work::VALUE_LEN;
use crate::error::{Error, Result};
use crate::options::Options;
use crate::report::{Figure, Report};
use crate::stats::percentile;

const TIMES: usize = 500;
/// A value with its key and a frame around them.
const RECORD_LEN: usize = VALUE_LEN + 64;

/// Writes and syncs one record after the other into a file that is allocated already.
pub(super) fn run(options: &Options, report: &mut Report) -> Result<()> {
    let folder = folder(options)?;
    let path = folder.path().join("floor");
    let measure = || -> std::io::Result<Vec<u32>> {
        let mut file = OpenOptions::new().write(true).create_new(true).open(&path)?;
        file.write_all(&vec![0; TIMES * RECORD_LEN])?;
        file.sync_all()?;
        file.seek(SeekFrom::Start(0))?;
        let mut latencies = Vec::with_capacity(TIMES);
        for _ in 0..TIMES {
            let started = Instant::now();
            file.write_all(&[b'x'; RECORD_LEN])?;
            file.sync_data()?;
            latencies.push(u32::try_from(started.elapsed().as_micros()).unwrap_or(u32::MAX));
        }
        Ok(latencies)
    };
    let latencies = measure().map_err(Error::io(format!("writing {}", path.display())))?;
    for (what, percent) in [("write + fdatasync of 320 bytes: p50", 50), ("  p99", 99)] {
        let value = f64::from(percentile(&latencies, percent));
        report.add(Figure::new(what, "µs").of(FLOOR, value));
    }
    Ok(())
}
