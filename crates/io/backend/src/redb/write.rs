//! A batch as one transaction.
//!
//! Each commit also saves the map of free pages (`redb`'s quick repair). That costs a second sync, in the background where
//! nobody waits for it, and saves reading the whole file after a crash, or when it is opened anew after an I/O error.

use std::collections::BTreeMap;

use koinon_core_kv::SpaceId;
use redb::{Database, Table, WriteTransaction};

use super::tables::{
    APPLIED_INDEX_KEY, APPLIED_TERM_KEY, FORMAT, FORMAT_KEY, LEASES, META, RECORDS, SPACES, STATE,
    encode_space,
};
use crate::batch::Batch;
use crate::held::HeldSpace;
use crate::key::{self, KEY_LEN, Key, SEAL_LEN};

/// Keyspaces with their marks and figures.
pub(super) type Spaces = BTreeMap<SpaceId, HeldSpace>;

/// Why a batch was not written.
#[derive(Debug)]
pub(super) enum WriteError {
    /// Before the commit: nothing happened.
    Before(redb::Error),
    /// In the commit: it may have happened.
    InCommit(redb::Error),
}

impl<E: Into<redb::Error>> From<E> for WriteError {
    fn from(error: E) -> Self {
        Self::Before(error.into())
    }
}

/// Writes `batch` to a backend that holds `spaces`; answers the keyspaces that it changed.
pub(super) fn write(database: &Database, batch: &Batch, spaces: &Spaces) -> Result<Spaces, WriteError> {
    let transaction = begin(database)?;
    let changed = write_all(&transaction, batch, spaces)?;
    commit(transaction)?;
    Ok(changed)
}

/// Makes the tables of an empty backend.
pub(super) fn initialise(database: &Database) -> Result<(), WriteError> {
    let transaction = begin(database)?;
    transaction.open_table(RECORDS)?;
    transaction.open_table(LEASES)?;
    transaction.open_table(SPACES)?;
    transaction.open_table(META)?;
    transaction
        .open_table(STATE)?
        .insert(FORMAT_KEY, u64::from(FORMAT))?;
    commit(transaction)
}

fn begin(database: &Database) -> Result<WriteTransaction, redb::Error> {
    let mut transaction = database.begin_write()?;
    transaction.set_quick_repair(true);
    Ok(transaction)
}

fn commit(transaction: WriteTransaction) -> Result<(), WriteError> {
    transaction
        .commit()
        .map_err(|error| WriteError::InCommit(error.into()))
}

fn write_all(transaction: &WriteTransaction, batch: &Batch, spaces: &Spaces) -> Result<Spaces, redb::Error> {
    let mut changed = Changed {
        before: spaces,
        now: Spaces::new(),
    };
    if !(batch.put.is_empty() && batch.remove.is_empty()) {
        let mut records = transaction.open_table(RECORDS)?;
        put(&mut records, batch, &mut changed)?;
        remove(&mut records, batch, &mut changed)?;
    }
    for (space, marks) in &batch.spaces {
        changed.space(*space).marks = Some(*marks);
    }
    if !changed.now.is_empty() {
        let mut table = transaction.open_table(SPACES)?;
        for (space, held) in &changed.now {
            table.insert(space.0, &encode_space(*held))?;
        }
    }
    if !batch.leases.is_empty() {
        let mut table = transaction.open_table(LEASES)?;
        for (space, id, ttl_s) in &batch.leases {
            match ttl_s {
                Some(ttl_s) => drop(table.insert((space.0, id.0), ttl_s)?),
                None => drop(table.remove((space.0, id.0))?),
            }
        }
    }
    if !batch.meta.is_empty() {
        let mut table = transaction.open_table(META)?;
        for (name, value) in &batch.meta {
            match value {
                Some(value) => drop(table.insert(name.as_str(), value.as_ref())?),
                None => drop(table.remove(name.as_str())?),
            }
        }
    }
    let mut state = transaction.open_table(STATE)?;
    state.insert(APPLIED_INDEX_KEY, batch.applied.index)?;
    state.insert(APPLIED_TERM_KEY, batch.applied.term)?;
    Ok(changed.now)
}

/// The keyspaces that a batch changes, as they are with it.
struct Changed<'a> {
    before: &'a Spaces,
    now: Spaces,
}

impl Changed<'_> {
    fn space(&mut self, space: SpaceId) -> &mut HeldSpace {
        let before = self.before;
        self.now
            .entry(space)
            .or_insert_with(|| before.get(&space).copied().unwrap_or_default())
    }

    fn gained(&mut self, space: SpaceId, len: usize) {
        let figures = &mut self.space(space).figures;
        figures.records += 1;
        figures.bytes += len as u64;
    }

    /// A record went of which so many bytes were stored.
    fn lost(&mut self, space: SpaceId, stored_len: usize) {
        let figures = &mut self.space(space).figures;
        figures.records = figures.records.saturating_sub(1);
        figures.bytes = figures
            .bytes
            .saturating_sub(stored_len.saturating_sub(SEAL_LEN) as u64);
    }
}

type Records<'a> = Table<'a, &'static [u8; KEY_LEN], &'static [u8]>;

/// Records in the order of their keys, because neighbours share a leaf; of equals the last stays last.
fn put(records: &mut Records<'_>, batch: &Batch, changed: &mut Changed<'_>) -> Result<(), redb::Error> {
    let mut sorted: Vec<(Key, &bytes::Bytes)> = batch
        .put
        .iter()
        .map(|(space, at, bytes)| (key::encode(*space, *at), bytes))
        .collect();
    sorted.sort_by_key(|(key, _)| *key);
    let mut stored = Vec::new();
    for (key, bytes) in sorted {
        key::seal(&key, bytes, &mut stored);
        let (space, _) = key::decode(&key);
        if let Some(before) = records.insert(&key, stored.as_slice())? {
            changed.lost(space, before.value().len());
        }
        changed.gained(space, bytes.len());
    }
    Ok(())
}

fn remove(records: &mut Records<'_>, batch: &Batch, changed: &mut Changed<'_>) -> Result<(), redb::Error> {
    let mut sorted: Vec<Key> = batch
        .remove
        .iter()
        .map(|(space, at)| key::encode(*space, *at))
        .collect();
    sorted.sort_unstable();
    for key in sorted {
        if let Some(before) = records.remove(&key)? {
            changed.lost(key::decode(&key).0, before.value().len());
        }
    }
    Ok(())
}
