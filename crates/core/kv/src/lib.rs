//! The multi-version key-value store as a pure state machine, with etcd v3's semantics.
//!
//! A [`SpaceId`] names a keyspace: its own keys, revisions, leases, quota and compaction. Every change is a
//! [`Command`], taken from the replicated log in order, so every member that applies the same log holds the same state.
//! Values are not kept here: the index in memory says which [`Revision`] of a key is meant, and [`Records`] finds
//! what was written there. Time and randomness are arguments; there is no I/O, no lock and no task here.
//!
//! | file | idea |
//! |---|---|
//! | `space` | which keyspaces there are |
//! | `revision` | a moment in a keyspace's history |
//! | `record` | what one revision holds |
//! | `request` | what can be asked and changed |
//! | `response` | what is answered |
//! | `records` | where the records are |
//! | `machine` | all keyspaces, and how far the log was applied; loading them |
//! | `keyspace` | one keyspace, and how it is changed |
//! | `index`, `history` | the keys in order, and the figures of each one's records |
//! | `check` | what can be said of a transaction without looking at keys |
//! | `plan` | what a command will do, decided whole before anything changes |
//! | `read` | reading in bounded pieces |
//! | `leases`, `lessor` | who lives by which lease; when leases run out |
//! | `compaction` | forgetting history in bounded pieces |
//! | `ledger` | how many bytes can be read, for the quota |
//! | `watchers` | whose watch a key is in |
//! | `codec` | commands and records as bytes |
//! | `v2` | the tree that etcd v2 clients see |

mod check;
mod codec;
mod compaction;
mod error;
mod figures;
mod history;
mod index;
mod keyspace;
mod leases;
mod ledger;
mod lessor;
mod machine;
mod plan;
mod read;
mod record;
mod records;
mod request;
mod response;
mod revision;
mod space;
pub mod v2;
mod watchers;

pub use check::NESTING_MAX;
pub use codec::CodecError;
pub use compaction::Sweep;
pub use error::KvError;
pub use figures::Figures;
pub use keyspace::Keyspace;
pub use lessor::{Lessor, Renewed, granted_ttl_s};
pub use machine::{Loading, Machine};
pub use plan::{Answer, Effect, LEASE_TTL_MAX_S, Plan};
pub use read::{Reading, TxnReading};
pub use record::{KeyValue, Record};
pub use records::{Records, RecordsError};
pub use request::{
    Command, Compare, CompareTarget, Delete, Keys, LeaseId, Op, Ordering, Put, Range, Sort, SortBy, Txn,
};
pub use response::{Deleted, OpResponse, PutDone, Ranged, TxnDone};
pub use revision::Revision;
pub use space::SpaceId;
pub use watchers::Watchers;
