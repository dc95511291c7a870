//! What requests are answered with.

use std::sync::Arc;

use crate::record::{KeyValue, Record};

/// The keys that a range found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ranged {
    /// The keyspace's main revision as the read saw it; in a transaction that has changed something already, its own.
    pub revision: i64,
    /// The records ([`Record::Put`] only), in the order asked for; without values when only keys were asked for.
    pub records: Vec<Arc<Record>>,
    /// Whether the limit cut the answer.
    pub more: bool,
    /// How many keys lie in the range, whatever limit and bounds say.
    pub count: i64,
}

/// A put that was done.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PutDone {
    /// The main revision of the write.
    pub revision: i64,
    /// What was there before, if asked for.
    pub prev: Option<KeyValue>,
}

/// A deletion that was done.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Deleted {
    /// The keyspace's main revision after it: the deletion's own, if it or its transaction so far has changed anything.
    pub revision: i64,
    /// How many keys were deleted.
    pub count: i64,
    /// What was there before, if asked for, in the order of keys.
    pub prev: Vec<KeyValue>,
}

/// The answer to one step of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OpResponse {
    /// To a read.
    Range(Ranged),
    /// To a write.
    Put(PutDone),
    /// To a deletion.
    Delete(Deleted),
    /// To a transaction within it.
    Txn(TxnDone),
}

/// A transaction that was done.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TxnDone {
    /// Whether its conditions held.
    pub succeeded: bool,
    /// The answers of the branch taken, in its order.
    pub responses: Vec<OpResponse>,
}
