//! The service registry as a pure state machine: who is there, in what state, and what changed.
//!
//! One [`Registry`] is one namespace. It holds the *ephemeral* instances, those that live as long as their
//! heartbeats, under the rules that Netflix Eureka's clients rely on: a lease that in fact lasts twice its
//! duration, eviction of at most 15 % at once, self-preservation when renewals fall away, status overrides and
//! their order, and conflicts settled by the registrant's own dirty timestamp. *Persistent* instances are part of
//! the model and are refused until there is a store to keep them.
//!
//! Time and randomness are arguments; there is no I/O, no lock and no task here. The rooms:
//!
//! | file | idea |
//! |---|---|
//! | `model` | what an instance is |
//! | `pairs` | its metadata, packed |
//! | `lease` | how long it may be silent |
//! | `status_rules` | which status holds when several are claimed |
//! | `preservation` | when expiry is suspended because the network, not the instances, is the likelier fault |
//! | `budget` | how many bytes of instances there may be |
//! | `change_log` | ordered, bounded memory of changes: deltas and resumable subscriptions |
//! | `snapshot` | an immutable view of one revision |
//! | `entries` | every instance with its lease, found by its id |
//! | `table` | the ordered, shared tables that a view is made of |
//! | `outcome` | what operations take and answer |
//! | `registry` | the operations over all of them |

mod budget;
mod change_log;
mod config;
mod entries;
mod error;
mod lease;
mod model;
mod outcome;
mod pairs;
mod preservation;
mod registry;
mod snapshot;
mod status_rules;
mod table;

pub use budget::Budget;
pub use change_log::{Change, Changes};
pub use config::{Config, PreservationMode};
pub use error::RegistryError;
pub use lease::LeaseTerms;
pub use model::{
    ChangeKind, Consistency, Description, Health, Instance, Kept, Registration, Scheme, Status, Text,
};
pub use outcome::{Counters, Delta, Eviction, Figures, RenewOutcome, Renewal};
pub use pairs::Pairs;
pub use preservation::PreservationState;
pub use registry::Registry;
pub use snapshot::{ServiceView, Snapshot, StatusCounts};
pub use table::Table;
