//! The proof on a real disk: processes that write are killed at random moments, and the law must hold.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use koinon_base::Rng;
use koinon_store::Settings;

use crate::common::{DEADLINE, etcd, open_with};
use crate::law;
use crate::workload::Fact;

pub(crate) const DIR: &str = "KOINON_TEST_STORE";
pub(crate) const SEED: &str = "KOINON_TEST_SEED";
pub(crate) const WRITERS: usize = 8;
/// How often it is killed; more in the long runs (`KOINON_KILLS`).
const KILLS: u64 = 30;

/// Flushes and rolls all the time, so that kills hit them.
pub(crate) fn settings() -> Settings {
    Settings {
        log_first_segment_bytes: 32 << 10,
        log_segment_bytes: 64 << 10,
        flush_interval: Duration::from_millis(3),
        ..Settings::default()
    }
}

/// Nothing that a killed process was answered, or told its clients, is lost or doubled in the next one.
#[test]
fn what_was_answered_survives_kills() {
    let dir = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let kills = crate::common::rounds("KOINON_KILLS", KILLS);
    let mut rng = Rng::from_seed(kills);
    let mut facts = Vec::new();
    for kill in 0..kills {
        facts.extend(life(dir.path(), &mut rng));
        let store = open_with(dir.path(), settings());
        let held = runtime.block_on(law::check(&etcd(&store), WRITERS, &facts));
        store.close();
        if let Err(broken) = held {
            panic!("after kill {kill}: {broken}");
        }
        forget_compacted(&mut facts);
    }
    assert!(
        facts.iter().any(|fact| matches!(fact, Fact::Compacted { .. })),
        "no compaction was hit"
    );
}

/// One process from its start until it is killed: the facts it stated.
fn life(dir: &Path, rng: &mut Rng) -> Vec<Fact> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--ignored",
            "--exact",
            "child::writes_until_killed",
            "--nocapture",
        ])
        .env(DIR, dir)
        .env(SEED, rng.next_u64().to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let facts = read_until_killed(&mut child, rng);
    child.wait().unwrap();
    facts
}

fn read_until_killed(child: &mut Child, rng: &mut Rng) -> Vec<Fact> {
    let began = Instant::now();
    let mut facts = Vec::new();
    // A number of facts, not a time: machines differ.
    let mut left = 50 + rng.below(3000);
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    loop {
        line.clear();
        if lines.read_line(&mut line).unwrap() == 0 {
            break;
        }
        if line.ends_with('\n') {
            facts.extend(line.trim_end().strip_prefix("fact ").and_then(Fact::parse));
        }
        left = left.saturating_sub(1);
        if left == 0 || began.elapsed() > DEADLINE {
            // What it has written to the pipe until now is still read.
            let _gone = child.kill();
        }
    }
    facts
}

/// Leases, writes and the compaction are needed again; what was told below it is not.
fn forget_compacted(facts: &mut Vec<Fact>) {
    let compacted = facts.iter().filter_map(|fact| match fact {
        Fact::Compacted { revision } => Some(*revision),
        _ => None,
    });
    let compacted = compacted.max().unwrap_or(0);
    facts.retain(|fact| !matches!(fact, Fact::Told { revision, .. } if *revision < compacted));
}
