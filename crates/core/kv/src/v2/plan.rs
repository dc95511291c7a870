//! Deciding a change, by etcd's rules and in their order, because the order decides which refusal a client sees.

use std::sync::Arc;

use bytes::Bytes;

use super::change::{Change, Expect};
use super::event::{Action, Event};
use super::node::Node;
use super::path::{EVENT, Path};
use super::refusal::Code;
use crate::error::KvError;
use crate::keyspace::Keyspace;
use crate::plan::{Answer, Effect, Plan};
use crate::record::{KeyValue, Record};
use crate::records::Records;
use crate::request::LeaseId;
use crate::revision::Revision;

/// How many events stay readable at least. More than watchers may ask for, so that compaction, which goes through all
/// keys, comes rarely.
const KEPT_EVENTS: i64 = 2_000;
/// How many events come between two compactions.
const COMPACT_EVERY: i64 = 10_000;

impl Keyspace {
    /// Decides a change of the tree. `now_unix_ms` is the proposer's clock.
    pub(crate) fn plan_v2(
        &self,
        change: &Change,
        now_unix_ms: i64,
        records: &dyn Records,
    ) -> Result<Plan, KvError> {
        let mut draft = Draft {
            space: self,
            records,
            now_unix_ms,
            index: self.revision.saturating_add(1),
            written: Vec::new(),
        };
        let event = draft.change(change)?;
        draft.put(Bytes::from_static(EVENT), event.encode());
        Ok(Plan {
            space: self.id,
            revision: draft.index,
            records: draft.written,
            effect: self.v2_forget(event.index),
            answer: Answer::V2(Box::new(event)),
        })
    }

    /// History that no watcher may ask for goes by itself.
    fn v2_forget(&self, index: i64) -> Effect {
        if index - self.compacted.max(0) < KEPT_EVENTS + COMPACT_EVERY {
            return Effect::None;
        }
        Effect::Compact {
            revision: index - KEPT_EVENTS,
        }
    }
}

/// A change being decided.
struct Draft<'a> {
    space: &'a Keyspace,
    records: &'a dyn Records,
    now_unix_ms: i64,
    /// What the change will have as its index.
    index: i64,
    written: Vec<(Revision, Arc<Record>)>,
}

/// What is to be made.
struct Made<'a> {
    dir: bool,
    value: &'a Bytes,
    expires_unix_ms: Option<i64>,
}

impl Draft<'_> {
    fn change(&mut self, change: &Change) -> Result<Event, KvError> {
        match change {
            Change::Set {
                path,
                dir,
                value,
                expires_unix_ms,
                refresh,
            } => {
                let made = Made {
                    dir: *dir,
                    value,
                    expires_unix_ms: *expires_unix_ms,
                };
                self.set(path, &made, *refresh)
            }
            Change::Create {
                path,
                in_order,
                dir,
                value,
                expires_unix_ms,
            } => {
                let made = Made {
                    dir: *dir,
                    value,
                    expires_unix_ms: *expires_unix_ms,
                };
                self.create(path, *in_order, &made)
            }
            Change::Update {
                path,
                value,
                expires_unix_ms,
                refresh,
            } => self.update(path, value, *expires_unix_ms, *refresh),
            Change::CompareAndSwap {
                path,
                expect,
                value,
                expires_unix_ms,
                refresh,
            } => self.swap(path, expect, value, *expires_unix_ms, *refresh),
            Change::Delete { path, dir, recursive } => self.delete(path, *dir, *recursive),
            Change::CompareAndDelete { path, expect } => self.compare_and_delete(path, expect),
            Change::Expire { path } => self.expire(path),
        }
    }

    fn set(&mut self, path: &Path, made: &Made<'_>, refresh: bool) -> Result<Event, KvError> {
        match self.space.v2_node(path, self.records) {
            Ok(before) if refresh => {
                let value = &before.value.unwrap_or_default();
                return self.make(path, &Made { value, ..*made }, Action::Set, true);
            }
            Ok(_) => {}
            Err(KvError::V2(refusal)) if !refresh && refusal.code == Code::KeyNotFound => {}
            Err(error) => return Err(error),
        }
        self.make(path, made, Action::Set, false)
    }

    fn create(&mut self, path: &Path, in_order: bool, made: &Made<'_>) -> Result<Event, KvError> {
        if !in_order {
            return self.make(path, made, Action::Create, false);
        }
        let name = format!("{:020}", self.index);
        match path.join(name.as_bytes()) {
            Ok(path) => self.make(&path, made, Action::Create, false),
            Err(too_long) => Err(self.refuse(Code::NotDirectory, too_long.to_string())),
        }
    }

    /// Makes a node, with the directories above it. Only a `Set` may replace something, and only a file.
    fn make(
        &mut self,
        path: &Path,
        made: &Made<'_>,
        action: Action,
        refresh: bool,
    ) -> Result<Event, KvError> {
        self.not_the_root(path)?;
        let prev = self.space.v2_lookup(path, self.records)?;
        match &prev {
            None => self.directories_above(path)?,
            Some(_) if action != Action::Set => return Err(self.refuse(Code::Exists, path.text())),
            Some(node) if node.dir => return Err(self.refuse(Code::NotFile, path.text())),
            Some(node) => self.forget_time(node, made.expires_unix_ms),
        }
        let node = Node {
            path: path.clone(),
            dir: made.dir,
            value: (!made.dir).then(|| made.value.clone()),
            created: self.index,
            modified: self.index,
            expires_unix_ms: made.expires_unix_ms,
        };
        self.put_node(&node);
        Ok(self.event(action, refresh, node, prev))
    }

    fn update(
        &mut self,
        path: &Path,
        value: &Bytes,
        expires_unix_ms: Option<i64>,
        refresh: bool,
    ) -> Result<Event, KvError> {
        self.not_the_root(path)?;
        let prev = self.space.v2_node(path, self.records)?;
        if prev.dir && !value.is_empty() {
            return Err(self.refuse(Code::NotFile, path.text()));
        }
        let mut node = self.changed(&prev, (!refresh).then_some(value), expires_unix_ms);
        // The event says the index of the change, of a directory too, whose own index stays.
        node.modified = self.index;
        Ok(self.event(Action::Update, refresh, node, Some(prev)))
    }

    fn swap(
        &mut self,
        path: &Path,
        expect: &Expect,
        value: &Bytes,
        expires_unix_ms: Option<i64>,
        refresh: bool,
    ) -> Result<Event, KvError> {
        self.not_the_root(path)?;
        let prev = self.space.v2_node(path, self.records)?;
        self.as_expected(&prev, expect)?;
        let node = self.changed(&prev, (!refresh).then_some(value), expires_unix_ms);
        Ok(self.event(Action::CompareAndSwap, refresh, node, Some(prev)))
    }

    fn delete(&mut self, path: &Path, dir: bool, recursive: bool) -> Result<Event, KvError> {
        self.not_the_root(path)?;
        let prev = self.space.v2_node(path, self.records)?;
        if prev.dir {
            if !dir && !recursive {
                return Err(self.refuse(Code::NotFile, path.text()));
            }
            if !recursive && self.has_content(path) {
                return Err(self.refuse(Code::NotEmpty, path.text()));
            }
        }
        self.remove(&prev)?;
        Ok(self.gone(Action::Delete, prev))
    }

    fn compare_and_delete(&mut self, path: &Path, expect: &Expect) -> Result<Event, KvError> {
        let prev = self.space.v2_node(path, self.records)?;
        self.as_expected(&prev, expect)?;
        self.remove(&prev)?;
        Ok(self.gone(Action::CompareAndDelete, prev))
    }

    fn expire(&mut self, path: &Path) -> Result<Event, KvError> {
        let prev = self.space.v2_node(path, self.records)?;
        if prev
            .expires_unix_ms
            .is_none_or(|expires| expires > self.now_unix_ms)
        {
            // It was given more time since it was proposed.
            return Err(self.refuse(Code::CompareFailed, path.text()));
        }
        self.remove(&prev)?;
        Ok(self.gone(Action::Expire, prev))
    }

    // The rules.

    fn not_the_root(&self, path: &Path) -> Result<(), KvError> {
        if path.is_root() {
            return Err(self.refuse(Code::RootReadOnly, path.text()));
        }
        Ok(())
    }

    fn as_expected(&self, node: &Node, expect: &Expect) -> Result<(), KvError> {
        if node.dir {
            // The root has no name of its own here, in etcd either.
            let cause = if node.path.is_root() {
                String::new()
            } else {
                node.path.text()
            };
            return Err(self.refuse(Code::NotFile, cause));
        }
        let value = node.value.as_deref().unwrap_or_default();
        let values = || {
            let (wanted, there) = (
                String::from_utf8_lossy(&expect.value),
                String::from_utf8_lossy(value),
            );
            format!("[{wanted} != {there}]")
        };
        let indexes = || format!("[{} != {}]", expect.index, node.modified);
        let same_value = expect.value.is_empty() || expect.value == value;
        let same_index = expect.index == 0 || i64::try_from(expect.index) == Ok(node.modified);
        let cause = match (same_value, same_index) {
            (true, true) => return Ok(()),
            (false, true) => values(),
            (true, false) => indexes(),
            (false, false) => format!("{} {}", values(), indexes()),
        };
        Err(self.refuse(Code::CompareFailed, cause))
    }

    fn has_content(&self, path: &Path) -> bool {
        self.space.index.count(&path.keys_below(1), None) > 0
    }

    // Writing.

    /// Makes the directories above `path` that are not there, without a time to live.
    fn directories_above(&mut self, path: &Path) -> Result<(), KvError> {
        let mut missing = Vec::new();
        for above in path.upwards().skip(1) {
            match self.space.v2_lookup(&above, self.records)? {
                Some(node) if node.dir => break,
                Some(file) => return Err(self.refuse(Code::NotDirectory, file.path.text())),
                None => missing.push(above),
            }
        }
        for path in missing.into_iter().rev() {
            self.put_node(&Node::directory(path, self.index, None));
        }
        Ok(())
    }

    /// Writes a node that is there with another value, if it is a file, and another time to live. A directory's index stays.
    fn changed(&mut self, before: &Node, value: Option<&Bytes>, expires_unix_ms: Option<i64>) -> Node {
        self.forget_time(before, expires_unix_ms);
        let mut node = Node {
            expires_unix_ms,
            ..before.clone()
        };
        if !node.dir {
            node.modified = self.index;
            node.value = value.cloned().or(node.value);
        }
        self.put_node(&node);
        node
    }

    /// Removes a node with everything in it.
    fn remove(&mut self, node: &Node) -> Result<(), KvError> {
        self.remove_one(node);
        if !node.dir {
            return Ok(());
        }
        // A level without nodes has none below it.
        for levels in 1.. {
            let mut marks = Vec::new();
            let keys = node.path.keys_below(levels);
            self.space.index.scan(&keys, None, usize::MAX, |_, history| {
                marks.extend(history.present().map(|mark| mark.at()));
            });
            if marks.is_empty() {
                break;
            }
            for at in marks {
                let record = self.records.get(self.space.id, at)?;
                if let Record::Put(kv) = record.as_ref()
                    && let Some(node) = super::tree::of(kv)
                {
                    self.remove_one(&node);
                }
            }
        }
        Ok(())
    }

    fn remove_one(&mut self, node: &Node) {
        self.forget_time(node, None);
        self.tombstone(node.path.key());
    }

    fn put_node(&mut self, node: &Node) {
        let mut value = Vec::new();
        node.encode(&mut value);
        self.put(node.path.key(), value.into());
        if let Some(expires) = node.expires_unix_ms {
            self.put(node.path.time_key(expires), Bytes::new());
        }
    }

    /// The node expires at another time from now on, or never. No key is written twice in one revision.
    fn forget_time(&mut self, node: &Node, now: Option<i64>) {
        if let Some(expires) = node.expires_unix_ms
            && now != Some(expires)
        {
            self.tombstone(node.path.time_key(expires));
        }
    }

    fn put(&mut self, key: Bytes, value: Bytes) {
        let before = self.space.index.get(&key).and_then(|history| history.present());
        self.write(Record::Put(KeyValue {
            create_revision: before.map_or(self.index, |mark| mark.create),
            mod_revision: self.index,
            version: before.map_or(1, |mark| mark.version.saturating_add(1)),
            lease: LeaseId::NONE,
            key,
            value,
        }));
    }

    fn tombstone(&mut self, key: Bytes) {
        self.write(Record::Tombstone {
            key,
            mod_revision: self.index,
        });
    }

    fn write(&mut self, record: Record) {
        let sub = u32::try_from(self.written.len()).unwrap_or(u32::MAX);
        self.written
            .push((Revision::new(self.index, sub), Arc::new(record)));
    }

    // Answers.

    fn event(&self, action: Action, refresh: bool, node: Node, prev: Option<Node>) -> Event {
        Event {
            index: self.index,
            action,
            refresh,
            at_unix_ms: self.now_unix_ms,
            node,
            prev,
        }
    }

    /// What is told of a node that is no more.
    fn gone(&self, action: Action, prev: Node) -> Event {
        let node = Node {
            value: None,
            modified: self.index,
            expires_unix_ms: None,
            ..prev.clone()
        };
        self.event(action, false, node, Some(prev))
    }

    fn refuse(&self, code: Code, cause: String) -> KvError {
        self.space.v2_refuse(code, cause)
    }
}
