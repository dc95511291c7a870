//! What the log must hold: the judge of all proofs, which knows nothing of frames and files.
//!
//! The law: after any crash the log is what was acknowledged, followed by some prefix of what was appended since, in the
//! order in which it was appended. It begins no later than the purges allow.

use koinon_io_wal::{Entry, HardState, Record, Recovered, Wal};

/// Something that was appended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    Entry(Entry),
    Hard(HardState),
}

impl Step {
    pub(crate) fn record(&self) -> Record<'_> {
        match self {
            Self::Entry(Entry { term, index, payload }) => Record::Entry {
                term: *term,
                index: *index,
                payload,
            },
            Self::Hard(state) => Record::HardState(*state),
        }
    }
}

/// A log's content, by the rules.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) entries: Vec<Entry>,
    pub(crate) hard: HardState,
}

impl State {
    pub(crate) fn last(&self) -> u64 {
        self.entries.last().map_or(0, |entry| entry.index)
    }

    pub(crate) fn apply(&mut self, step: &Step) {
        match step {
            Step::Entry(entry) => {
                self.entries.retain(|old| old.index < entry.index);
                self.entries.push(entry.clone());
            }
            Step::Hard(hard) => self.hard = *hard,
        }
    }
}

/// What was acknowledged, and what was only appended.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ledger {
    pub(crate) acknowledged: State,
    pub(crate) since: Vec<Step>,
    /// Entries below may be gone.
    pub(crate) purged_below: u64,
}

impl Ledger {
    pub(crate) fn acknowledge(&mut self) {
        for step in self.since.drain(..) {
            self.acknowledged.apply(&step);
        }
    }

    /// With everything appended.
    pub(crate) fn newest(&self) -> State {
        let mut state = self.acknowledged.clone();
        self.since.iter().for_each(|step| state.apply(step));
        state
    }

    /// Judges what was found after a crash; from then on it is acknowledged.
    pub(crate) fn judge(&mut self, wal: &Wal, recovered: &Recovered) -> Result<(), String> {
        let found = found(wal, recovered)?;
        if recovered.first_index > self.purged_below.max(1) {
            return Err(format!(
                "the log begins with {}, purged was below {}",
                recovered.first_index, self.purged_below
            ));
        }
        let mut state = self.acknowledged.clone();
        let mut steps = self.since.iter();
        loop {
            if state.hard == found.hard && same_from(&state.entries, &found.entries, recovered) {
                break;
            }
            let Some(step) = steps.next() else {
                let (last, newest) = (self.acknowledged.last(), self.newest().last());
                return Err(format!(
                    "found {recovered:?}, which is no prefix: {last} acknowledged, {newest} appended, {} steps since",
                    self.since.len()
                ));
            };
            state.apply(step);
        }
        self.acknowledged = state;
        self.since.clear();
        Ok(())
    }
}

/// Everything the log answers, gapless and none twice.
pub(crate) fn found(wal: &Wal, recovered: &Recovered) -> Result<State, String> {
    let entries = wal
        .entries(recovered.first_index)
        .map_err(|error| error.to_string())?;
    let entries: Vec<Entry> = entries
        .collect::<Result<_, _>>()
        .map_err(|error| error.to_string())?;
    let indexes: Vec<u64> = entries.iter().map(|entry| entry.index).collect();
    let wanted: Vec<u64> = (recovered.first_index..=recovered.last_index).collect();
    if indexes != wanted {
        return Err(format!("{recovered:?}, but the entries are {indexes:?}"));
    }
    Ok(State {
        entries,
        hard: recovered.hard_state,
    })
}

/// What the log has from its beginning on is what it should have from there on.
fn same_from(wanted: &[Entry], found: &[Entry], recovered: &Recovered) -> bool {
    let from = wanted
        .iter()
        .position(|entry| entry.index >= recovered.first_index)
        .unwrap_or(wanted.len());
    wanted.last().map_or(0, |entry| entry.index) == recovered.last_index && wanted[from..] == *found
}
