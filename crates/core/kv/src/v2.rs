//! What etcd v2 clients see: a tree of files and directories that may have a time to live, as a keyspace like the others.
//!
//! A node is a key, an event is a record, and the tree's index is the keyspace's main revision. So history, restart,
//! snapshots and the quota are those of every keyspace. Only deciding is its own: what a [`Change`] does depends on the
//! nodes around it and on etcd's rules, so it is a native command and no transaction.
//!
//! | file | idea |
//! |---|---|
//! | `path` | where a node is; which keys a directory's content has |
//! | `node` | a file or a directory, as a record's value |
//! | `event` | what a change did, as a record's value |
//! | `change` | what can be asked for |
//! | `refusal` | etcd's errors |
//! | `tree` | finding nodes in a keyspace, and the whole of a directory |
//! | `plan` | deciding a change |
//! | `hub` | watchers and the last thousand events |
//!
//! Keys of the keyspace: `n`, depth, path: a node; `t`, when, path: a node that will expire then; `e`: the event of each
//! revision, written over by the next.
//!
//! Invariants:
//! - every main revision has exactly one event, and a refused change none: the index counts what happened;
//! - a node's directories are all there, and are directories; the root is always there and has no key;
//! - there is a `t` key for every node that expires, and no other.

mod change;
mod event;
mod hub;
mod node;
mod path;
mod plan;
mod refusal;
mod tree;

pub use change::{Change, Expect};
pub use event::{Action, Event};
pub use hub::{Cleared, HISTORY_MAX, Hub, Watch};
pub use node::Node;
pub use path::{DEPTH_MAX, PATH_BYTES_MAX, Path, PathError};
pub use refusal::{Code, Refusal};
pub use tree::{Level, Tree, due, event_at, expiring, grow, removed};
