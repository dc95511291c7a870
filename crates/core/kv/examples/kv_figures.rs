//! How much memory a key takes, and how long reads and writes take, with a million keys.
//!
//! ```text
//! cargo run --release -p koinon-core-kv --example kv_figures [keys]
//! ```

#![allow(clippy::print_stdout, reason = "this program's purpose is to print")]
#![allow(clippy::unwrap_used, reason = "a figure of something that failed is none")]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;

use bytes::Bytes;
use koinon_core_kv::{
    Command, KeyValue, Keys, LeaseId, Machine, Op, Put, Range, Record, Records, RecordsError, Revision,
    SpaceId, Txn,
};
use mimalloc::MiMalloc;
use rustix::time::{ClockId, clock_gettime};

/// The product's.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Bytes of memory that this process holds. 0 where the system does not tell.
fn resident() -> usize {
    let told = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: usize = told
        .split(' ')
        .nth(1)
        .and_then(|pages| pages.parse().ok())
        .unwrap_or(0);
    pages * rustix::param::page_size()
}

/// One record for all: what it takes to find one is no figure of the index.
struct Same(Arc<Record>);

impl Records for Same {
    fn get(&self, _: SpaceId, _: Revision) -> Result<Arc<Record>, RecordsError> {
        Ok(self.0.clone())
    }
}

const SPACE: SpaceId = SpaceId::ETCD;
const ROUNDS: usize = 1_000_000;

/// 37 bytes, as a key of Kubernetes may look.
fn key(nth: usize) -> Bytes {
    format!("/registry/pods/default/pod-{nth:010x}")
        .into_bytes()
        .into()
}

/// Every number below `keys` once, in no order that an index likes.
fn scattered(keys: usize) -> impl Iterator<Item = usize> {
    (0..keys.next_power_of_two())
        .map(move |nth| nth.wrapping_mul(0x9E37_79B1) & (keys.next_power_of_two() - 1))
        .filter(move |nth| *nth < keys)
}

fn put(key: Bytes, value: &Bytes) -> Command {
    let put = Put {
        key,
        value: Some(value.clone()),
        lease: Some(LeaseId::NONE),
        prev_kv: false,
    };
    Command::Txn {
        space: SPACE,
        txn: Txn::of(Op::Put(put)),
    }
}

fn get(key: Bytes) -> Range {
    Range {
        keys: Keys::One(key),
        revision: 0,
        limit: 0,
        sort: None,
        keys_only: false,
        count_only: false,
        mod_revision: (0, 0),
        create_revision: (0, 0),
    }
}

/// Nanoseconds that this thread had a processor, so that what else runs on the machine counts less.
fn busy_ns() -> u128 {
    let busy = clock_gettime(ClockId::ThreadCPUTime);
    busy.tv_sec as u128 * 1_000_000_000 + busy.tv_nsec as u128
}

/// Runs something many times, and prints how long one took. Of ten parts of the rounds the
/// median counts.
fn time(what: &str, rounds: usize, mut one: impl FnMut(usize)) {
    let part = rounds / 10;
    let mut parts: Vec<u128> = (0..10)
        .map(|nth| {
            let before = busy_ns();
            (nth * part..(nth + 1) * part).for_each(&mut one);
            (busy_ns() - before) / part as u128
        })
        .collect();
    parts.sort_unstable();
    println!("{what:<48} {:>8} ns", parts[5]);
}

fn main() {
    let keys = std::env::args()
        .nth(1)
        .and_then(|arg| arg.parse().ok())
        .unwrap_or(1_000_000);
    let order: Vec<usize> = scattered(keys).collect();
    let all: Vec<Bytes> = (0..keys).map(key).collect();
    let mut machine = load(&all, &order);
    let record = Arc::new(record(&all[0], 2));
    let records = Same(record);
    reads(&machine, &all, &order, &records);
    writes(&mut machine, &all, &order, &records);
    sweep(&mut machine);
}

fn record(key: &Bytes, main: i64) -> Record {
    Record::Put(KeyValue {
        key: key.clone(),
        value: Bytes::new(),
        create_revision: main,
        mod_revision: main,
        version: 1,
        lease: LeaseId::NONE,
    })
}

fn load(all: &[Bytes], order: &[usize]) -> Machine {
    let records: Vec<Arc<Record>> = (2..)
        .zip(order)
        .map(|(main, nth)| Arc::new(record(&all[*nth], main)))
        .collect();
    let before = resident();
    let start = busy_ns();
    let mut loading = Machine::load(0);
    for (main, record) in (2..).zip(&records) {
        loading.record(SPACE, Revision::new(main, 0), record).unwrap();
    }
    let machine = loading.finish();
    let (taken, ms) = (resident().saturating_sub(before), (busy_ns() - start) / 1_000_000);
    println!(
        "{} keys of {} bytes, in no order: {} bytes a key, loaded in {ms} ms",
        all.len(),
        all[0].len(),
        taken / all.len()
    );
    machine
}

fn reads(machine: &Machine, all: &[Bytes], order: &[usize], records: &Same) {
    let space = machine.space(SPACE).unwrap();
    let asked: Vec<Range> = (0..ROUNDS).map(|round| get(again(all, order, round))).collect();
    time("find", ROUNDS, |round| {
        let Keys::One(key) = &asked[round].keys else {
            return;
        };
        black_box(space.find(key, space.revision()).unwrap());
    });
    let plain: BTreeMap<Box<[u8]>, [u64; 6]> = all.iter().map(|key| (key[..].into(), [0; 6])).collect();
    time("for comparison: a BTreeMap's get", ROUNDS, |round| {
        let Keys::One(key) = &asked[round].keys else {
            return;
        };
        black_box(plain.get(&key[..]));
    });
    drop(plain);
    time("get: begin, collect, load", ROUNDS, |round| {
        black_box(space.range(&asked[round], records).unwrap());
    });
    let thousand = |first: &Bytes| Range {
        limit: 1000,
        ..get(first.clone())
    };
    time("range of 1,000 keys out of 1,000", 1000, |round| {
        let first = (round * 7919) % all.len().saturating_sub(1000).max(1);
        let keys = Keys::Between(all[first].clone(), all[(first + 1000).min(all.len() - 1)].clone());
        black_box(
            space
                .range(
                    &Range {
                        keys,
                        ..thousand(&all[first])
                    },
                    records,
                )
                .unwrap(),
        );
    });
    time("range of 10 keys out of all, with the count", 20, |_| {
        let keys = Keys::prefixed(b"/registry/");
        black_box(
            space
                .range(
                    &Range {
                        keys,
                        limit: 10,
                        ..thousand(&all[0])
                    },
                    records,
                )
                .unwrap(),
        );
    });
    time("count of all", 20, |_| {
        let keys = Keys::prefixed(b"/registry/");
        black_box(
            space
                .range(
                    &Range {
                        keys,
                        count_only: true,
                        ..thousand(&all[0])
                    },
                    records,
                )
                .unwrap(),
        );
    });
}

/// A key as a request brings it: in memory of its own, next to those before and after it.
fn again(all: &[Bytes], order: &[usize], round: usize) -> Bytes {
    Bytes::copy_from_slice(&all[order[(round * 7919) % order.len()]])
}

fn writes(machine: &mut Machine, all: &[Bytes], order: &[usize], records: &Same) {
    let value = Bytes::from(vec![b'v'; 256]);
    let commands: Vec<Command> = (0..ROUNDS)
        .map(|round| put(again(all, order, round), &value))
        .collect();
    time("put over a key: plan", ROUNDS, |round| {
        black_box(machine.plan(&commands[round], records).unwrap());
    });
    let mut index = machine.applied();
    time("put over a key: plan, commit", ROUNDS, |round| {
        let plan = machine.plan(&commands[round], records).unwrap();
        index += 1;
        machine.commit(index, &plan);
    });
    let commands: Vec<Command> = (0..ROUNDS)
        .map(|round| put(key(all.len() + round), &value))
        .collect();
    time("put of a new key: plan, commit", ROUNDS, |round| {
        let plan = machine.plan(&commands[round], records).unwrap();
        index += 1;
        machine.commit(index, &plan);
    });
    let mut bytes = Vec::new();
    time("encode a put", ROUNDS, |round| {
        bytes.clear();
        commands[round].encode(&mut bytes);
        black_box(&bytes);
    });
    let encoded = Bytes::from(bytes);
    time("decode a put", ROUNDS, |_| {
        black_box(Command::decode(encoded.clone()).unwrap());
    });
}

fn sweep(machine: &mut Machine) {
    let revision = machine.space(SPACE).unwrap().revision();
    let command = Command::Compact {
        space: SPACE,
        revision,
    };
    let start = busy_ns();
    let plan = machine
        .plan(&command, &Same(Arc::new(record(&key(0), 2))))
        .unwrap();
    machine.commit(machine.applied() + 1, &plan);
    println!("compact, logically: {} µs", (busy_ns() - start) / 1000);
    let space = machine.space_mut(SPACE).unwrap();
    let mut sweep = space.sweep(None).unwrap();
    let (mut removed, mut steps, mut longest_us) = (0, 0, 0);
    let start = busy_ns();
    while !sweep.is_done() {
        let step = busy_ns();
        removed += space.compact_step(&mut sweep, 1000).len();
        steps += 1;
        longest_us = longest_us.max((busy_ns() - step) / 1000);
    }
    let ms = (busy_ns() - start) / 1_000_000;
    println!("swept {removed} records in {ms} ms, {steps} steps of 1,000 keys, the longest {longest_us} µs");
}
