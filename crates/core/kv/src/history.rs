//! What the index knows of one key: the figures of its newest record, and of the older ones that are still readable.
//!
//! Invariant: marks are in the order of their revisions, and no two of a key are written at the same one.

use crate::record::Record;
use crate::request::LeaseId;
use crate::revision::Revision;

/// The figures of one record; 40 bytes, because there is one for each key and one more for each older revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) main: i64,
    /// 0 in a tombstone.
    pub(crate) create: i64,
    /// 0 in a tombstone.
    pub(crate) version: i64,
    pub(crate) lease: LeaseId,
    pub(crate) sub: u32,
    pub(crate) value_len: u32,
}

/// One key's marks.
#[derive(Debug)]
pub(crate) struct History {
    newest: Mark,
    /// Boxed: most keys have one mark, and pay eight bytes here.
    older: Option<Box<Older>>,
}

#[derive(Debug)]
struct Older {
    /// Oldest first.
    marks: Vec<Mark>,
}

impl Mark {
    pub(crate) fn of(at: Revision, record: &Record) -> Self {
        match record {
            Record::Put(kv) => Self {
                main: at.main,
                create: kv.create_revision,
                version: kv.version,
                lease: kv.lease,
                sub: at.sub,
                value_len: u32::try_from(kv.value.len()).unwrap_or(u32::MAX),
            },
            Record::Tombstone { .. } => Self {
                main: at.main,
                create: 0,
                version: 0,
                lease: LeaseId::NONE,
                sub: at.sub,
                value_len: 0,
            },
        }
    }

    pub(crate) fn at(&self) -> Revision {
        Revision::new(self.main, self.sub)
    }

    pub(crate) fn is_tombstone(&self) -> bool {
        self.version == 0
    }

    fn living(&self) -> Option<&Self> {
        (!self.is_tombstone()).then_some(self)
    }
}

impl History {
    pub(crate) fn new(first: Mark) -> Self {
        Self {
            newest: first,
            older: None,
        }
    }

    /// The newest mark, if the key exists.
    pub(crate) fn present(&self) -> Option<&Mark> {
        self.newest.living()
    }

    /// The mark that holds at main revision `main`, if the key existed then.
    pub(crate) fn as_of(&self, main: i64) -> Option<&Mark> {
        if self.newest.main <= main {
            return self.newest.living();
        }
        let marks = &self.older.as_ref()?.marks;
        let after = marks.partition_point(|mark| mark.main <= main);
        marks.get(after.checked_sub(1)?)?.living()
    }

    /// Of what was written at main revision `floor` and before, the one that [`Self::compact`] leaves.
    pub(crate) fn left_by(&self, floor: i64) -> Option<Revision> {
        let holds = if self.newest.main <= floor {
            &self.newest
        } else {
            let marks = &self.older.as_ref()?.marks;
            let after = marks.partition_point(|mark| mark.main <= floor);
            marks.get(after.checked_sub(1)?)?
        };
        (!holds.is_tombstone() || holds.main == floor).then(|| holds.at())
    }

    /// Adds a mark that is newer than all, and answers the newest one before, tombstone or not.
    pub(crate) fn push(&mut self, mark: Mark) -> Mark {
        let before = std::mem::replace(&mut self.newest, mark);
        let older = self
            .older
            .get_or_insert_with(|| Box::new(Older { marks: Vec::new() }));
        if older.marks.capacity() == 0 {
            // Most keys that change have few revisions between two compactions.
            older.marks.reserve_exact(2);
        }
        older.marks.push(before);
        before
    }

    /// Forgets what nobody can read or watch who asks for main revision `floor` or later, and says what it was, oldest
    /// first. `true` if nothing is left.
    ///
    /// The mark that holds at `floor` stays, unless it is a tombstone from before: there is nothing to read then, and
    /// whoever watches from `floor` was told already. A tombstone at `floor` itself stays to be watched.
    pub(crate) fn compact(&mut self, floor: i64, mut removed: impl FnMut(Revision)) -> bool {
        let newest_goes = self.newest.is_tombstone() && self.newest.main < floor;
        if let Some(older) = &mut self.older {
            let marks = &mut older.marks;
            let until = if self.newest.main <= floor {
                marks.len()
            } else {
                let after = marks.partition_point(|mark| mark.main <= floor);
                let holds = after.checked_sub(1).and_then(|at| marks.get(at));
                after - usize::from(holds.is_some_and(|mark| !mark.is_tombstone() || mark.main == floor))
            };
            marks.drain(..until).for_each(|mark| removed(mark.at()));
            if marks.is_empty() {
                self.older = None;
            } else if until > 0 {
                marks.shrink_to_fit();
            }
        }
        if newest_goes {
            removed(self.newest.at());
        }
        newest_goes
    }
}
