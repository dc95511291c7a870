//! Writers that leave a trail: every transaction of a writer also writes the number of the transaction under the writer's
//! own key, so that what is found later says exactly which of them happened.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use koinon_base::Rng;
use koinon_core_kv::{Keys, KvError, LeaseId, Op, Put, Txn};
use koinon_store::{Consistency, Space, StoreError, WatchMessage};

use crate::common::{delete, put, watch_all};

/// How long a lease is granted for: none runs out.
pub(crate) const LEASE_TTL_S: i64 = 100_000;

/// Something that was answered, or told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fact {
    /// A writer's transaction was answered with this revision.
    Written {
        writer: usize,
        number: i64,
        revision: i64,
    },
    /// A writer's lease was granted.
    Granted { lease: i64 },
    /// Its end was asked for: it may be there or not.
    Ending { lease: i64 },
    /// Its end was answered.
    Ended { lease: i64 },
    /// A compaction was answered.
    Compacted { revision: i64 },
    /// A watcher was told of a change.
    Told {
        revision: i64,
        key: String,
        value: Option<String>,
    },
}

impl Fact {
    /// A line for a pipe.
    pub(crate) fn line(&self) -> String {
        match self {
            Self::Written {
                writer,
                number,
                revision,
            } => format!("W {writer} {number} {revision}"),
            Self::Granted { lease } => format!("G {lease}"),
            Self::Ending { lease } => format!("X {lease}"),
            Self::Ended { lease } => format!("E {lease}"),
            Self::Compacted { revision } => format!("C {revision}"),
            Self::Told { revision, key, value } => {
                let mut line = format!("T {revision} {key}");
                if let Some(value) = value {
                    let _ = write!(line, " {value}");
                }
                line
            }
        }
    }

    /// From a line; `None` for one that is not whole.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let words: Vec<&str> = line.split(' ').collect();
        let number = |at: usize| words.get(at)?.parse::<i64>().ok();
        Some(match *words.first()? {
            "W" => Self::Written {
                writer: usize::try_from(number(1)?).ok()?,
                number: number(2)?,
                revision: number(3)?,
            },
            "G" => Self::Granted { lease: number(1)? },
            "X" => Self::Ending { lease: number(1)? },
            "E" => Self::Ended { lease: number(1)? },
            "C" => Self::Compacted { revision: number(1)? },
            "T" => Self::Told {
                revision: number(1)?,
                key: (*words.get(2)?).to_owned(),
                value: words.get(3).map(|value| (*value).to_owned()),
            },
            _ => return None,
        })
    }
}

/// Where facts go as they become known.
pub(crate) type Report = Arc<dyn Fn(Fact) + Send + Sync>;

/// A report that keeps everything, and what it kept.
pub(crate) fn kept() -> (Report, Arc<Mutex<Vec<Fact>>>) {
    let facts = Arc::new(Mutex::new(Vec::new()));
    let sink = facts.clone();
    (Arc::new(move |fact| sink.lock().unwrap().push(fact)), facts)
}

/// The key under which a writer leaves the number of its last transaction.
pub(crate) fn trail(writer: usize) -> String {
    format!("trail/{writer}")
}

/// A value that shows damage: its parts, and a checksum over them.
pub(crate) fn value(writer: usize, number: i64, seed: u64) -> String {
    let len = Rng::from_seed(seed ^ number.unsigned_abs()).below(300);
    let body = "v".repeat(len);
    format!("{writer}:{number}:{body}:{}", check(writer, number, len))
}

/// Whether it is a value that a writer wrote.
pub(crate) fn is_sound(value: &str) -> bool {
    let parts: Vec<&str> = value.split(':').collect();
    let [writer, number, body, sum] = parts.as_slice() else {
        return false;
    };
    let (Ok(writer), Ok(number)) = (writer.parse(), number.parse()) else {
        return false;
    };
    *sum == check(writer, number, body.len()).to_string()
}

fn check(writer: usize, number: i64, len: usize) -> u64 {
    Rng::from_seed(writer as u64 ^ (number.unsigned_abs() << 8) ^ ((len as u64) << 40)).next_u64()
}

/// Runs writers, each from where its trail ends, until they have made `count` transactions or the store takes no more.
pub(crate) async fn run(space: &Space, writers: usize, count: i64, seed: u64, report: &Report) {
    let watcher = tokio::spawn(tell(space.clone(), report.clone()));
    let tasks = (0..writers).map(|writer| {
        let (space, report) = (space.clone(), report.clone());
        tokio::spawn(async move { write(&space, writer, count, seed, &report).await })
    });
    for task in tasks.collect::<Vec<_>>() {
        // The store refused it: the process is about to die, or the disk has.
        let _ended = task.await.unwrap();
    }
    watcher.abort();
}

async fn tell(space: Space, report: Report) {
    let mut stream = space.watch_stream();
    stream.watch(&watch_all(0)).unwrap();
    while let Ok(WatchMessage::Events { events, .. }) = stream.next().await {
        for event in events {
            report(told(&event.record));
        }
    }
}

/// A record as a watcher tells it.
pub(crate) fn told(record: &koinon_core_kv::Record) -> Fact {
    let (key, value) = crate::common::pair(record);
    match record {
        koinon_core_kv::Record::Put(kv) => Fact::Told {
            revision: kv.mod_revision,
            key,
            value: Some(value),
        },
        koinon_core_kv::Record::Tombstone { mod_revision, .. } => Fact::Told {
            revision: *mod_revision,
            key,
            value: None,
        },
    }
}

async fn write(
    space: &Space,
    writer: usize,
    count: i64,
    seed: u64,
    report: &Report,
) -> Result<(), StoreError> {
    let from = last(space, writer).await?;
    for number in from + 1..=from + count {
        let key = format!("w{writer}/{}", number % 5);
        let mut then = vec![Op::Put(put(&trail(writer), &value(writer, number, seed)))];
        match number % 11 {
            3 => then.push(Op::Delete(delete(&key))),
            5 => {
                let lease = LeaseId(i64::try_from(writer).unwrap() * 1_000_000 + number);
                space.lease_grant(Some(lease), LEASE_TTL_S).await?;
                report(Fact::Granted { lease: lease.0 });
                then.push(Op::Put(Put {
                    lease: Some(lease),
                    ..put(&format!("leased/{}", lease.0), &value(writer, number, seed))
                }));
            }
            _ => then.push(Op::Put(put(&key, &value(writer, number, seed)))),
        }
        let txn = Txn {
            then,
            ..Txn::default()
        };
        let revision = space.txn(txn, Consistency::Linearizable).await?.revision;
        report(Fact::Written {
            writer,
            number,
            revision,
        });
        if number % 22 == 20 {
            let lease = LeaseId(i64::try_from(writer).unwrap() * 1_000_000 + number - 4);
            report(Fact::Ending { lease: lease.0 });
            match space.lease_revoke(lease).await {
                Ok(_) => report(Fact::Ended { lease: lease.0 }),
                Err(StoreError::Kv(KvError::LeaseNotFound(_))) => {}
                Err(error) => return Err(error),
            }
        }
        if writer == 0 && number % 17 == 16 {
            let revision = revision - 30;
            match space.compact(revision, false).await {
                Ok(_) => report(Fact::Compacted { revision }),
                // Nothing to compact yet, or compacted before the last crash.
                Err(StoreError::Kv(KvError::Compacted { .. } | KvError::FutureRevision { .. })) => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(())
}

/// The number of a writer's last transaction; 0 before the first.
pub(crate) async fn last(space: &Space, writer: usize) -> Result<i64, StoreError> {
    let range = crate::common::range(Keys::One(crate::common::key(&trail(writer))), 0);
    let answer = space.range(&range, Consistency::Linearizable).await?;
    let Some(record) = answer.value.records.first() else {
        return Ok(0);
    };
    Ok(number_of(&crate::common::pair(record).1).unwrap_or(-1))
}

/// The number in a value.
pub(crate) fn number_of(value: &str) -> Option<i64> {
    value.split(':').nth(1)?.parse().ok()
}
