//! Forgetting history. That it is forgotten is decided at once, by the log ([`crate::Command::Compact`]); removing it is
//! done in bounded pieces afterwards, whenever there is time, and shows nowhere.

use crate::index::Place;
use crate::keyspace::Keyspace;
use crate::revision::Revision;

/// One pass over a keyspace that removes what nobody can read any more.
#[derive(Debug)]
pub struct Sweep {
    /// The oldest main revision that must stay readable.
    floor: i64,
    place: Option<Place>,
    whole: bool,
}

impl Keyspace {
    /// Begins a pass, if there may be anything to remove. `oldest_pin` is the oldest main revision that somebody still
    /// reads at, and pins it.
    ///
    /// No pass may begin while another is under way. Pins taken during a pass hold by themselves: new ones are at the
    /// compacted revision or later.
    #[must_use]
    pub fn sweep(&self, oldest_pin: Option<i64>) -> Option<Sweep> {
        let floor = oldest_pin.map_or(self.compacted, |pin| pin.min(self.compacted));
        (floor > self.swept).then_some(Sweep {
            floor,
            place: None,
            whole: false,
        })
    }

    /// Looks at up to `keys_max` more keys, and says which records to remove from wherever they are; where a key goes
    /// wholly, its tombstone comes after what it ended. Together they may be removed, or in this order, but not before
    /// the entry of the log that compacted them is durable.
    pub fn compact_step(&mut self, sweep: &mut Sweep, keys_max: usize) -> Vec<Revision> {
        let mut removed = Vec::new();
        if sweep.whole {
            return removed;
        }
        let place = sweep.place.take();
        sweep.place = self
            .index
            .compact(place.as_deref(), keys_max, sweep.floor, &mut removed);
        sweep.whole = sweep.place.is_none();
        if sweep.whole {
            self.swept = self.swept.max(sweep.floor);
        }
        removed
    }
}

impl Sweep {
    /// Whether it went over all keys.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.whole
    }

    /// The oldest main revision that stays readable.
    #[must_use]
    pub fn floor(&self) -> i64 {
        self.floor
    }
}
