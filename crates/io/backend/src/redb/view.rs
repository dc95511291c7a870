//! Reading: a transaction with its tables opened once.
//!
//! Beginning a transaction and finding a table in it costs several times what a lookup does, so a view does both once and
//! is shared by all readers until the next commit.

use std::fmt;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use koinon_core_kv::{LeaseId, Revision, SpaceId};
use redb::{Database, ReadOnlyTable, ReadTransaction, ReadableDatabase, ReadableTable};

use super::refusal::refused;
use super::tables::{
    APPLIED_INDEX_KEY, APPLIED_TERM_KEY, FORMAT, FORMAT_KEY, LEASES, META, RECORDS, SPACES, STATE, applied,
    decode_space,
};
use crate::contract::{View, Visit};
use crate::error::BackendError;
use crate::held::Held;
use crate::key::{self, KEY_LEN, Key};

/// What was committed at one moment.
pub(super) struct RedbView {
    path: Arc<Path>,
    transaction: ReadTransaction,
    records: ReadOnlyTable<&'static [u8; KEY_LEN], &'static [u8]>,
}

impl fmt::Debug for RedbView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedbView")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl RedbView {
    /// What is committed now.
    pub(super) fn new(database: &Database, path: &Arc<Path>) -> Result<Self, redb::Error> {
        let transaction = database.begin_read()?;
        let records = transaction.open_table(RECORDS)?;
        Ok(Self {
            path: path.clone(),
            transaction,
            records,
        })
    }

    /// Refuses a file that this program cannot read.
    pub(super) fn check_format(&self) -> Result<(), BackendError> {
        let format = || -> Result<Option<u64>, redb::Error> {
            let state = self.transaction.open_table(STATE)?;
            Ok(state.get(FORMAT_KEY)?.map(|value| value.value()))
        };
        let version = format().map_err(|error| refused("read", &self.path, error))?;
        match version.map(u32::try_from) {
            Some(Ok(FORMAT)) => Ok(()),
            Some(Ok(version)) if version > FORMAT => Err(BackendError::Newer {
                path: self.path.to_path_buf(),
                version,
                known: FORMAT,
            }),
            other => Err(BackendError::Damaged {
                path: self.path.to_path_buf(),
                what: format!("its format is {other:?}"),
            }),
        }
    }

    fn damaged(&self, space: SpaceId, at: Revision) -> BackendError {
        BackendError::DamagedRecord {
            path: self.path.to_path_buf(),
            space,
            at,
        }
    }

    fn held(&self) -> Result<Held, redb::Error> {
        let mut held = Held::default();
        let state = self.transaction.open_table(STATE)?;
        let number =
            |name| -> Result<Option<u64>, redb::Error> { Ok(state.get(name)?.map(|value| value.value())) };
        held.applied = applied(number(APPLIED_INDEX_KEY)?, number(APPLIED_TERM_KEY)?);
        for entry in self.transaction.open_table(SPACES)?.iter()? {
            let (space, value) = entry?;
            held.spaces
                .insert(SpaceId(space.value()), decode_space(value.value()));
        }
        for entry in self.transaction.open_table(LEASES)?.iter()? {
            let (lease, ttl_s) = entry?;
            let (space, id) = lease.value();
            held.leases.insert((SpaceId(space), LeaseId(id)), ttl_s.value());
        }
        for entry in self.transaction.open_table(META)?.iter()? {
            let (name, value) = entry?;
            held.meta
                .insert(name.value().to_owned(), Bytes::copy_from_slice(value.value()));
        }
        Ok(held)
    }
}

impl View for RedbView {
    fn get(&self, space: SpaceId, at: Revision) -> Result<Option<Bytes>, BackendError> {
        let key = key::encode(space, at);
        let found = self
            .records
            .get(&key)
            .map_err(|error| refused("read", &self.path, error))?;
        let Some(stored) = found else { return Ok(None) };
        let record = key::unseal_owned(&key, stored.value());
        record.map(Some).ok_or_else(|| self.damaged(space, at))
    }

    fn visit(
        &self,
        space: SpaceId,
        from: Revision,
        to: Option<Revision>,
        each: &mut Visit<'_>,
    ) -> Result<Option<Revision>, BackendError> {
        let failed = |error: redb::StorageError| refused("read", &self.path, error);
        let first = key::encode(space, from);
        let range = match to {
            Some(to) if to <= from => return Ok(None),
            Some(to) => self.records.range::<&Key>(&first..&key::encode(space, to)),
            None => self
                .records
                .range::<&Key>(&first..=&key::encode(space, Revision::new(i64::MAX, u32::MAX))),
        };
        for entry in range.map_err(failed)? {
            let (found, stored) = entry.map_err(failed)?;
            let (_, at) = key::decode(found.value());
            let bytes = key::unseal(found.value(), stored.value()).ok_or_else(|| self.damaged(space, at))?;
            if each(at, bytes) == ControlFlow::Break(()) {
                return Ok(Some(at));
            }
        }
        Ok(None)
    }

    fn load(&self) -> Result<Held, BackendError> {
        self.held().map_err(|error| refused("read", &self.path, error))
    }
}
