//! The tree of etcd v2, told as stories: what is right is what the original server answered.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test code")]

mod model;
mod rules;

#[path = "../support/mod.rs"]
mod support;

use bytes::Bytes;
use koinon_core_kv::v2::{Change, Event, Expect, Path, Tree, event_at, grow};
use koinon_core_kv::{Answer, Command, KvError, Range, Record, Records, Revision, SpaceId};

use support::Driven;

pub(crate) const TREE: SpaceId = SpaceId::ETCD_V2;

pub(crate) fn path(text: &str) -> Path {
    Path::new(text.as_bytes()).unwrap()
}

fn value(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

pub(crate) fn set(at: &str, to: &str) -> Change {
    Change::Set {
        path: path(at),
        dir: false,
        value: value(to),
        expires_unix_ms: None,
        refresh: false,
    }
}

pub(crate) fn set_dir(at: &str) -> Change {
    Change::Set {
        path: path(at),
        dir: true,
        value: Bytes::new(),
        expires_unix_ms: None,
        refresh: false,
    }
}

pub(crate) fn until(change: Change, unix_ms: i64) -> Change {
    let Change::Set {
        path,
        dir,
        value,
        refresh,
        ..
    } = change
    else {
        panic!("only a set is given a time here: {change:?}");
    };
    Change::Set {
        path,
        dir,
        value,
        expires_unix_ms: Some(unix_ms),
        refresh,
    }
}

pub(crate) fn create(at: &str, to: &str, in_order: bool) -> Change {
    Change::Create {
        path: path(at),
        in_order,
        dir: false,
        value: value(to),
        expires_unix_ms: None,
    }
}

pub(crate) fn update(at: &str, to: &str, expires_unix_ms: Option<i64>, refresh: bool) -> Change {
    Change::Update {
        path: path(at),
        value: value(to),
        expires_unix_ms,
        refresh,
    }
}

pub(crate) fn swap(at: &str, expected: &str, index: u64, to: &str) -> Change {
    Change::CompareAndSwap {
        path: path(at),
        expect: Expect {
            value: value(expected),
            index,
        },
        value: value(to),
        expires_unix_ms: None,
        refresh: false,
    }
}

pub(crate) fn delete(at: &str, dir: bool, recursive: bool) -> Change {
    Change::Delete {
        path: path(at),
        dir,
        recursive,
    }
}

pub(crate) fn expire(at: &str) -> Change {
    Change::Expire { path: path(at) }
}

/// A tree, driven at a moment that the test chooses.
pub(crate) struct Told {
    pub(crate) driven: Driven,
    pub(crate) now_unix_ms: i64,
}

impl Told {
    pub(crate) fn new() -> Self {
        Self {
            driven: Driven::new(),
            now_unix_ms: 1_000,
        }
    }

    pub(crate) fn change(&mut self, change: Change) -> Result<Event, KvError> {
        let command = Command::V2 {
            space: TREE,
            now_unix_ms: self.now_unix_ms,
            change,
        };
        let before = self.index();
        let plan = self.driven.apply(&command);
        match plan {
            Ok(plan) => {
                assert_eq!((plan.revision, self.index()), (before + 1, before + 1));
                let Answer::V2(event) = plan.answer else {
                    panic!("a change was answered with {:?}", plan.answer);
                };
                self.recorded(&event);
                Ok(*event)
            }
            Err(refused) => {
                assert_eq!(self.index(), before, "a refused change took an index");
                Err(refused)
            }
        }
    }

    /// The event is in the records of its index, and the only one there.
    fn recorded(&self, event: &Event) {
        let from = (TREE, Revision::new(event.index, 0));
        let to = (TREE, Revision::new(event.index, u32::MAX));
        let records = self.driven.kept.records.range(from..=to);
        let events: Vec<_> = records
            .filter_map(|(_, bytes)| event_at(&Record::decode(bytes.clone()).unwrap()))
            .collect();
        assert_eq!(events.as_slice(), std::slice::from_ref(event));
    }

    /// What a change is told: its action, index and value; or what it is refused with.
    pub(crate) fn tell(&mut self, change: Change) -> String {
        match self.change(change) {
            Ok(event) => {
                let node = &event.node;
                let text = |value: &Option<Bytes>| match value {
                    Some(value) => format!("={}", String::from_utf8_lossy(value)),
                    None => String::new(),
                };
                let prev = event.prev.as_ref().map_or(String::new(), |prev| {
                    format!(
                        " was {}{}@{}",
                        if prev.dir { "/" } else { "" },
                        text(&prev.value),
                        prev.modified
                    )
                });
                let dir = if node.dir { "/" } else { "" };
                format!(
                    "{} {}{dir}{} c{} m{}{prev}",
                    event.action.name(),
                    node.path.text(),
                    text(&node.value),
                    node.created,
                    node.modified
                )
            }
            Err(error) => {
                let KvError::V2(refusal) = error else {
                    panic!("{error}")
                };
                let (code, message) = (refusal.code.number(), refusal.code.message());
                format!("{code}: {message} ({}) [{}]", refusal.cause, refusal.index)
            }
        }
    }

    pub(crate) fn index(&self) -> i64 {
        self.driven.machine.space(TREE).unwrap().revision()
    }

    /// What is at a path now, with everything in it.
    pub(crate) fn tree(&self, at: &str) -> Result<Tree, KvError> {
        let space = self.driven.machine.space(TREE).unwrap();
        let node = space.v2_node(&path(at), &self.driven.kept)?;
        let mut records = Vec::new();
        let mut level = koinon_core_kv::v2::Level::first(&node.path);
        loop {
            let found = space.range(&everything(level.keys()), &self.driven.kept).unwrap();
            if found.records.is_empty() {
                break;
            }
            records.extend(found.records);
            level = level.deeper();
        }
        Ok(grow(node, records.iter().map(AsRef::as_ref)))
    }

    /// All paths below the root, hidden ones left out.
    pub(crate) fn listed(&self) -> Vec<String> {
        fn list(tree: &Tree, into: &mut Vec<String>) {
            for below in &tree.nodes {
                let slash = if below.node.dir { "/" } else { "" };
                into.push(below.node.path.text() + slash);
                list(below, into);
            }
        }
        let mut all = Vec::new();
        list(&self.tree("/").unwrap(), &mut all);
        all
    }

    /// The nodes whose time is over, in order.
    pub(crate) fn due(&self) -> Vec<String> {
        let space = self.driven.machine.space(TREE).unwrap();
        let keys = koinon_core_kv::v2::due(self.now_unix_ms);
        let found = space.range(&everything(keys), &self.driven.kept).unwrap();
        let paths = found
            .records
            .iter()
            .map(|record| koinon_core_kv::v2::expiring(record.key()).unwrap());
        paths.map(|path| path.text()).collect()
    }
}

pub(crate) fn everything(keys: koinon_core_kv::Keys) -> Range {
    Range {
        keys,
        revision: 0,
        limit: 0,
        sort: None,
        keys_only: false,
        count_only: false,
        mod_revision: (0, 0),
        create_revision: (0, 0),
    }
}

/// Records can be read through the trait: the tests' own are no other.
#[test]
fn what_is_kept_can_be_read() {
    let mut told = Told::new();
    told.change(set("/a", "1")).unwrap();
    let space = told.driven.machine.space(TREE).unwrap();
    assert!(
        space
            .v2_node(&path("/a"), &told.driven.kept as &dyn Records)
            .is_ok()
    );
}
