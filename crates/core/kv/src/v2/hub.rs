//! Watchers of the tree and its last thousand events: which watcher is told of which event, by etcd's rules.
//!
//! A watcher that asks for an index of the past is answered from history, which shows what is hidden and does not know what
//! was in a deleted directory; one that waits is told as things happen, where both are known. Both are etcd's ways, and
//! clients have met both.
//!
//! Invariant: `events` are the youngest ones without a gap, and `last` is the index of the youngest that was ever added.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;
use std::sync::Arc;

use super::event::{Action, Event};
use super::path::Path;
use super::refusal::{Code, Refusal};

/// How many events can be asked for.
pub const HISTORY_MAX: usize = 1_000;

/// What a watcher waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watch {
    /// Which node.
    pub path: Path,
    /// And everything in it.
    pub recursive: bool,
    /// The first index of interest.
    pub since: i64,
}

/// An event of the index asked for is forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cleared {
    /// The oldest index that is known.
    pub oldest: i64,
    /// What was asked for.
    pub asked: i64,
}

/// The watchers, each with whatever its owner knows it by.
#[derive(Debug)]
pub struct Hub<T> {
    watchers: BTreeMap<Path, Vec<(Watch, T)>>,
    len: usize,
    events: VecDeque<Arc<Event>>,
    last: i64,
}

impl Cleared {
    /// As clients see it.
    #[must_use]
    pub fn refusal(self, index: i64) -> Refusal {
        Refusal {
            code: Code::Cleared,
            cause: format!(
                "the requested history has been cleared [{}/{}]",
                self.oldest, self.asked
            ),
            index,
        }
    }
}

impl<T> Hub<T> {
    /// No watchers, and no history before `last`.
    #[must_use]
    pub fn new(last: i64) -> Self {
        Self {
            watchers: BTreeMap::new(),
            len: 0,
            events: VecDeque::new(),
            last,
        }
    }

    /// The index of the youngest event.
    #[must_use]
    pub fn last(&self) -> i64 {
        self.last
    }

    /// How many watchers wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The first event of the past that `watch` asks for.
    ///
    /// # Errors
    /// When there may have been one that is forgotten.
    pub fn past(&self, watch: &Watch) -> Result<Option<&Arc<Event>>, Cleared> {
        let Some(oldest) = self.events.front() else {
            return Ok(None);
        };
        // Before the very first event there is nothing that could be missed.
        if watch.since < oldest.index && self.events.len() >= HISTORY_MAX {
            return Err(Cleared {
                oldest: oldest.index,
                asked: watch.since,
            });
        }
        let from = usize::try_from(watch.since - oldest.index).unwrap_or(0);
        Ok(self.events.iter().skip(from).find(|event| in_past(event, watch)))
    }

    /// Somebody waits from now on.
    pub fn insert(&mut self, watch: Watch, watcher: T) {
        self.watchers
            .entry(watch.path.clone())
            .or_default()
            .push((watch, watcher));
        self.len += 1;
    }

    /// The watchers of a path that `are` meant wait no more; `false` if there was none.
    pub fn remove(&mut self, path: &Path, are: impl Fn(&T) -> bool) -> bool {
        let Some(here) = self.watchers.get_mut(path) else {
            return false;
        };
        let before = here.len();
        here.retain(|(_, watcher)| !are(watcher));
        let removed = before - here.len();
        if here.is_empty() {
            self.watchers.remove(path);
        }
        self.len -= removed;
        removed > 0
    }

    /// Something happened: calls `tell` for everybody who waits for it, once each. `was` answers whether there was a node at
    /// a path in what was deleted.
    pub fn publish(
        &mut self,
        event: &Arc<Event>,
        was: impl Fn(&Path) -> bool,
        mut tell: impl FnMut(&Watch, &T),
    ) {
        self.last = event.index;
        self.events.push_back(event.clone());
        if self.events.len() > HISTORY_MAX {
            self.events.pop_front();
        }
        if event.refresh {
            return;
        }
        let path = &event.node.path;
        if ends_a_directory(event) {
            let below = (Bound::Excluded(path.clone()), Bound::Unbounded);
            for (watched, here) in self.watchers.range(below) {
                if !watched.bytes().starts_with(path.bytes()) {
                    break;
                }
                if watched.is_below(path) && was(watched) {
                    notify(here, event, |_| true, &mut tell);
                }
            }
        }
        for watched in path.upwards().chain([Path::root()]) {
            let Some(here) = self.watchers.get(&watched) else {
                continue;
            };
            let itself = watched == *path;
            if itself || !hidden_from(&watched, path) {
                notify(here, event, |watch| itself || watch.recursive, &mut tell);
            }
        }
    }
}

fn notify<T>(
    here: &[(Watch, T)],
    event: &Arc<Event>,
    wants: impl Fn(&Watch) -> bool,
    tell: &mut impl FnMut(&Watch, &T),
) {
    for (watch, watcher) in here {
        if event.index >= watch.since && wants(watch) {
            tell(watch, watcher);
        }
    }
}

fn ends_a_directory(event: &Event) -> bool {
    let ends = match event.action {
        Action::Delete | Action::Expire => true,
        Action::Create | Action::Set | Action::Update | Action::CompareAndSwap | Action::CompareAndDelete => {
            false
        }
    };
    ends && event.node.dir
}

fn in_past(event: &Event, watch: &Watch) -> bool {
    let path = &event.node.path;
    !event.refresh
        && (*path == watch.path
            || watch.recursive && path.is_below(&watch.path)
            || ends_a_directory(event) && watch.path.is_below(path))
}

/// Whether a part of `path` below `watched` begins with an underscore.
fn hidden_from(watched: &Path, path: &Path) -> bool {
    path.upwards()
        .take_while(|above| above != watched)
        .any(|part| part.is_hidden())
}

#[cfg(test)]
mod tests {
    use super::super::node::Node;
    use super::*;

    fn path(text: &str) -> Path {
        Path::new(text.as_bytes()).expect("a short path")
    }

    fn event(index: i64, action: Action, at: &str, dir: bool) -> Arc<Event> {
        let mut node = Node::directory(path(at), index, None);
        node.dir = dir;
        Arc::new(Event {
            index,
            action,
            refresh: false,
            at_unix_ms: 0,
            node: node.clone(),
            prev: Some(node),
        })
    }

    fn watch(at: &str, recursive: bool, since: i64) -> Watch {
        Watch {
            path: path(at),
            recursive,
            since,
        }
    }

    fn told(hub: &mut Hub<&'static str>, event: &Arc<Event>) -> Vec<&'static str> {
        let mut told = Vec::new();
        hub.publish(event, |_| true, |_, watcher| told.push(*watcher));
        told.sort_unstable();
        told
    }

    /// Watchers are told of their node, recursive ones of what is in it, and nobody of what is hidden below his place.
    #[test]
    fn who_is_told() {
        let mut hub = Hub::new(1);
        hub.insert(watch("/", true, 0), "root");
        hub.insert(watch("/d", false, 0), "d");
        hub.insert(watch("/d", true, 0), "d..");
        hub.insert(watch("/d/x", false, 0), "d/x");
        hub.insert(watch("/d/_h", false, 0), "d/_h");
        hub.insert(watch("/d/x", false, 100), "later");
        let mut told = |index, action, at, dir| told(&mut hub, &event(index, action, at, dir));
        assert_eq!(told(2, Action::Set, "/d/x", false), ["d..", "d/x", "root"]);
        assert_eq!(told(3, Action::Set, "/d/_h", false), ["d/_h"]);
        assert_eq!(told(4, Action::Set, "/d/_h/y", false), [""; 0]);
        assert_eq!(
            told(5, Action::Delete, "/d", true),
            ["d", "d..", "d/_h", "d/x", "root"]
        );
        assert_eq!(told(6, Action::Set, "/dx", false), ["root"]);
        assert_eq!(hub.len(), 6);
        assert!(hub.remove(&path("/d"), |it| *it == "d") && !hub.remove(&path("/d"), |it| *it == "d"));
        assert_eq!(hub.len(), 5);
    }

    /// History holds a thousand events; what may have been missed is an error, and before the first nothing can be missed.
    #[test]
    fn a_thousand_events_are_known() {
        let mut hub: Hub<u8> = Hub::new(1);
        assert_eq!(hub.past(&watch("/a", false, 1)), Ok(None));
        for index in 2..=1001 {
            hub.publish(&event(index, Action::Set, "/a", false), |_| true, |_, _| {});
        }
        let index = |since| {
            hub.past(&watch("/a", false, since))
                .map(|event| event.map(|event| event.index))
        };
        assert_eq!(index(2), Ok(Some(2)));
        assert_eq!(index(1001), Ok(Some(1001)));
        assert_eq!(index(1002), Ok(None));
        assert_eq!(index(1), Err(Cleared { oldest: 2, asked: 1 }));
    }
}
