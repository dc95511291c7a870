//! The tree beside a naive one: nested maps, changed as etcd changes its own.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::select;

use super::*;

/// What the naive tree knows of a node: its value if it is a file, created, modified, and when it expires.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Kept {
    value: Option<String>,
    created: i64,
    modified: i64,
    expires: Option<i64>,
}

#[derive(Debug, Default)]
struct Naive {
    nodes: BTreeMap<String, Kept>,
    index: i64,
}

impl Naive {
    fn is_dir(&self, path: &str) -> bool {
        path.is_empty() || self.nodes.get(path).is_some_and(|node| node.value.is_none())
    }

    fn above(path: &str) -> Vec<&str> {
        path.match_indices('/')
            .skip(1)
            .map(|(at, _)| &path[..at])
            .collect()
    }

    /// etcd's walk: 104 at a file in the way, 100 at the first part that is missing.
    fn find(&self, path: &str) -> Result<Kept, u16> {
        for above in Self::above(path) {
            match self.nodes.get(above) {
                None => return Err(100),
                Some(node) if node.value.is_some() => return Err(104),
                Some(_) => {}
            }
        }
        self.nodes.get(path).cloned().ok_or(100)
    }

    fn remove(&mut self, path: &str) {
        let inside = format!("{path}/");
        self.nodes
            .retain(|other, _| other != path && !other.starts_with(&inside));
    }

    fn make(
        &mut self,
        path: &str,
        value: Option<String>,
        expires: Option<i64>,
        replace: bool,
    ) -> Result<(), u16> {
        if let Some(file) = Self::above(path)
            .into_iter()
            .find(|above| self.nodes.contains_key(*above) && !self.is_dir(above))
        {
            let _ = file;
            return Err(104);
        }
        match self.nodes.get(path) {
            Some(_) if !replace => return Err(105),
            Some(node) if node.value.is_none() => return Err(102),
            Some(_) | None => {}
        }
        self.index += 1;
        let node = |value, expires| Kept {
            value,
            created: self.index,
            modified: self.index,
            expires,
        };
        for above in Self::above(path) {
            self.nodes
                .entry(above.to_owned())
                .or_insert_with(|| node(None, None));
        }
        let made = node(value, expires);
        self.nodes.insert(path.to_owned(), made);
        Ok(())
    }

    #[allow(
        clippy::too_many_lines,
        reason = "a model reads best in one piece, rule by rule"
    )]
    fn apply(&mut self, change: &Change, now: i64) -> Result<(), u16> {
        let at = change.path().text();
        let text = |value: &Bytes| String::from_utf8_lossy(value).into_owned();
        match change {
            Change::Set {
                dir,
                value,
                expires_unix_ms,
                refresh,
                ..
            } => {
                let mut value = text(value);
                match self.find(&at) {
                    Ok(node) if *refresh => value = node.value.unwrap_or_default(),
                    Err(code) if *refresh || code != 100 => return Err(code),
                    Ok(_) | Err(_) => {}
                }
                self.make(&at, (!dir).then_some(value), *expires_unix_ms, true)
            }
            Change::Create {
                in_order,
                dir,
                value,
                expires_unix_ms,
                ..
            } => {
                let at = if *in_order {
                    format!("{at}/{:020}", self.index + 1)
                } else {
                    at
                };
                self.make(&at, (!dir).then(|| text(value)), *expires_unix_ms, false)
            }
            Change::Update {
                value,
                expires_unix_ms,
                refresh,
                ..
            } => {
                let node = self.find(&at)?;
                if node.value.is_none() && !value.is_empty() {
                    return Err(102);
                }
                self.change(&at, (!refresh).then(|| text(value)), *expires_unix_ms);
                Ok(())
            }
            Change::CompareAndSwap {
                expect,
                value,
                expires_unix_ms,
                refresh,
                ..
            } => {
                self.expected(&at, expect)?;
                self.change(&at, (!refresh).then(|| text(value)), *expires_unix_ms);
                Ok(())
            }
            Change::Delete { dir, recursive, .. } => {
                let node = self.find(&at)?;
                let full = self
                    .nodes
                    .keys()
                    .any(|other| other.starts_with(&format!("{at}/")));
                match node.value {
                    None if !dir && !recursive => return Err(102),
                    None if full && !recursive => return Err(108),
                    None | Some(_) => {}
                }
                self.index += 1;
                self.remove(&at);
                Ok(())
            }
            Change::CompareAndDelete { expect, .. } => {
                self.expected(&at, expect)?;
                self.index += 1;
                self.remove(&at);
                Ok(())
            }
            Change::Expire { .. } => {
                let node = self.find(&at)?;
                if node.expires.is_none_or(|expires| expires > now) {
                    return Err(101);
                }
                self.index += 1;
                self.remove(&at);
                Ok(())
            }
        }
    }

    fn expected(&self, at: &str, expect: &Expect) -> Result<(), u16> {
        let node = self.find(at)?;
        let Some(value) = node.value else { return Err(102) };
        let same = (expect.value.is_empty() || expect.value == value)
            && (expect.index == 0 || i64::try_from(expect.index) == Ok(node.modified));
        if same { Ok(()) } else { Err(101) }
    }

    fn change(&mut self, at: &str, value: Option<String>, expires: Option<i64>) {
        self.index += 1;
        let node = self.nodes.get_mut(at).unwrap();
        node.expires = expires;
        if let Some(there) = &mut node.value {
            node.modified = self.index;
            if let Some(value) = value {
                *there = value;
            }
        }
    }
}

fn number(error: &KvError) -> u16 {
    let KvError::V2(refusal) = error else {
        panic!("{error}")
    };
    refusal.code.number()
}

fn change() -> impl Strategy<Value = Change> {
    let at = select(vec![
        "/a", "/a/b", "/a/b/c", "/a/_h", "/b", "/b/a", "/ab", "/a/b/c/d",
    ]);
    let text = select(vec!["", "x", "y"]);
    let time = prop_oneof![3 => Just(None), 1 => (1..60_i64).prop_map(|at| Some(at * 1_000))];
    let expect = (text.clone(), 0..6_u64).prop_map(|(text, index)| Expect {
        value: value(text),
        index,
    });
    (
        0..8_u8,
        at,
        text,
        time,
        expect,
        any::<bool>(),
        any::<bool>(),
        0..5_u8,
    )
        .prop_map(|(kind, at, text, expires_unix_ms, expect, dir, flag, seldom)| {
            let (path, value) = (path(at), value(text));
            let refresh = seldom == 0;
            match kind {
                0 | 1 => Change::Set {
                    path,
                    dir: dir && flag,
                    value,
                    expires_unix_ms,
                    refresh,
                },
                2 => Change::Create {
                    path,
                    in_order: flag,
                    dir,
                    value,
                    expires_unix_ms,
                },
                3 => Change::Update {
                    path,
                    value,
                    expires_unix_ms,
                    refresh,
                },
                4 => Change::CompareAndSwap {
                    path,
                    expect,
                    value,
                    expires_unix_ms,
                    refresh,
                },
                5 => Change::Delete {
                    path,
                    dir,
                    recursive: seldom == 0,
                },
                6 => Change::CompareAndDelete { path, expect },
                _ => Change::Expire { path },
            }
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever is asked in whatever order, the tree answers and stands as the naive one; what expires is due exactly then; and a
    /// change is the same after it was a log entry.
    #[test]
    fn it_stands_as_a_naive_tree(changes in prop::collection::vec((change(), 0..3_000_i64), 1..60)) {
        let mut told = Told::new();
        let mut naive = Naive { index: told.index(), ..Naive::default() };
        for (change, later) in changes {
            told.now_unix_ms += later;
            let command = Command::V2 { space: TREE, now_unix_ms: told.now_unix_ms, change: change.clone() };
            let mut bytes = Vec::new();
            command.encode(&mut bytes);
            prop_assert_eq!(Command::decode(bytes.into()).unwrap(), command);

            let wanted = naive.apply(&change, told.now_unix_ms);
            let got = told.change(change.clone()).map(drop).map_err(|error| number(&error));
            prop_assert_eq!(got, wanted, "{:?}", change);
            prop_assert_eq!(told.index(), naive.index);
        }
        let space = told.driven.machine.space(TREE).unwrap();
        for (at, wanted) in &naive.nodes {
            let node = space.v2_node(&path(at), &told.driven.kept).unwrap();
            let got = Kept {
                value: node.value.map(|value| String::from_utf8_lossy(&value).into_owned()),
                created: node.created,
                modified: node.modified,
                expires: node.expires_unix_ms,
            };
            prop_assert_eq!(&got, wanted, "{}", at);
        }
        let seen = naive.nodes.keys().filter(|path| !path.contains("/_"));
        prop_assert_eq!(told.listed().len(), seen.count());
        told.now_unix_ms = i64::MAX - 1;
        let mut due = told.due();
        due.sort();
        let expiring: Vec<_> = naive.nodes.iter().filter(|(_, node)| node.expires.is_some()).map(|(at, _)| at.clone()).collect();
        prop_assert_eq!(due, expiring);
    }
}
