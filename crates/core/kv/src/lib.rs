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

mod error;
mod record;
mod records;
mod request;
mod response;
mod revision;
mod space;

pub use error::KvError;
pub use record::{KeyValue, Record};
pub use records::{Records, RecordsError};
pub use request::{Command, Compare, CompareTarget, Delete, Keys, LeaseId, Op, Ordering, Put, Range, Sort, SortBy, Txn};
pub use response::{Deleted, OpResponse, PutDone, Ranged, TxnDone};
pub use revision::Revision;
pub use space::SpaceId;
