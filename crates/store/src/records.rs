//! Where values are: in memory first, then in the backend.

use std::sync::Arc;

use koinon_core_kv::{Record, Records, RecordsError, Revision, SpaceId};
use koinon_io_backend::Backend;

use crate::overlay::Overlay;

/// Records in memory and behind it.
#[derive(Debug)]
pub(crate) struct Values {
    pub(crate) overlay: Overlay,
    pub(crate) backend: Arc<dyn Backend>,
}

/// A piece of history.
#[derive(Debug)]
pub(crate) struct History {
    /// In order; every main revision whole.
    pub(crate) records: Vec<(Revision, Arc<Record>)>,
    /// The last main revision that the piece covers.
    pub(crate) upto: i64,
}

/// The index knows a record that is nowhere.
#[derive(Debug, thiserror::Error)]
#[error("the record is neither in memory nor in the backend")]
struct Missing;

impl Records for Values {
    fn get(&self, space: SpaceId, at: Revision) -> Result<Arc<Record>, RecordsError> {
        if let Some(record) = self.overlay.get(space, at) {
            return Ok(record);
        }
        let failed = |source| RecordsError { space, at, source };
        let bytes = self
            .backend
            .get(space, at)
            .map_err(|error| failed(error.into()))?;
        let bytes = bytes.ok_or_else(|| failed(Missing.into()))?;
        let record = Record::decode(bytes).map_err(|error| failed(error.into()))?;
        Ok(Arc::new(record))
    }
}

impl Values {
    /// What was written in `from` and after it, up to `upto`; about `limit` records at most, but a main revision whole.
    pub(crate) fn history(
        &self,
        space: SpaceId,
        from: i64,
        upto: i64,
        limit: usize,
    ) -> Result<History, RecordsError> {
        let mut limit = limit;
        loop {
            let piece = self.piece(space, Revision::new(from, 0), upto, limit)?;
            // A transaction larger than the limit: take more at once rather than half of it.
            if piece.upto >= from {
                return Ok(piece);
            }
            limit = limit.saturating_mul(4);
        }
    }

    fn piece(
        &self,
        space: SpaceId,
        from: Revision,
        upto: i64,
        limit: usize,
    ) -> Result<History, RecordsError> {
        // Memory first: what leaves it between the two looks is in the backend.
        let young = self.overlay.scan(space, from, limit);
        let mut cut = if young.cut {
            young.records.last().map(|(at, _)| *at)
        } else {
            None
        };
        let mut records: Vec<(Revision, Arc<Record>)> = Vec::new();
        if !young.whole {
            let to = Revision::new(upto.saturating_add(1), 0);
            let failed = |source| RecordsError {
                space,
                at: from,
                source,
            };
            let mut read = |from| {
                let old = self
                    .backend
                    .scan(space, from, Some(to), limit)
                    .map_err(|error| failed(error.into()))?;
                for (at, bytes) in old.records {
                    let record = Record::decode(bytes).map_err(|error| RecordsError {
                        space,
                        at,
                        source: error.into(),
                    })?;
                    records.push((at, Arc::new(record)));
                }
                Ok::<_, RecordsError>(old.next)
            };
            let mut next = read(from)?;
            // A look is bounded in bytes, too: the first main revision is read to its end, however large it is.
            while let Some(at) = next.filter(|next| next.main == from.main) {
                next = read(at)?;
            }
            if let Some(next) = next {
                // Complete before `next`; as if cut there.
                cut = Some(cut.map_or(next, |cut| cut.min(next)));
            }
        }
        if !young.records.is_empty() {
            // Two runs in order, which share what is in both places.
            records.extend(young.records);
            records.sort_by_key(|(at, _)| *at);
            records.dedup_by_key(|(at, _)| *at);
        }
        // Of the main revision in which it was cut there may be more.
        let upto = cut.map_or(upto, |cut| upto.min(cut.main - 1));
        records.truncate(records.partition_point(|(at, _)| at.main <= upto));
        Ok(History { records, upto })
    }
}
