//! When leases run out. One for all keyspaces, on the member that leads: deadlines are its own clock's, and nothing that
//! members agree on. A lease that ran out ends when the log says so; this only says that it is time to.
//!
//! Invariants:
//! - every lease has exactly one entry in `queue`, due at its deadline or before (or some seconds after it was found
//!   expired): a renewal moves no entry, one that comes up too early is put back;
//! - a lease that was found expired cannot be renewed any more.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use crate::plan::Effect;
use crate::request::LeaseId;
use crate::space::SpaceId;

/// How long after it was said that a lease ran out it is said again, if it is still there: etcd's 3 s.
const AGAIN_MS: u64 = 3000;
/// How many entries of leases that are no more may wait in the queue beyond as many as there are leases.
const STALE_MAX: usize = 1024;
/// How many entries are looked at for each lease that may be answered.
const LOOKED_AT_PER_LEASE: usize = 16;

/// Deadlines of leases, in milliseconds of the monotonic clock.
#[derive(Debug, Default)]
pub struct Lessor {
    leases: HashMap<(SpaceId, LeaseId), Deadline>,
    queue: BinaryHeap<Reverse<Due>>,
    /// How many leases were ever granted.
    nth: u64,
}

/// When to look at a lease. `nth` tells the lease from an earlier one of the same number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Due {
    at_ms: u64,
    space: SpaceId,
    id: LeaseId,
    nth: u64,
}

#[derive(Debug, Clone, Copy)]
struct Deadline {
    ttl_s: i64,
    at_ms: u64,
    nth: u64,
}

/// What became of a renewal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renewed {
    /// It lives its whole time from now on: so many seconds.
    For(i64),
    /// It ran out, and is about to end.
    Expired,
    /// There is no such lease.
    Unknown,
}

impl Lessor {
    /// No leases.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many leases it watches over.
    #[must_use]
    pub fn len(&self) -> usize {
        self.leases.len()
    }

    /// Whether it watches over none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.leases.is_empty()
    }

    /// How many entries wait in its queue: as many as there are leases, and a bounded number of ones that are no more.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// Follows a committed plan: a lease that was granted begins to run, one that was revoked is forgotten.
    pub fn follow(&mut self, space: SpaceId, effect: Effect, now_ms: u64) {
        match effect {
            Effect::Grant { id, ttl_s } => self.granted(space, id, ttl_s, now_ms),
            Effect::Revoke { id } => self.ended(space, id),
            Effect::Compact { .. } | Effect::None => {}
        }
    }

    /// A lease begins to run.
    pub fn granted(&mut self, space: SpaceId, id: LeaseId, ttl_s: i64, now_ms: u64) {
        self.nth += 1;
        let nth = self.nth;
        let at_ms = deadline_ms(now_ms, ttl_s);
        self.leases.insert((space, id), Deadline { ttl_s, at_ms, nth });
        self.queue.push(Reverse(Due {
            at_ms,
            space,
            id,
            nth,
        }));
    }

    /// A lease is no more.
    pub fn ended(&mut self, space: SpaceId, id: LeaseId) {
        self.leases.remove(&(space, id));
        // Its entry goes when it is due, or here when too many of that kind wait.
        if self.queue.len() > 2 * self.leases.len() + STALE_MAX {
            self.queue_anew();
        }
    }

    /// A lease is to live its whole time from now on.
    pub fn renewed(&mut self, space: SpaceId, id: LeaseId, now_ms: u64) -> Renewed {
        match self.leases.get_mut(&(space, id)) {
            None => Renewed::Unknown,
            Some(lease) if lease.at_ms <= now_ms => Renewed::Expired,
            Some(lease) => {
                lease.at_ms = deadline_ms(now_ms, lease.ttl_s);
                Renewed::For(lease.ttl_s)
            }
        }
    }

    /// Milliseconds that a lease still lives; `None` if there is no such lease.
    #[must_use]
    pub fn remaining_ms(&self, space: SpaceId, id: LeaseId, now_ms: u64) -> Option<u64> {
        self.leases
            .get(&(space, id))
            .map(|lease| lease.at_ms.saturating_sub(now_ms))
    }

    /// Up to `max` leases that ran out, those first that ran out first. Each is named again after some seconds, until it has
    /// ended: a revocation may get lost on its way to the log.
    pub fn expired(&mut self, now_ms: u64, max: usize) -> Vec<(SpaceId, LeaseId)> {
        let mut expired = Vec::new();
        // Entries of renewed leases are put back; this bounds how many in one call.
        for _ in 0..max.saturating_mul(LOOKED_AT_PER_LEASE) {
            if expired.len() >= max {
                break;
            }
            let Some(Reverse(mut due)) = self.queue.peek().copied().filter(|due| due.0.at_ms <= now_ms)
            else {
                break;
            };
            self.queue.pop();
            let Some(lease) = self
                .leases
                .get(&(due.space, due.id))
                .filter(|lease| lease.nth == due.nth)
            else {
                continue;
            };
            due.at_ms = lease.at_ms;
            if lease.at_ms <= now_ms {
                expired.push((due.space, due.id));
                due.at_ms = now_ms.saturating_add(AGAIN_MS);
            }
            self.queue.push(Reverse(due));
        }
        expired
    }

    /// When [`Self::expired`] should be asked next: it finds nothing before.
    #[must_use]
    pub fn next_ms(&self) -> Option<u64> {
        self.queue.peek().map(|due| due.0.at_ms)
    }

    /// This member leads from now on: every lease lives its whole time and `extend_ms` more, because nobody knows which
    /// were kept alive at the leader before.
    pub fn extend_all(&mut self, now_ms: u64, extend_ms: u64) {
        for lease in self.leases.values_mut() {
            lease.at_ms = deadline_ms(now_ms, lease.ttl_s).saturating_add(extend_ms);
        }
        self.queue_anew();
    }

    fn queue_anew(&mut self) {
        let entries = self.leases.iter().map(|((space, id), lease)| {
            Reverse(Due {
                at_ms: lease.at_ms,
                space: *space,
                id: *id,
                nth: lease.nth,
            })
        });
        self.queue = entries.collect();
    }
}

/// The time to live that a lease is granted for if `asked_s` is asked for: at least `min_s`.
///
/// etcd's least is one and a half election timeouts, in seconds rounded up, so that a change of leader ends no lease.
#[must_use]
pub fn granted_ttl_s(asked_s: i64, min_s: i64) -> i64 {
    asked_s.max(min_s)
}

fn deadline_ms(now_ms: u64, ttl_s: i64) -> u64 {
    let ttl_ms = u64::try_from(ttl_s).unwrap_or(0).saturating_mul(1000);
    now_ms.saturating_add(ttl_ms)
}
