//! The proof on a real disk: processes that write are killed at random moments, and at named points of the log's and the
//! backend's code, and the law must hold.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use koinon_base::Rng;
use koinon_store::Settings;

use crate::common::{DEADLINE, etcd, open_with};
use crate::law;
use crate::points::{Moment, Point, Target};
use crate::workload::Fact;

pub(crate) const DIR: &str = "KOINON_TEST_STORE";
pub(crate) const SEED: &str = "KOINON_TEST_SEED";
pub(crate) const TARGET: &str = "KOINON_TEST_TARGET";
pub(crate) const WRITERS: usize = 8;
/// How often it is killed at random, and about as often at named points; more in the long runs (`KOINON_KILLS`).
const KILLS: u64 = 20;
/// How often a point is aimed at before it counts as one that is never reached.
const TRIES_MAX: usize = 4;
/// Facts after which a process that has not come to its point is killed.
const FACTS_MAX: usize = 30_000;

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
    let mut store = Killed::default();
    let kills = crate::common::rounds("KOINON_KILLS", KILLS);
    let mut rng = Rng::from_seed(kills);
    for kill in 0..kills {
        let left = 50 + rng.below(3000);
        store.life(None, left, rng.next_u64());
        store.check(&format!("kill {kill}"));
    }
    assert!(
        store
            .facts
            .iter()
            .any(|fact| matches!(fact, Fact::Compacted { .. })),
        "no compaction was hit"
    );
}

/// The same where it dies in the middle of an operation of the log or the backend: every one that has a name is hit.
#[test]
fn what_was_answered_survives_kills_at_every_point() {
    let kills = crate::common::rounds("KOINON_KILLS", KILLS);
    let rounds = kills.div_ceil(Point::ALL.len() as u64);
    let mut rng = Rng::from_seed(kills);
    let mut hits: BTreeMap<Point, usize> = BTreeMap::new();
    for (round, point) in (0..rounds).flat_map(|round| Point::ALL.map(|point| (round, point))) {
        let mut store = Killed::default();
        let reached = (0..TRIES_MAX).any(|tried| store.dies_at(point, tried, &mut rng));
        assert!(reached, "{point:?} is never reached");
        *hits.entry(point).or_default() += 1;
        // The store goes on, dies once more wherever it is, and goes on again.
        store.life(None, 200, rng.next_u64());
        store.check(&format!("round {round}, after {point:?}"));
    }
    assert_eq!(hits.len(), Point::ALL.len(), "{hits:?}");
}

/// A store whose processes are killed, and what they stated.
struct Killed {
    dir: tempfile::TempDir,
    facts: Vec<Fact>,
}

impl Default for Killed {
    fn default() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
            facts: Vec::new(),
        }
    }
}

impl Killed {
    /// A process dies at the point, after others that led there; false when it did not come to it.
    fn dies_at(&mut self, point: Point, tried: usize, rng: &mut Rng) -> bool {
        if point.is_in_the_first_start() {
            *self = Self::default();
        }
        if point.is_in_a_start() {
            // What is found at the start must be torn: half a batch.
            let torn = Target {
                point: Point::LogAppend,
                nth: 1 + rng.below(50),
                moment: Moment::Half,
            };
            self.life(Some(torn), FACTS_MAX, rng.next_u64());
        }
        let target = Target {
            point,
            // The first is always there to be hit.
            nth: if tried > 1 {
                1
            } else {
                1 + rng.below(point.often())
            },
            moment: [Moment::Before, Moment::Half, Moment::After][rng.below(3)],
        };
        let died = self.life(Some(target), FACTS_MAX, rng.next_u64());
        // Not before it is opened by a process that nobody kills: what the dead left must be sound.
        self.check(&format!("{target:?}"));
        died
    }

    /// One process from its start until it dies; whether it died where it was to.
    fn life(&mut self, target: Option<Target>, facts_max: usize, seed: u64) -> bool {
        let mut child = start(self.dir.path(), target, seed);
        let died = read_until_killed(&mut child, facts_max, &mut self.facts);
        child.wait().unwrap();
        died
    }

    fn check(&mut self, when: &str) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let store = open_with(self.dir.path(), settings());
        let held = runtime.block_on(law::check(&etcd(&store), WRITERS, &self.facts));
        store.close();
        if let Err(broken) = held {
            panic!("{when}: {broken}");
        }
        forget_compacted(&mut self.facts);
    }
}

fn start(dir: &Path, target: Option<Target>, seed: u64) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args([
            "--ignored",
            "--exact",
            "child::writes_until_killed",
            "--nocapture",
        ])
        .env(DIR, dir)
        .env(SEED, seed.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    if let Some(target) = target {
        command.env(TARGET, target.text());
    }
    command.spawn().unwrap()
}

/// Takes down what a process states, and kills it after so many facts. Whether it said that it dies by itself.
fn read_until_killed(child: &mut Child, facts_max: usize, facts: &mut Vec<Fact>) -> bool {
    let began = Instant::now();
    // A number of facts, not a time: machines differ.
    let (mut left, mut died) = (facts_max, false);
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    loop {
        line.clear();
        if lines.read_line(&mut line).unwrap() == 0 {
            return died;
        }
        if line.ends_with('\n') {
            died |= line.starts_with("died ");
            facts.extend(line.trim_end().strip_prefix("fact ").and_then(Fact::parse));
        }
        left = left.saturating_sub(1);
        if left == 0 || began.elapsed() > DEADLINE {
            // What it has written to the pipe until now is still read.
            let _gone = child.kill();
        }
    }
}

/// Leases and the compaction are needed again, and each writer's last write; what else was told or answered below the
/// compaction is not.
fn forget_compacted(facts: &mut Vec<Fact>) {
    let (mut compacted, mut lasts) = (0, BTreeMap::new());
    for fact in facts.iter() {
        match fact {
            Fact::Compacted { revision } => compacted = compacted.max(*revision),
            Fact::Written { writer, number, .. } => {
                let last = lasts.entry(*writer).or_insert(*number);
                *last = (*last).max(*number);
            }
            _ => {}
        }
    }
    facts.retain(|fact| match fact {
        Fact::Told { revision, .. } => *revision >= compacted,
        Fact::Written {
            writer,
            number,
            revision,
        } => *revision >= compacted || lasts[writer] == *number,
        _ => true,
    });
}
