//! What the store's threads and handles share, and the operations on it.
//!
//! Invariants:
//! - the machine's lock is never held while a disk is waited for, nor longer than a thousand keys take;
//! - a record that the index knows is in memory or in the backend, as long as its revision is pinned or not compacted.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use koinon_base::Clock;
use koinon_core_kv::{
    Command, Effect, Keyspace, KvError, Lessor, Machine, Plan, Range, Ranged, Record, Records, Revision,
    SpaceId, Sweep, Txn, TxnDone,
};
use tokio::sync::Notify;

use crate::bell::Bell;
use crate::dirty::Dirty;
use crate::error::StoreError;
use crate::handle::{Answer, Consistency};
use crate::pins::Pins;
use crate::propose::Proposals;
use crate::records::{History, Values};
use crate::settings::Settings;
use crate::watch::Hub;
use crate::writer::Applied;

/// How many keys a reader looks at under the lock.
const READ_KEYS_MAX: usize = 1000;
/// How many records a command writes under the lock before readers get in between.
const COMMIT_RECORDS_MAX: usize = 1000;
/// How many records a watcher is caught up by at once.
const HISTORY_RECORDS_MAX: usize = 1000;
/// How often a read begins anew because compaction took its record away in between.
const READ_TRIES_MAX: usize = 8;

pub(crate) struct Shared {
    pub(crate) settings: Settings,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) values: Values,
    pub(crate) bell: Bell,
    /// The index of the last entry whose effect the backend has.
    pub(crate) durable: AtomicU64,
    pub(crate) figures: Counters,
    machine: RwLock<Machine>,
    lessor: Mutex<Lessor>,
    hubs: BTreeMap<SpaceId, Hub>,
    dirty: Mutex<Dirty>,
    pub(crate) pins: Pins,
    proposals: Proposals,
    unflushed_entries: AtomicUsize,
    unflushed_bytes: AtomicUsize,
    /// Rung when compaction has removed what it had to.
    swept: Notify,
    /// Rung when the backend has taken a flush.
    pub(crate) flushed: Notify,
    /// Why the node must end.
    failure: OnceLock<String>,
    failed: Notify,
}

/// Counted since the start.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) batches: AtomicU64,
    pub(crate) entries: AtomicU64,
    pub(crate) flush_failures: AtomicU64,
    /// As of the last batch.
    log: Mutex<koinon_io_wal::Figures>,
}

impl Counters {
    pub(crate) fn log(&self) -> koinon_io_wal::Figures {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes over what the log counts, if it was looked at long enough ago.
    pub(crate) fn take_log(&self, figures: impl FnOnce() -> koinon_io_wal::Figures) {
        *self.log.lock().unwrap_or_else(PoisonError::into_inner) = figures();
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// The parts that a store is made of.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) settings: Settings,
    pub(crate) values: Values,
    pub(crate) machine: Machine,
    pub(crate) lessor: Lessor,
    pub(crate) proposals: Proposals,
    /// How far the backend is.
    pub(crate) durable: u64,
    pub(crate) dirty: Dirty,
}

impl Shared {
    pub(crate) fn new(parts: Parts, clock: Arc<dyn Clock>) -> Self {
        let hubs = SpaceId::ALL.iter().map(|(id, _)| {
            let revision = parts
                .machine
                .space(*id)
                .map_or(Revision::EMPTY, Keyspace::revision);
            (*id, Hub::new(revision))
        });
        Self {
            hubs: hubs.collect(),
            unflushed_entries: AtomicUsize::new(parts.dirty.entries),
            unflushed_bytes: AtomicUsize::new(parts.dirty.bytes),
            settings: parts.settings,
            clock,
            values: parts.values,
            bell: Bell::default(),
            durable: AtomicU64::new(parts.durable),
            figures: Counters::default(),
            machine: RwLock::new(parts.machine),
            lessor: Mutex::new(parts.lessor),
            dirty: Mutex::new(parts.dirty),
            pins: Pins::default(),
            proposals: parts.proposals,
            swept: Notify::new(),
            flushed: Notify::new(),
            failure: OnceLock::new(),
            failed: Notify::new(),
        }
    }

    // Reading.

    /// Waits until a read of this freshness may look. With one member, whatever was answered was applied.
    #[expect(
        clippy::unused_async,
        reason = "with more members it asks the leader how far it must wait"
    )]
    pub(crate) async fn barrier(&self, consistency: Consistency) -> Result<(), StoreError> {
        match consistency {
            Consistency::Linearizable | Consistency::Serializable => Ok(()),
        }
    }

    /// Whether a read of this freshness may look at once. With one member, always.
    pub(crate) fn is_fresh(&self, consistency: Consistency) -> bool {
        match consistency {
            Consistency::Linearizable | Consistency::Serializable => true,
        }
    }

    pub(crate) fn range(&self, space: SpaceId, range: &Range) -> Result<Answer<Ranged>, StoreError> {
        let mut tries = 0;
        loop {
            tries += 1;
            match self.try_range(space, range) {
                // Compacted and removed between index and record: the next look says so, or finds the newer one.
                Err(KvError::Records(_)) if tries < READ_TRIES_MAX => {}
                answer => return Ok(answer?),
            }
        }
    }

    fn try_range(&self, space: SpaceId, range: &Range) -> Result<Answer<Ranged>, KvError> {
        let machine = self.machine_read();
        let keyspace = machine.space(space)?;
        let revision = keyspace.revision();
        let mut reading = keyspace.begin(range)?;
        let mut whole = keyspace.collect(&mut reading, READ_KEYS_MAX);
        let pin =
            (!whole || reading.wanted().nth(1).is_some()).then(|| self.pins.hold(space, reading.revision()));
        drop(machine);
        while !whole {
            whole = self
                .machine_read()
                .space(space)?
                .collect(&mut reading, READ_KEYS_MAX);
        }
        let value = reading.load(space, &self.values)?;
        drop(pin);
        Ok(Answer { revision, value })
    }

    /// A transaction that changes nothing. What it compares is read under the lock, what it answers is not.
    pub(crate) fn read_txn(&self, space: SpaceId, txn: &Txn) -> Result<Answer<TxnDone>, StoreError> {
        let machine = self.machine_read();
        let keyspace = machine.space(space)?;
        let revision = keyspace.revision();
        let mut reading = keyspace.begin_txn(txn, &self.values)?;
        let _pin = reading.revision().map(|oldest| self.pins.hold(space, oldest));
        let mut whole = keyspace.collect_txn(&mut reading, READ_KEYS_MAX);
        drop(machine);
        while !whole {
            whole = self
                .machine_read()
                .space(space)?
                .collect_txn(&mut reading, READ_KEYS_MAX);
        }
        let value = reading.load(space, &self.values)?;
        Ok(Answer { revision, value })
    }

    /// What held for `key` before main revision `main`, if that is still known.
    pub(crate) fn before(
        &self,
        space: SpaceId,
        key: &[u8],
        main: i64,
    ) -> Result<Option<Arc<Record>>, StoreError> {
        let machine = self.machine_read();
        let found = match machine.space(space)?.find(key, main - 1) {
            Ok(found) => found,
            Err(KvError::Compacted { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        let _pin = self.pins.hold(space, main - 1);
        drop(machine);
        let record = found.map(|at| self.values.get(space, at)).transpose();
        Ok(record.map_err(KvError::from)?)
    }

    /// What was written from `from` up to `upto`, as far as one piece reaches.
    pub(crate) fn history(&self, space: SpaceId, from: i64, upto: i64) -> Result<History, StoreError> {
        let machine = self.machine_read();
        let keyspace = machine.space(space)?;
        let compacted = keyspace.compacted();
        if from < compacted {
            return Err(KvError::Compacted {
                asked: from,
                compacted,
            }
            .into());
        }
        let _pin = self.pins.hold(space, from);
        drop(machine);
        let history = self.values.history(space, from, upto, HISTORY_RECORDS_MAX);
        Ok(history.map_err(KvError::from)?)
    }

    pub(crate) fn revision(&self, space: SpaceId) -> i64 {
        let machine = self.machine_read();
        machine.space(space).map_or(Revision::EMPTY, Keyspace::revision)
    }

    pub(crate) fn hub(&self, space: SpaceId) -> &Hub {
        &self.hubs[&space]
    }

    // Writing.

    pub(crate) async fn propose(&self, command: Command) -> Result<Applied, StoreError> {
        let space = command.space();
        self.machine_read()
            .space(space)?
            .admit(&command, self.settings.quota_bytes)?;
        self.proposals.propose(command).await
    }

    pub(crate) fn proposals_waiting(&self) -> usize {
        self.proposals.waiting()
    }

    pub(crate) fn unflushed_entries(&self) -> usize {
        self.unflushed_entries.load(Ordering::Relaxed)
    }

    /// Takes no more writes; those that wait are done.
    pub(crate) fn close_proposals(&self) {
        self.proposals.close();
    }

    pub(crate) async fn propose_txn(&self, space: SpaceId, txn: Txn) -> Result<Answer<TxnDone>, StoreError> {
        let applied = self.propose(Command::Txn { space, txn }).await?;
        match applied.answer {
            koinon_core_kv::Answer::Txn(value) => Ok(Answer {
                revision: applied.revision,
                value,
            }),
            koinon_core_kv::Answer::V2(_) | koinon_core_kv::Answer::Done => Err(StoreError::Broken),
        }
    }

    /// Decides and applies one entry of the log. A refusal is applied, too: it has no effect.
    pub(crate) fn apply(
        &self,
        index: u64,
        term: u64,
        command: &Command,
        bytes: usize,
    ) -> Result<Applied, KvError> {
        let planned = self.machine_read().plan(command, &self.values);
        let entries = self.unflushed_entries.fetch_add(1, Ordering::Relaxed) + 1;
        self.unflushed_bytes.fetch_add(bytes, Ordering::Relaxed);
        self.figures.entries.fetch_add(1, Ordering::Relaxed);
        if entries == self.settings.flush_entries_max {
            self.bell.ring();
        }
        let plan = match planned {
            Ok(plan) => plan,
            Err(KvError::Records(error)) => return Err(error.into()),
            Err(refused) => {
                self.machine_write().pass(index);
                self.dirty().applied(index, term, bytes);
                return Err(refused);
            }
        };
        self.commit(index, term, bytes, &plan);
        Ok(Applied {
            revision: plan.revision,
            answer: plan.answer,
        })
    }

    fn commit(&self, index: u64, term: u64, bytes: usize, plan: &Plan) {
        self.values.overlay.insert(plan.space, &plan.records);
        let mut done = 0;
        let compacted = loop {
            let mut machine = self.machine_write();
            if machine.commit_some(index, plan, &mut done, COMMIT_RECORDS_MAX) {
                break machine.space(plan.space).map_or(-1, Keyspace::compacted);
            }
        };
        {
            let mut dirty = self.dirty();
            dirty.applied(index, term, bytes);
            dirty.committed(plan, compacted);
        }
        match plan.effect {
            Effect::Grant { .. } | Effect::Revoke { .. } => {
                self.lessor()
                    .follow(plan.space, plan.effect, self.clock.now().mono_ms);
            }
            Effect::Compact { .. } => self.bell.ring(),
            Effect::None => {}
        }
        if !plan.records.is_empty() {
            self.hub(plan.space).publish(plan.revision, &plan.records);
        }
    }

    /// Why no writes can be taken now, if so.
    pub(crate) fn full(&self) -> Option<String> {
        let entries = self.unflushed_entries.load(Ordering::Relaxed);
        let bytes = self.unflushed_bytes.load(Ordering::Relaxed);
        if entries <= self.settings.unflushed_entries_max && bytes <= self.settings.unflushed_bytes_max {
            return None;
        }
        Some(format!(
            "{entries} entries of {bytes} bytes wait for the backend, which does not keep up or has no space on its disk"
        ))
    }

    /// The backend has taken a flush.
    pub(crate) fn flushed(&self, entries: usize, bytes: usize) {
        self.unflushed_entries.fetch_sub(entries, Ordering::Relaxed);
        self.unflushed_bytes.fetch_sub(bytes, Ordering::Relaxed);
        self.flushed.notify_waiters();
    }

    // Compaction.

    /// Begins to take what compaction forgot out of a keyspace's index, if there is something.
    pub(crate) fn sweep(&self, space: SpaceId) -> Option<Sweep> {
        let machine = self.machine_write();
        // Under the exclusive lock: whoever pins later sees what the pass leaves.
        machine.space(space).ok()?.sweep(self.pins.oldest(space))
    }

    /// Goes on with it for up to `keys_max` keys.
    pub(crate) fn sweep_step(&self, space: SpaceId, sweep: &mut Sweep, keys_max: usize) {
        let removed = match self.machine_write().space_mut(space) {
            Ok(keyspace) => keyspace.compact_step(sweep, keys_max),
            Err(_) => return,
        };
        self.values.overlay.remove(space, &removed);
        self.dirty().remove(space, &removed);
        if sweep.is_done() {
            self.swept.notify_waiters();
        }
    }

    /// Waits until removal has come to `revision`.
    pub(crate) async fn compacted(&self, space: SpaceId, revision: i64) {
        loop {
            let swept = self.swept.notified();
            let done = {
                let machine = self.machine_read();
                machine
                    .space(space)
                    .is_ok_and(|keyspace| keyspace.swept() >= revision)
            };
            if done || self.failure.get().is_some() {
                return;
            }
            swept.await;
        }
    }

    // The end.

    /// The store cannot go on: whoever runs it must end the process.
    pub(crate) fn failed(&self, reason: String) {
        let _first = self.failure.set(reason);
        self.failed.notify_waiters();
        self.swept.notify_waiters();
    }

    pub(crate) async fn failure(&self) -> String {
        loop {
            let failed = self.failed.notified();
            if let Some(reason) = self.failure.get() {
                return reason.clone();
            }
            failed.await;
        }
    }

    // The locks.

    pub(crate) fn machine_read(&self) -> RwLockReadGuard<'_, Machine> {
        self.machine.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn machine_write(&self) -> RwLockWriteGuard<'_, Machine> {
        self.machine.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn lessor(&self) -> MutexGuard<'_, Lessor> {
        self.lessor.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn dirty(&self) -> MutexGuard<'_, Dirty> {
        self.dirty.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
