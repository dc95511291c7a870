//! What the kernel knows of a process: CPU time used and memory held. Linux only, like the servers' production.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use crate::error::{Error, Result};

/// The unit of the times in /proc/PID/stat: USER_HZ, 100 on every Linux that has been built for decades.
const TICKS_PER_SECOND: u64 = 100;

/// User and system time a process has used, all its threads together, ended ones included.
pub(crate) fn cpu_time(pid: u32) -> Result<Duration> {
    let path = PathBuf::from(format!("/proc/{pid}/stat"));
    let text = read(&path)?;
    let ticks = ticks(&text).ok_or_else(|| Error::File {
        path,
        what: format!("unexpected format: {text}"),
    })?;
    Ok(Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND))
}

/// The time that the calling thread has used.
pub(crate) fn own_cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    let seconds = Duration::from_secs(u64::try_from(time.tv_sec).unwrap_or(0));
    seconds + Duration::from_nanos(u64::try_from(time.tv_nsec).unwrap_or(0))
}

/// The time that all cores together have worked, or were kept from working by another guest of the same machine.
pub(crate) fn machine_busy() -> Result<Duration> {
    let path = PathBuf::from("/proc/stat");
    let text = read(&path)?;
    let ticks = busy_ticks(&text).ok_or_else(|| Error::File {
        path,
        what: "has no line `cpu`".into(),
    })?;
    Ok(Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND))
}

/// All but idle and iowait, the fourth and fifth number; guest time is counted in user time already.
fn busy_ticks(stat: &str) -> Option<u64> {
    let numbers = field(stat, "cpu ")?.split_whitespace().take(8).enumerate();
    numbers
        .filter(|(at, _)| !matches!(at, 3 | 4))
        .map(|(_, number)| number.parse::<u64>().ok())
        .sum()
}

/// Resident memory in MiB.
pub(crate) fn rss_mib(pid: u32) -> Result<f64> {
    let path = PathBuf::from(format!("/proc/{pid}/status"));
    let text = read(&path)?;
    let kib = field(&text, "VmRSS:").and_then(|value| value.split_whitespace().next()?.parse::<f64>().ok());
    kib.map(|kib| kib / 1024.0).ok_or_else(|| Error::File {
        path,
        what: "has no VmRSS".into(),
    })
}

/// The machine in a line: figures without it mean nothing.
pub(crate) fn machine() -> String {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model =
        field(&cpu, "model name").map_or("unknown CPU", |value| value.trim_start_matches([':', ' ', '\t']));
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let gib =
        field(&memory, "MemTotal:").and_then(|value| value.split_whitespace().next()?.parse::<f64>().ok());
    format!(
        "{model}, {cores} cores, {:.0} GiB, Linux {}",
        gib.unwrap_or(0.0) / 1024.0 / 1024.0,
        kernel.trim()
    )
}

fn read(path: &PathBuf) -> Result<String> {
    fs::read_to_string(path).map_err(Error::io(path.display().to_string()))
}

fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines()
        .find_map(|line| line.strip_prefix(name))
        .map(str::trim)
}

/// utime + stime, fields 14 and 15. The name in parentheses may hold spaces, so counting starts behind it.
fn ticks(stat: &str) -> Option<u64> {
    let mut fields = stat.rsplit_once(") ")?.1.split(' ').skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects: the right two fields are added, whatever the process is called.
    #[test]
    fn the_times_are_read_behind_the_name() {
        let stat = "42 (a) b) S 1 42 42 0 -1 4194560 100 0 0 0 70 30 5 6 20 0 1 0 100 0 0";
        assert_eq!(ticks(stat), Some(100));
        assert_eq!(ticks("42 (x) S"), None);
    }

    /// Protects: time that others took counts, and time that nobody used does not.
    #[test]
    fn the_machine_is_busy_with_everything_but_waiting() {
        let stat = "cpu  100 20 30 9999 8888 1 2 4 50 60\ncpu0 1 1 1 1 1 1 1 1 1 1\n";
        assert_eq!(busy_ticks(stat), Some(157));
        assert_eq!(busy_ticks("intr 5"), None);
    }

    /// Protects: this process' own figures are plausible, so that a server's are.
    #[test]
    fn our_own_process_uses_time_and_memory() {
        let pid = std::process::id();
        assert!(rss_mib(pid).unwrap() > 0.5);
        let before = cpu_time(pid).unwrap();
        let deadline = std::time::Instant::now() + Duration::from_secs(20);
        while cpu_time(pid).unwrap() < before + Duration::from_millis(50) {
            assert!(
                std::time::Instant::now() < deadline,
                "20 s of work are no 50 ms of CPU time"
            );
        }
    }
}
