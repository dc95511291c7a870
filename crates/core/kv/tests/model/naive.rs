//! The naive model: every revision's whole contents in a map, every rule in its simplest form. No index, no marks, no pieces.

use std::collections::BTreeMap;

use bytes::Bytes;
use koinon_core_kv::{
    Command, Compare, CompareTarget, Delete, Deleted, KeyValue, Keys, LeaseId, Op, OpResponse, Ordering, Put,
    PutDone, Range, Ranged, Record, Revision, SortBy, Txn, TxnDone,
};

type State = BTreeMap<Bytes, KeyValue>;

/// Which refusal; its figures are compared apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    Compacted,
    Future,
    KeyNotFound,
    Duplicate,
    LeaseNotFound,
    LeaseExists,
    LeaseTtl,
}

#[derive(Debug)]
pub(crate) struct Naive {
    /// Contents after each main revision.
    states: BTreeMap<i64, State>,
    /// Everything ever written.
    pub(crate) records: Vec<(Revision, Record)>,
    pub(crate) leases: BTreeMap<LeaseId, i64>,
    pub(crate) compacted: i64,
}

/// A transaction under way.
struct Draft<'a> {
    model: &'a Naive,
    state: State,
    written: Vec<(Revision, Record)>,
}

impl Naive {
    pub(crate) fn new() -> Self {
        Self {
            states: BTreeMap::from([(1, State::new())]),
            records: Vec::new(),
            leases: BTreeMap::new(),
            compacted: -1,
        }
    }

    pub(crate) fn revision(&self) -> i64 {
        *self.states.keys().next_back().unwrap()
    }

    pub(crate) fn now(&self) -> &State {
        self.states.values().next_back().unwrap()
    }

    pub(crate) fn state(&self, main: i64) -> &State {
        self.states.range(..=main).next_back().unwrap().1
    }

    pub(crate) fn lease_keys(&self, id: LeaseId) -> Vec<Bytes> {
        self.now()
            .values()
            .filter(|kv| kv.lease == id)
            .map(|kv| kv.key.clone())
            .collect()
    }

    /// The answer of a transaction, if it is one.
    #[allow(
        clippy::wildcard_enum_match_arm,
        reason = "other commands are not of this model"
    )]
    pub(crate) fn apply(&mut self, command: &Command) -> Result<Option<TxnDone>, Refusal> {
        match command {
            Command::Txn { txn, .. } => self.apply_txn(txn).map(Some),
            Command::Compact { revision, .. } => {
                if *revision <= self.compacted {
                    return Err(Refusal::Compacted);
                }
                if *revision > self.revision() {
                    return Err(Refusal::Future);
                }
                self.compacted = *revision;
                Ok(None)
            }
            Command::LeaseGrant { id, ttl_s, .. } => {
                if *id == LeaseId::NONE {
                    return Err(Refusal::LeaseNotFound);
                }
                if *ttl_s < 1 || *ttl_s > 9_000_000_000 {
                    return Err(Refusal::LeaseTtl);
                }
                if self.leases.contains_key(id) {
                    return Err(Refusal::LeaseExists);
                }
                self.leases.insert(*id, *ttl_s);
                Ok(None)
            }
            other => {
                let Command::LeaseRevoke { id, .. } = other else {
                    panic!("{other:?} is not of this model")
                };
                if self.leases.remove(id).is_none() {
                    return Err(Refusal::LeaseNotFound);
                }
                let keys = self.lease_keys(*id);
                let mut draft = self.draft();
                keys.iter().for_each(|key| draft.remove(key));
                let (state, written) = (draft.state, draft.written);
                self.keep(state, written);
                Ok(None)
            }
        }
    }

    fn apply_txn(&mut self, txn: &Txn) -> Result<TxnDone, Refusal> {
        touched(&txn.then)?;
        touched(&txn.or_else)?;
        let mut draft = self.draft();
        let done = draft.txn(txn)?;
        let (state, written) = (draft.state, draft.written);
        self.keep(state, written);
        Ok(done)
    }

    fn draft(&self) -> Draft<'_> {
        Draft {
            model: self,
            state: self.now().clone(),
            written: Vec::new(),
        }
    }

    fn keep(&mut self, state: State, written: Vec<(Revision, Record)>) {
        if !written.is_empty() {
            self.states.insert(self.revision() + 1, state);
            self.records.extend(written);
        }
    }

    pub(crate) fn range(&self, range: &Range) -> Result<Ranged, Refusal> {
        let main = if range.revision <= 0 {
            self.revision()
        } else {
            range.revision
        };
        self.readable(main)?;
        Ok(select(self.state(main), range, self.revision()))
    }

    fn readable(&self, main: i64) -> Result<(), Refusal> {
        if main > self.revision() {
            return Err(Refusal::Future);
        }
        if main < self.compacted {
            return Err(Refusal::Compacted);
        }
        Ok(())
    }

    /// What must be kept for whoever reads or watches from `floor` on.
    pub(crate) fn needed(&self, floor: i64) -> Vec<(Revision, &Record)> {
        let mut needed: Vec<(Revision, &Record)> = Vec::new();
        for (nth, (at, record)) in self.records.iter().enumerate() {
            let later = self.records[nth + 1..]
                .iter()
                .find(|(_, later)| later.key() == record.key());
            let superseded = later.is_some_and(|(later, _)| later.main <= floor);
            let deleted = matches!(record, Record::Tombstone { .. });
            let forgotten = superseded || (deleted && at.main < floor);
            if !forgotten {
                needed.push((*at, record));
            }
        }
        needed
    }
}

/// Filter, order, limit.
fn select(state: &State, range: &Range, revision: i64) -> Ranged {
    let all: Vec<&KeyValue> = state.values().filter(|kv| range.keys.contain(&kv.key)).collect();
    let count = all.len() as i64;
    if range.count_only {
        return Ranged {
            revision,
            count,
            ..Ranged::default()
        };
    }
    let within =
        |(least, most): (i64, i64), it: i64| (least == 0 || it >= least) && (most == 0 || it <= most);
    let bounded = range.mod_revision != (0, 0) || range.create_revision != (0, 0);
    let mut found = all;
    found.retain(|kv| {
        within(range.mod_revision, kv.mod_revision) && within(range.create_revision, kv.create_revision)
    });
    let limit = if range.limit > 0 {
        range.limit as usize
    } else {
        usize::MAX
    };
    if let Some(sort) = range.sort {
        if sort.after_limit && !bounded {
            // etcd takes one more than the limit, sorts, and cuts.
            found.truncate(limit.saturating_add(1));
        }
        found.sort_by(|a, b| {
            let (a, b) = if sort.descending { (b, a) } else { (a, b) };
            match sort.by {
                SortBy::Key => a.key.cmp(&b.key),
                SortBy::Version => a.version.cmp(&b.version),
                SortBy::Create => a.create_revision.cmp(&b.create_revision),
                SortBy::Mod => a.mod_revision.cmp(&b.mod_revision),
                SortBy::Value => a.value.cmp(&b.value),
            }
        });
    }
    let more = found.len() > limit;
    found.truncate(limit);
    let records = found.into_iter().cloned().map(|mut kv| {
        if range.keys_only {
            kv.value = Bytes::new();
        }
        Record::Put(kv).into()
    });
    Ranged {
        revision,
        records: records.collect(),
        more,
        count,
    }
}

impl Draft<'_> {
    fn revision(&self) -> i64 {
        self.model.revision() + i64::from(!self.written.is_empty())
    }

    fn txn(&mut self, txn: &Txn) -> Result<TxnDone, Refusal> {
        let succeeded = txn.compare.iter().all(|compare| holds(self.model.now(), compare));
        let ops = if succeeded { &txn.then } else { &txn.or_else };
        let responses = ops.iter().map(|op| self.op(op)).collect::<Result<_, _>>()?;
        Ok(TxnDone { succeeded, responses })
    }

    fn op(&mut self, op: &Op) -> Result<OpResponse, Refusal> {
        Ok(match op {
            Op::Range(range) => OpResponse::Range(self.range(range)?),
            Op::Put(put) => OpResponse::Put(self.put(put)?),
            Op::Delete(delete) => OpResponse::Delete(self.delete(delete)),
            Op::Txn(txn) => OpResponse::Txn(self.txn(txn)?),
        })
    }

    fn range(&self, range: &Range) -> Result<Ranged, Refusal> {
        if range.revision != 0 {
            self.model.readable(range.revision)?;
        }
        let state = if range.revision > 0 {
            self.model.state(range.revision)
        } else {
            &self.state
        };
        Ok(select(state, range, self.revision()))
    }

    fn put(&mut self, put: &Put) -> Result<PutDone, Refusal> {
        let before = self.state.get(&put.key).cloned();
        if before.is_none() && (put.value.is_none() || put.lease.is_none()) {
            return Err(Refusal::KeyNotFound);
        }
        let lease = put.lease.unwrap_or(LeaseId::NONE);
        if lease != LeaseId::NONE && !self.model.leases.contains_key(&lease) {
            return Err(Refusal::LeaseNotFound);
        }
        let main = self.model.revision() + 1;
        let kv = KeyValue {
            key: put.key.clone(),
            value: put
                .value
                .clone()
                .unwrap_or_else(|| before.as_ref().unwrap().value.clone()),
            create_revision: before.as_ref().map_or(main, |kv| kv.create_revision),
            mod_revision: main,
            version: before.as_ref().map_or(0, |kv| kv.version) + 1,
            lease: put.lease.unwrap_or_else(|| before.as_ref().unwrap().lease),
        };
        self.state.insert(put.key.clone(), kv.clone());
        self.write(Record::Put(kv));
        Ok(PutDone {
            revision: main,
            prev: before.filter(|_| put.prev_kv),
        })
    }

    fn delete(&mut self, delete: &Delete) -> Deleted {
        let doomed: Vec<KeyValue> = self
            .state
            .values()
            .filter(|kv| delete.keys.contain(&kv.key))
            .cloned()
            .collect();
        doomed.iter().for_each(|kv| self.remove(&kv.key));
        Deleted {
            revision: self.revision(),
            count: doomed.len() as i64,
            prev: if delete.prev_kv { doomed } else { Vec::new() },
        }
    }

    fn remove(&mut self, key: &Bytes) {
        self.state.remove(key);
        let mod_revision = self.model.revision() + 1;
        self.write(Record::Tombstone {
            key: key.clone(),
            mod_revision,
        });
    }

    fn write(&mut self, record: Record) {
        let at = Revision::new(self.model.revision() + 1, self.written.len() as u32);
        self.written.push((at, record));
    }
}

fn holds(state: &State, compare: &Compare) -> bool {
    let nothing = KeyValue {
        key: Bytes::new(),
        value: Bytes::new(),
        create_revision: 0,
        mod_revision: 0,
        version: 0,
        lease: LeaseId::NONE,
    };
    let found: Vec<&KeyValue> = state
        .values()
        .filter(|kv| compare.keys.contain(&kv.key))
        .collect();
    if found.is_empty() {
        return !matches!(compare.target, CompareTarget::Value(_)) && key_holds(&nothing, compare);
    }
    found.into_iter().all(|kv| key_holds(kv, compare))
}

fn key_holds(kv: &KeyValue, compare: &Compare) -> bool {
    let order = match &compare.target {
        CompareTarget::Version(it) => kv.version.cmp(it),
        CompareTarget::Create(it) => kv.create_revision.cmp(it),
        CompareTarget::Mod(it) => kv.mod_revision.cmp(it),
        CompareTarget::Lease(it) => kv.lease.0.cmp(it),
        CompareTarget::Value(it) => kv.value.cmp(it),
    };
    match compare.ordering {
        Ordering::Equal => order.is_eq(),
        Ordering::Greater => order.is_gt(),
        Ordering::Less => order.is_lt(),
        Ordering::NotEqual => order.is_ne(),
    }
}

/// etcd's rule in its simplest form: the puts and deletions of a list of steps, or that they meet.
fn touched(ops: &[Op]) -> Result<(Vec<Bytes>, Vec<Keys>), Refusal> {
    let mut deletes = Vec::new();
    for op in ops {
        if let Op::Delete(delete) = op {
            deletes.push(delete.keys.clone());
        }
    }
    let hit = |deletes: &[Keys], key: &Bytes| {
        deletes
            .iter()
            .any(|keys| !matches!(keys, Keys::From(_)) && keys.contain(key))
    };
    let mut puts: Vec<Bytes> = Vec::new();
    for op in ops {
        let Op::Txn(txn) = op else { continue };
        let (then_puts, then_deletes) = touched(&txn.then)?;
        let (else_puts, else_deletes) = touched(&txn.or_else)?;
        let earlier = puts.clone();
        for key in then_puts.iter().chain(&else_puts) {
            if earlier.contains(key) || hit(&deletes, key) {
                return Err(Refusal::Duplicate);
            }
            puts.push(key.clone());
        }
        deletes.extend(then_deletes);
        deletes.extend(else_deletes);
    }
    for op in ops {
        let Op::Put(put) = op else { continue };
        if puts.contains(&put.key) || hit(&deletes, &put.key) {
            return Err(Refusal::Duplicate);
        }
        puts.push(put.key.clone());
    }
    Ok((puts, deletes))
}
