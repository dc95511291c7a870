//! What the tests of the machine share: records in a map, and generated commands.

#![allow(dead_code, reason = "each test uses its part")]

pub(crate) mod generate;

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use koinon_core_kv::{
    Command, Compare, CompareTarget, Delete, Keys, KvError, LeaseId, Machine, Op, OpResponse, Ordering, Plan,
    Put, Range, Ranged, Record, Records, RecordsError, Revision, SpaceId, Txn, TxnDone,
};

pub(crate) const SPACE: SpaceId = SpaceId::ETCD;

/// Records in memory, encoded as a disk would hold them.
#[derive(Debug, Default, Clone)]
pub(crate) struct Kept {
    pub(crate) records: BTreeMap<(SpaceId, Revision), Bytes>,
}

impl Records for Kept {
    fn get(&self, space: SpaceId, at: Revision) -> Result<Arc<Record>, RecordsError> {
        let missing = |source: Box<dyn std::error::Error + Send + Sync>| RecordsError { space, at, source };
        let bytes = self
            .records
            .get(&(space, at))
            .ok_or_else(|| missing("it is not there".into()))?;
        let record = Record::decode(bytes.clone()).map_err(|error| missing(error.into()))?;
        Ok(Arc::new(record))
    }
}

impl Kept {
    pub(crate) fn insert(&mut self, plan: &Plan) {
        for (at, record) in &plan.records {
            let mut bytes = Vec::new();
            record.encode(&mut bytes);
            assert_eq!(bytes.len(), record.encoded_len(), "the length that was promised");
            let before = self.records.insert((plan.space, *at), bytes.into());
            assert!(before.is_none(), "{at} was written twice");
        }
    }
}

/// Records that nobody may read.
#[derive(Debug)]
pub(crate) struct Untouched;

impl Records for Untouched {
    fn get(&self, _: SpaceId, at: Revision) -> Result<Arc<Record>, RecordsError> {
        panic!("{at} was read")
    }
}

/// A machine with its records, driven as the store drives it.
#[derive(Debug)]
pub(crate) struct Driven {
    pub(crate) machine: Machine,
    pub(crate) kept: Kept,
}

impl Driven {
    pub(crate) fn new() -> Self {
        Self {
            machine: Machine::new(),
            kept: Kept::default(),
        }
    }

    /// Plans and commits, one record at a time, of which nobody sees anything before the last; a refused command leaves the
    /// machine as it was.
    pub(crate) fn apply(&mut self, command: &Command) -> Result<Plan, KvError> {
        let index = self.machine.applied() + 1;
        match self.machine.plan(command, &self.kept) {
            Ok(plan) => {
                self.kept.insert(&plan);
                self.commit(index, &plan);
                Ok(plan)
            }
            Err(refused) => {
                self.machine.pass(index);
                Err(refused)
            }
        }
    }

    fn commit(&mut self, index: u64, plan: &Plan) {
        let all = range(everything());
        let counted = Range {
            count_only: true,
            ..all.clone()
        };
        let mut seen = vec![Op::Range(all), Op::Range(counted)];
        seen.extend(plan.records.iter().map(|(_, record)| exists(record.key())));
        let seen = Txn {
            then: seen,
            ..Txn::default()
        };
        let see = |driven: &Self| driven.read_in_pieces(&seen);
        let before = (plan.records.len() > 1).then(|| see(self));
        let mut done = 0;
        while !self.machine.commit_some(index, plan, &mut done, 1) {
            assert_eq!(Some(see(self)), before, "after {done} of {plan:?}");
        }
    }

    /// A transaction that only reads, one key at a time.
    fn read_in_pieces(&self, txn: &Txn) -> TxnDone {
        let space = self.space();
        let mut reading = space.begin_txn(txn, &Untouched).unwrap();
        while !space.collect_txn(&mut reading, 1) {}
        reading.load(SPACE, &self.kept).unwrap()
    }

    pub(crate) fn txn(&mut self, txn: Txn) -> Result<TxnDone, KvError> {
        let plan = self.apply(&Command::Txn { space: SPACE, txn })?;
        match plan.answer {
            koinon_core_kv::Answer::Txn(done) => Ok(done),
            other @ (koinon_core_kv::Answer::V2(_) | koinon_core_kv::Answer::Done) => {
                panic!("a transaction was answered with {other:?}")
            }
        }
    }

    pub(crate) fn op(&mut self, op: Op) -> Result<OpResponse, KvError> {
        let mut done = self.txn(Txn::of(op))?;
        Ok(done.responses.pop().expect("one step has one answer"))
    }

    /// Puts and answers the main revision.
    pub(crate) fn put(&mut self, key: &str, value: &str) -> i64 {
        self.op(Op::Put(put(key, value)))
            .expect("a put without conditions");
        self.revision()
    }

    pub(crate) fn put_leased(&mut self, key: &str, lease: i64) -> Result<OpResponse, KvError> {
        let lease = Some(LeaseId(lease));
        self.op(Op::Put(Put {
            lease,
            ..put(key, "v")
        }))
    }

    pub(crate) fn delete(&mut self, key: &str) -> i64 {
        self.op(Op::Delete(delete(one(key)))).expect("a deletion");
        self.revision()
    }

    pub(crate) fn compact(&mut self, revision: i64) -> Result<(), KvError> {
        self.apply(&Command::Compact {
            space: SPACE,
            revision,
        })
        .map(|_| ())
    }

    pub(crate) fn grant(&mut self, id: i64, ttl_s: i64) -> Result<Plan, KvError> {
        let (space, id) = (SPACE, LeaseId(id));
        self.apply(&Command::LeaseGrant { space, id, ttl_s })
    }

    pub(crate) fn revoke(&mut self, id: i64) -> Result<Plan, KvError> {
        let (space, id) = (SPACE, LeaseId(id));
        self.apply(&Command::LeaseRevoke { space, id })
    }

    pub(crate) fn range(&self, range: &Range) -> Result<Ranged, KvError> {
        self.space().range(range, &self.kept)
    }

    /// The keys and values at a revision, `0` for now, as `key=value`.
    pub(crate) fn dump(&self, revision: i64) -> Result<String, KvError> {
        let ranged = self.range(&Range {
            revision,
            ..range(everything())
        })?;
        Ok(shown(&ranged))
    }

    pub(crate) fn revision(&self) -> i64 {
        self.space().revision()
    }

    pub(crate) fn space(&self) -> &koinon_core_kv::Keyspace {
        self.machine.space(SPACE).expect("the keyspace is there")
    }

    /// Removes all that nobody can read, `keys_max` keys at a time, and answers what was removed.
    pub(crate) fn sweep(&mut self, oldest_pin: Option<i64>, keys_max: usize) -> Vec<Revision> {
        let mut removed = Vec::new();
        let Some(mut sweep) = self.space().sweep(oldest_pin) else {
            return removed;
        };
        while !sweep.is_done() {
            let space = self.machine.space_mut(SPACE).expect("the keyspace is there");
            let step = space.compact_step(&mut sweep, keys_max);
            self.forget(&step);
            removed.extend(step);
        }
        removed
    }

    pub(crate) fn forget(&mut self, removed: &[Revision]) {
        for at in removed {
            let record = self.kept.records.remove(&(SPACE, *at));
            assert!(record.is_some(), "{at} was removed, and is not there");
        }
    }

    /// The machine, made anew from what a disk would hold.
    pub(crate) fn restart(&mut self) {
        let mut loading = Machine::load(self.machine.applied());
        for space in self.machine.spaces() {
            let id = space.id();
            for (lease, ttl_s) in space.leases() {
                loading.lease(id, lease, ttl_s).expect("the keyspace is there");
            }
            for ((_, at), bytes) in self
                .kept
                .records
                .range((id, Revision::new(0, 0))..)
                .take_while(|((of, _), _)| *of == id)
            {
                let record = Record::decode(bytes.clone()).expect("it was encoded");
                loading
                    .record(id, *at, &Arc::new(record))
                    .expect("the keyspace is there");
            }
            loading
                .stood(id, space.revision(), space.compacted())
                .expect("the keyspace is there");
        }
        self.machine = loading.finish();
    }
}

pub(crate) fn shown(ranged: &Ranged) -> String {
    let shown = ranged.records.iter().map(|record| match record.as_ref() {
        Record::Put(kv) => format!("{}={}", kv.key.escape_ascii(), kv.value.escape_ascii()),
        Record::Tombstone { key, .. } => panic!("a range answered that {key:?} was deleted"),
    });
    shown.collect::<Vec<_>>().join(" ")
}

/// Records as `main.sub key=value` or `main.sub -key`.
pub(crate) fn told(records: &[(Revision, Arc<Record>)]) -> String {
    let told = records.iter().map(|(at, record)| match record.as_ref() {
        Record::Put(kv) => format!("{at} {}={}", kv.key.escape_ascii(), kv.value.escape_ascii()),
        Record::Tombstone { key, .. } => format!("{at} -{}", key.escape_ascii()),
    });
    told.collect::<Vec<_>>().join(", ")
}

pub(crate) fn bytes(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

pub(crate) fn one(key: &str) -> Keys {
    Keys::One(bytes(key))
}

pub(crate) fn between(first: &str, end: &str) -> Keys {
    Keys::Between(bytes(first), bytes(end))
}

/// A step that tells whether the key exists.
fn exists(key: &Bytes) -> Op {
    Op::Txn(Txn {
        compare: vec![Compare {
            keys: Keys::One(key.clone()),
            ordering: Ordering::Greater,
            target: CompareTarget::Version(0),
        }],
        ..Txn::default()
    })
}

pub(crate) fn everything() -> Keys {
    Keys::prefixed(&[])
}

pub(crate) fn put(key: &str, value: &str) -> Put {
    Put {
        key: bytes(key),
        value: Some(bytes(value)),
        lease: Some(LeaseId::NONE),
        prev_kv: false,
    }
}

pub(crate) fn delete(keys: Keys) -> Delete {
    Delete { keys, prev_kv: false }
}

pub(crate) fn range(keys: Keys) -> Range {
    Range {
        keys,
        revision: 0,
        limit: 0,
        sort: None,
        keys_only: false,
        count_only: false,
        mod_revision: (0, 0),
        create_revision: (0, 0),
    }
}
