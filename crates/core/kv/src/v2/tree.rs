//! Finding nodes in a keyspace, and putting a directory's content together.
//!
//! A directory is read level by level: [`Level`] says which keys to read next, at the revision of the first look, and
//! [`grow`] makes the tree of what was read. Reading is the caller's, so that it goes in bounded pieces.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::event::Event;
use super::node::Node;
use super::path::{EVENT, Path, TIME};
use super::refusal::{Code, Refusal};
use crate::error::KvError;
use crate::keyspace::Keyspace;
use crate::record::{KeyValue, Record};
use crate::records::Records;
use crate::request::Keys;

/// A node with what is in it, as far as it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    /// The node.
    pub node: Node,
    /// What is in it, in the order of names, without what is hidden.
    pub nodes: Vec<Tree>,
}

/// One level below a directory.
#[derive(Debug, Clone)]
pub struct Level {
    directory: Path,
    levels: usize,
}

impl Level {
    /// What lies in `directory` itself.
    #[must_use]
    pub fn first(directory: &Path) -> Self {
        Self {
            directory: directory.clone(),
            levels: 1,
        }
    }

    /// One level deeper.
    #[must_use]
    pub fn deeper(&self) -> Self {
        Self {
            directory: self.directory.clone(),
            levels: self.levels + 1,
        }
    }

    /// Its keys.
    #[must_use]
    pub fn keys(&self) -> Keys {
        self.directory.keys_below(self.levels)
    }
}

/// Puts a directory together from the records of its levels. What is hidden, or lies in what is hidden, is left out.
#[must_use]
pub fn grow<'a>(root: Node, records: impl Iterator<Item = &'a Record>) -> Tree {
    let mut children: BTreeMap<Path, Vec<Node>> = BTreeMap::new();
    for record in records {
        let Record::Put(kv) = record else { continue };
        let Some(node) = of(kv) else { continue };
        if let Some(parent) = node.path.parent().filter(|_| !node.path.is_hidden()) {
            children.entry(parent).or_default().push(node);
        }
    }
    branch(root, &mut children)
}

/// As deep as paths are, which is bounded.
fn branch(node: Node, children: &mut BTreeMap<Path, Vec<Node>>) -> Tree {
    let inside = children.remove(&node.path).unwrap_or_default();
    let mut nodes: Vec<Tree> = inside.into_iter().map(|child| branch(child, children)).collect();
    nodes.sort_by(|a, b| a.node.path.cmp(&b.node.path));
    Tree { node, nodes }
}

/// The node that a record of its key holds.
pub(super) fn of(kv: &KeyValue) -> Option<Node> {
    Node::decode(Path::of_key(&kv.key)?, kv.value.clone())
}

/// The event that a record of the tree's keyspace holds, if it holds one.
#[must_use]
pub fn event_at(record: &Record) -> Option<Event> {
    match record {
        Record::Put(kv) if kv.key == EVENT => Event::decode(kv.mod_revision, kv.value.clone()),
        Record::Put(_) | Record::Tombstone { .. } => None,
    }
}

/// The path of a node that a record says is gone.
#[must_use]
pub fn removed(record: &Record) -> Option<Path> {
    match record {
        Record::Tombstone { key, .. } => Path::of_key(key),
        Record::Put(_) => None,
    }
}

/// The keys that say which nodes are to expire until this moment, in the order of their times.
#[must_use]
pub fn due(now_unix_ms: i64) -> Keys {
    let end = Path::root().time_key(now_unix_ms.saturating_add(1));
    Keys::Between(Bytes::from_static(&[TIME]), end)
}

/// The node that one of the keys of [`due`] is about.
#[must_use]
pub fn expiring(key: &Bytes) -> Option<Path> {
    Path::of_time_key(key)
}

impl Keyspace {
    /// The node at `path`.
    ///
    /// # Errors
    /// `V2` with etcd's reason when there is none, or when records cannot be read.
    pub fn v2_node(&self, path: &Path, records: &dyn Records) -> Result<Node, KvError> {
        if let Some(node) = self.v2_lookup(path, records)? {
            return Ok(node);
        }
        // etcd walks from the root and names the first part that is missing, or the file in the way.
        let mut missing = path.clone();
        for above in path.upwards().skip(1) {
            match self.v2_lookup(&above, records)? {
                Some(node) if node.dir => break,
                Some(file) => return Err(self.v2_refuse(Code::NotDirectory, file.path.text())),
                None => missing = above,
            }
        }
        Err(self.v2_refuse(Code::KeyNotFound, missing.text()))
    }

    /// The node at `path`, if there is one.
    pub(super) fn v2_lookup(&self, path: &Path, records: &dyn Records) -> Result<Option<Node>, KvError> {
        if path.is_root() {
            return Ok(Some(Node::root()));
        }
        let Some(mark) = self
            .index
            .get(&path.key())
            .and_then(|history| history.as_of(self.revision))
        else {
            return Ok(None);
        };
        Ok(match records.get(self.id, mark.at())?.as_ref() {
            Record::Put(kv) => of(kv),
            Record::Tombstone { .. } => None,
        })
    }

    pub(super) fn v2_refuse(&self, code: Code, cause: String) -> KvError {
        KvError::V2(Refusal {
            code,
            cause,
            index: self.revision,
        })
    }
}
