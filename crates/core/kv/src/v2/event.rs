//! What a change did. As bytes, in the record of its index: version u8 | action u8 | refresh u8 | when i64 | path | node |
//! whether there was one before u8 | node before. Path and nodes after their lengths (u32); numbers are little-endian.

use bytes::{Buf, BufMut, Bytes};

use super::node::Node;
use super::path::Path;

const VERSION: u8 = 1;
const HEAD: usize = 1 + 1 + 1 + 8;

/// What kind of change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Made what was not there.
    Create,
    /// Made or replaced.
    Set,
    /// Changed what was there.
    Update,
    /// Deleted.
    Delete,
    /// Changed what was as expected.
    CompareAndSwap,
    /// Deleted what was as expected.
    CompareAndDelete,
    /// Its time was over.
    Expire,
}

/// A change that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its index.
    pub index: i64,
    /// What kind.
    pub action: Action,
    /// Only a time to live was changed, and watchers are not to be told.
    pub refresh: bool,
    /// When, in milliseconds since 1970, by the clock of whoever proposed it. Times to live in it are reckoned from here.
    pub at_unix_ms: i64,
    /// What is there now, or was deleted.
    pub node: Node,
    /// What was there before.
    pub prev: Option<Node>,
}

const ACTIONS: [(Action, u8, &str); 7] = [
    (Action::Create, 1, "create"),
    (Action::Set, 2, "set"),
    (Action::Update, 3, "update"),
    (Action::Delete, 4, "delete"),
    (Action::CompareAndSwap, 5, "compareAndSwap"),
    (Action::CompareAndDelete, 6, "compareAndDelete"),
    (Action::Expire, 7, "expire"),
];

impl Action {
    /// As etcd calls it.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().2
    }

    fn row(self) -> (Self, u8, &'static str) {
        let [first, ..] = ACTIONS;
        ACTIONS
            .into_iter()
            .find(|(action, ..)| *action == self)
            .unwrap_or(first)
    }
}

impl Event {
    /// Whether it made a node where there was none.
    #[must_use]
    pub fn created(&self) -> bool {
        match self.action {
            Action::Create => true,
            Action::Set => self.prev.is_none(),
            Action::Update
            | Action::Delete
            | Action::CompareAndSwap
            | Action::CompareAndDelete
            | Action::Expire => false,
        }
    }

    pub(super) fn encode(&self) -> Bytes {
        let mut out = Vec::new();
        out.put_u8(VERSION);
        out.put_u8(self.action.row().1);
        out.put_u8(u8::from(self.refresh));
        out.put_i64_le(self.at_unix_ms);
        piece(&mut out, |out| out.extend_from_slice(self.node.path.bytes()));
        piece(&mut out, |out| self.node.encode(out));
        if let Some(prev) = &self.prev {
            piece(&mut out, |out| prev.encode(out));
        }
        out.into()
    }

    /// The event that `bytes` are; `None` if they are none.
    pub(super) fn decode(index: i64, mut bytes: Bytes) -> Option<Self> {
        if bytes.len() < HEAD || bytes.get_u8() != VERSION {
            return None;
        }
        let number = bytes.get_u8();
        let (action, ..) = ACTIONS.into_iter().find(|(_, known, _)| *known == number)?;
        let refresh = bytes.get_u8() == 1;
        let at_unix_ms = bytes.get_i64_le();
        let path = Path::new(&take(&mut bytes)?).ok()?;
        let node = Node::decode(path.clone(), take(&mut bytes)?)?;
        let prev = if bytes.is_empty() {
            None
        } else {
            Some(Node::decode(path, take(&mut bytes)?)?)
        };
        bytes.is_empty().then_some(Self {
            index,
            action,
            refresh,
            at_unix_ms,
            node,
            prev,
        })
    }
}

fn piece(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let at = out.len();
    out.put_u32_le(0);
    write(out);
    let len = u32::try_from(out.len() - at - 4).unwrap_or(u32::MAX);
    if let Some(place) = out.get_mut(at..at + 4) {
        place.copy_from_slice(&len.to_le_bytes());
    }
}

fn take(bytes: &mut Bytes) -> Option<Bytes> {
    if bytes.len() < 4 {
        return None;
    }
    let len = bytes.get_u32_le() as usize;
    (len <= bytes.len()).then(|| bytes.split_to(len))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every kind of event is read as it was written, and no beginning of one is taken for an event.
    #[test]
    fn what_is_written_is_read() {
        let path = Path::new(b"/a/b").expect("a short path");
        for (action, ..) in ACTIONS {
            let node = Node {
                path: path.clone(),
                dir: false,
                value: Some(Bytes::from_static(b"value")),
                created: 3,
                modified: 9,
                expires_unix_ms: Some(77),
            };
            let prev = (action != Action::Create).then(|| Node::directory(path.clone(), 3, None));
            let event = Event {
                index: 9,
                action,
                refresh: action == Action::Update,
                at_unix_ms: -5,
                node,
                prev,
            };
            let bytes = event.encode();
            assert_eq!(Event::decode(9, bytes.clone()), Some(event));
            for end in 0..bytes.len() {
                let cut = Event::decode(9, bytes.slice(..end));
                // Without what was before, it is an event of its own.
                assert!(
                    cut.is_none_or(|cut| cut.prev.is_none() && action != Action::Create),
                    "cut at {end}"
                );
            }
        }
    }
}
