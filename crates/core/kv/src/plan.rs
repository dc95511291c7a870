//! What a command will do: decided whole, before anything changes.

mod command;
mod compare;
mod draft;

use std::sync::Arc;

use crate::record::Record;
use crate::request::LeaseId;
use crate::response::TxnDone;
use crate::revision::Revision;
use crate::space::SpaceId;
use crate::v2::Event;

pub use command::LEASE_TTL_MAX_S;

/// A decided command. [`commit`](crate::Machine::commit) carries it out and cannot fail, as long as nothing else was committed in
/// its keyspace since it was made.
#[derive(Debug)]
pub struct Plan {
    /// Where.
    pub space: SpaceId,
    /// The keyspace's main revision afterwards: what clients are told.
    pub revision: i64,
    /// What it writes, in order; all have `revision` as their main revision. Empty: it makes no revision.
    pub records: Vec<(Revision, Arc<Record>)>,
    /// What else it changes, and whoever keeps state across restarts must keep.
    pub effect: Effect,
    /// What the client gets; free to be taken out before the commit.
    pub answer: Answer,
}

/// What a command changes beside keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Nothing.
    None,
    /// History below `revision` is forgotten from now on.
    Compact {
        /// The oldest main revision that stays readable.
        revision: i64,
    },
    /// There is a lease.
    Grant {
        /// Its number.
        id: LeaseId,
        /// Seconds that it lives without being kept alive.
        ttl_s: i64,
    },
    /// A lease is no more; `records` deletes its keys.
    Revoke {
        /// Its number.
        id: LeaseId,
    },
}

/// What a command is answered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// To a transaction.
    Txn(TxnDone),
    /// To a change of the tree.
    V2(Box<Event>),
    /// To everything else: it is done.
    Done,
}
