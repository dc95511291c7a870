//! The ordered, bounded memory of what changed: deltas and resumable subscriptions are both read from it.
//!
//! It keeps at most the latest change of each instance (an earlier one is dropped when the next comes), so that one
//! that comes and goes all the time crowds out nobody else's; removals stay until they are too old. Somebody who replays what is left after a position on top of the
//! view of that position arrives at the present view; somebody who lags may see several changes of one instance
//! as one, and never needs an unbounded buffer.
//!
//! Invariant: `removed` holds exactly the removals in the log, and `removed_bytes` counts exactly their instances.
//! Invariant: every change after `floor` is here or replaced by a later one that is. A position below `floor`
//! cannot be resumed.

use std::collections::BTreeMap;
use std::sync::Arc;

use koinon_base::{InstanceId, Now, ServiceName};

use crate::model::{ChangeKind, Instance};

/// One change, with the instance as it was right after it.
#[derive(Debug, Clone)]
pub struct Change {
    /// The revision it made.
    pub revision: u64,
    /// What happened.
    pub kind: ChangeKind,
    /// To whom.
    pub instance: Arc<Instance>,
}

/// Changes in order, and how far they bring whoever applies them.
#[derive(Debug, Clone)]
pub struct Changes {
    /// The revision that applying them leads to.
    pub revision: u64,
    /// In the order of their revisions.
    pub changes: Vec<Change>,
}

#[derive(Debug)]
struct Logged {
    at_mono_ms: u64,
    kind: ChangeKind,
    instance: Arc<Instance>,
}

#[derive(Debug, Default)]
pub(crate) struct ChangeLog {
    by_revision: BTreeMap<u64, Logged>,
    /// Where the removal of an instance is that has not come back since.
    removed: BTreeMap<(ServiceName, InstanceId), u64>,
    removed_bytes: usize,
    floor: u64,
}

impl ChangeLog {
    /// An empty log from which only positions from `floor` on can be resumed.
    pub(crate) fn starting_at(floor: u64) -> Self {
        Self {
            floor,
            ..Self::default()
        }
    }

    /// Adds a change and drops the one of the same instance that it replaces: `replaces`, the revision of the
    /// registered instance, or else its removal.
    pub(crate) fn push(&mut self, now: Now, change: Change, replaces: Option<u64>, len_max: usize) {
        let who = who(&change.instance);
        if let Some(old) = replaces.or_else(|| self.removed.remove(&who)) {
            let old = self.by_revision.remove(&old);
            old.iter().for_each(|old| self.uncount(old));
        }
        if change.kind == ChangeKind::Removed {
            self.removed_bytes += change.instance.description.size_bytes();
            self.removed.insert(who, change.revision);
        }
        let logged = Logged {
            at_mono_ms: now.mono_ms,
            kind: change.kind,
            instance: change.instance,
        };
        self.by_revision.insert(change.revision, logged);
        while self.by_revision.len() > len_max.max(1) {
            self.drop_oldest();
        }
    }

    /// Forgets what is older than `retention_ms`, at most `limit` changes. Says whether more are too old.
    pub(crate) fn trim(&mut self, now: Now, retention_ms: u64, limit: usize) -> bool {
        let too_old = |logged: &Logged| logged.at_mono_ms.saturating_add(retention_ms) < now.mono_ms;
        let mut left = limit;
        while self
            .by_revision
            .first_key_value()
            .is_some_and(|(_, logged)| too_old(logged))
        {
            if left == 0 {
                return true;
            }
            left -= 1;
            self.drop_oldest();
        }
        false
    }

    /// Forgets the oldest change. Says whether there was one.
    pub(crate) fn drop_oldest(&mut self) -> bool {
        let Some((revision, logged)) = self.by_revision.pop_first() else {
            return false;
        };
        self.floor = revision;
        self.uncount(&logged);
        if logged.kind == ChangeKind::Removed {
            self.removed.remove(&who(&logged.instance));
        }
        true
    }

    fn uncount(&mut self, logged: &Logged) {
        if logged.kind == ChangeKind::Removed {
            self.removed_bytes -= logged.instance.description.size_bytes();
        }
    }

    /// What the removed instances take that are here and nowhere else.
    pub(crate) fn removed_bytes(&self) -> usize {
        self.removed_bytes
    }

    /// The oldest position that can be resumed.
    pub(crate) fn floor(&self) -> u64 {
        self.floor
    }

    pub(crate) fn len(&self) -> usize {
        self.by_revision.len()
    }

    /// At most `limit` changes after `position`, or `None` if some of them are forgotten.
    pub(crate) fn since(&self, position: u64, revision: u64, limit: usize) -> Option<Changes> {
        if position < self.floor || position > revision {
            return None;
        }
        let mut later = self.by_revision.range(position.saturating_add(1)..);
        let changes: Vec<Change> = later
            .by_ref()
            .take(limit)
            .map(|(r, logged)| change(*r, logged))
            .collect();
        let reached = match (later.next(), changes.last()) {
            (Some(_), Some(last)) => last.revision,
            _ => revision,
        };
        Some(Changes {
            revision: reached,
            changes,
        })
    }

    /// Everything remembered, oldest first.
    pub(crate) fn all(&self) -> impl Iterator<Item = Change> {
        self.by_revision.iter().map(|(r, logged)| change(*r, logged))
    }
}

fn who(instance: &Instance) -> (ServiceName, InstanceId) {
    (instance.service().clone(), instance.id().clone())
}

fn change(revision: u64, logged: &Logged) -> Change {
    Change {
        revision,
        kind: logged.kind,
        instance: Arc::clone(&logged.instance),
    }
}
