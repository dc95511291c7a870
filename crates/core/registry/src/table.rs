//! An ordered table of which a copy costs nothing, and of which a change after that costs little.
//!
//! A B-tree whose nodes are shared: a copy counts one reference more, and whoever changes the table while a copy
//! exists copies the few nodes on the way to the entry, whatever the size of the table. So a reader may keep a
//! view of 100 000 instances for as long as it likes, and the writer, who holds the lock, never copies all of it.
//! Without a copy around it is changed in place.
//!
//! Invariant: all leaves are at the same depth; no node but the root is empty or holds more than `NODE_LEN_MAX`.
//! Invariant: in a branch, a key is at most every key in its child, and above every key in the child before.
//! Invariant: after a removal, the node and its neighbour have more than `MERGED_LEN_MAX` together, so that a table
//! that has shrunk is not left as a tall tree of nearly empty nodes.

use std::slice;
use std::sync::Arc;

/// The most entries or children of a node: a copied path of a large table is some four nodes of 32 pointers.
const NODE_LEN_MAX: usize = 32;

/// The most two neighbours may have together to become one. Well below `NODE_LEN_MAX`, so that one that comes and
/// goes does not make the same nodes merge and split for ever.
const MERGED_LEN_MAX: usize = 24;

const _: () = assert!(MERGED_LEN_MAX < NODE_LEN_MAX, "a merged node must have room");

/// A map in the order of its keys.
#[derive(Debug, Clone)]
pub struct Table<K, V> {
    root: Arc<Node<K, V>>,
    len: usize,
}

#[derive(Debug, Clone)]
enum Node<K, V> {
    Leaf(Vec<(K, V)>),
    Branch(Vec<(K, Arc<Self>)>),
}

impl<K: Ord + Clone, V: Clone> Table<K, V> {
    /// The value of `key`.
    #[must_use]
    pub fn get(&self, key: &K) -> Option<&V> {
        let mut node = &*self.root;
        loop {
            match node {
                Node::Leaf(entries) => return place(entries, key).ok().map(|at| &entries[at].1),
                Node::Branch(children) => node = &children[child_of(children, key)].1,
            }
        }
    }

    /// The value of `key`, to be changed.
    pub(crate) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.get(key)?; // so that nothing is copied for the sake of a key that is not there
        let mut node = Arc::make_mut(&mut self.root);
        loop {
            match node {
                Node::Leaf(entries) => return place(entries, key).ok().map(|at| &mut entries[at].1),
                Node::Branch(children) => {
                    let at = child_of(children, key);
                    node = Arc::make_mut(&mut children[at].1);
                }
            }
        }
    }

    /// Sets the value of `key` and gives back the one it had.
    pub(crate) fn insert(&mut self, key: K, value: V) -> Option<V> {
        let (old, upper) = Arc::make_mut(&mut self.root).insert(key, value);
        if let Some(upper) = upper {
            let lower = std::mem::take(&mut self.root);
            let lowest = lower.lowest().unwrap_or(&upper.0).clone();
            self.root = Arc::new(Node::Branch(vec![(lowest, lower), upper]));
        }
        self.len += usize::from(old.is_none());
        old
    }

    /// Removes `key` and gives back its value.
    pub(crate) fn remove(&mut self, key: &K) -> Option<V> {
        self.get(key)?;
        let removed = Arc::make_mut(&mut self.root).remove(key);
        self.len -= usize::from(removed.is_some());
        while let Some(only) = self.root.only_child() {
            self.root = only;
        }
        removed
    }
}

impl<K, V> Table<K, V> {
    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// All entries, in the order of their keys.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&K, &V)> {
        let mut all = Entries {
            branches: Vec::new(),
            leaf: [].iter(),
            left: self.len,
        };
        all.enter(&self.root);
        all
    }

    /// All values, in the order of their keys.
    pub fn values(&self) -> impl ExactSizeIterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self {
            root: Arc::default(),
            len: 0,
        }
    }
}

impl<K, V> Default for Node<K, V> {
    fn default() -> Self {
        Self::Leaf(Vec::new())
    }
}

/// The upper part of a node that had too many, with its lowest key.
type Upper<K, V> = Option<(K, Arc<Node<K, V>>)>;

impl<K: Ord + Clone, V: Clone> Node<K, V> {
    fn insert(&mut self, key: K, value: V) -> (Option<V>, Upper<K, V>) {
        match self {
            Self::Leaf(entries) => match place(entries, &key) {
                Ok(at) => (Some(std::mem::replace(&mut entries[at].1, value)), None),
                Err(at) => {
                    let upper = insert_at(entries, at, (key, value));
                    (
                        None,
                        upper.map(|(lowest, upper)| (lowest, Arc::new(Self::Leaf(upper)))),
                    )
                }
            },
            Self::Branch(children) => {
                let at = child_of(children, &key);
                let (lowest, child) = &mut children[at];
                if key < *lowest {
                    *lowest = key.clone();
                }
                let (old, upper) = Arc::make_mut(child).insert(key, value);
                let upper = upper.and_then(|upper| insert_at(children, at + 1, upper));
                (
                    old,
                    upper.map(|(lowest, upper)| (lowest, Arc::new(Self::Branch(upper)))),
                )
            }
        }
    }

    fn remove(&mut self, key: &K) -> Option<V> {
        match self {
            Self::Leaf(entries) => place(entries, key).ok().map(|at| entries.remove(at).1),
            Self::Branch(children) => {
                let at = child_of(children, key);
                let removed = Arc::make_mut(&mut children[at].1).remove(key);
                tidy(children, at);
                removed
            }
        }
    }

    fn lowest(&self) -> Option<&K> {
        match self {
            Self::Leaf(entries) => entries.first().map(|(key, _)| key),
            Self::Branch(children) => children.first().map(|(key, _)| key),
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Leaf(entries) => entries.len(),
            Self::Branch(children) => children.len(),
        }
    }

    fn only_child(&self) -> Option<Arc<Self>> {
        match self {
            Self::Branch(children) if children.len() == 1 => Some(Arc::clone(&children[0].1)),
            Self::Branch(_) | Self::Leaf(_) => None,
        }
    }

    fn append(&mut self, right: Self) {
        match (self, right) {
            (Self::Leaf(left), Self::Leaf(right)) => {
                left.reserve_exact(right.len());
                left.extend(right);
            }
            (Self::Branch(left), Self::Branch(right)) => {
                left.reserve_exact(right.len());
                left.extend(right);
            }
            (Self::Leaf(_), Self::Branch(_)) | (Self::Branch(_), Self::Leaf(_)) => {
                unreachable!("children of one branch are of one depth")
            }
        }
    }
}

/// Where `key` is, or belongs.
fn place<K: Ord, V>(entries: &[(K, V)], key: &K) -> Result<usize, usize> {
    entries.binary_search_by(|(held, _)| held.cmp(key))
}

/// Which child `key` belongs to. There is always one: a branch is never empty.
fn child_of<K: Ord, T>(children: &[(K, T)], key: &K) -> usize {
    children
        .partition_point(|(lowest, _)| lowest <= key)
        .saturating_sub(1)
}

/// Inserts, and cuts off the upper part when there are too many: half of it, or only the new one if that comes last,
/// so that what is filled in order ends up full.
fn insert_at<K: Clone, T>(items: &mut Vec<(K, T)>, at: usize, item: (K, T)) -> Option<(K, Vec<(K, T)>)> {
    let len = items.len();
    if len < NODE_LEN_MAX {
        if len == items.capacity() {
            // Not the vector's own doubling, which would go beyond what a node may hold.
            items.reserve_exact(len.clamp(1, NODE_LEN_MAX - len));
        }
        items.insert(at, item);
        return None;
    }
    let mut upper = items.split_off(if at == len { len } else { len / 2 });
    match at.checked_sub(items.len()) {
        Some(at) => upper.insert(at, item),
        None => items.insert(at, item),
    }
    let lowest = upper.first()?.0.clone();
    Some((lowest, upper))
}

/// After a removal in child `at`: drops it if it is empty, or makes it and a neighbour one.
fn tidy<K: Ord + Clone, V: Clone>(children: &mut Vec<(K, Arc<Node<K, V>>)>, at: usize) {
    if children[at].1.len() == 0 {
        children.remove(at);
        return;
    }
    let fits = |left: usize| match &children[left..] {
        [(_, left), (_, right), ..] => left.len() + right.len() <= MERGED_LEN_MAX,
        [_] | [] => false,
    };
    if let Some(left) = [at, at.saturating_sub(1)].into_iter().find(|left| fits(*left)) {
        let (_, right) = children.remove(left + 1);
        Arc::make_mut(&mut children[left].1).append(Arc::unwrap_or_clone(right));
    }
}

/// What is left of a branch.
type Children<'a, K, V> = slice::Iter<'a, (K, Arc<Node<K, V>>)>;

/// A walk over all entries: the branches on the way with what is left of them, and the leaf it is in.
struct Entries<'a, K, V> {
    branches: Vec<Children<'a, K, V>>,
    leaf: slice::Iter<'a, (K, V)>,
    left: usize,
}

impl<'a, K, V> Entries<'a, K, V> {
    /// Goes down to the first leaf of `node`.
    fn enter(&mut self, mut node: &'a Node<K, V>) {
        loop {
            match node {
                Node::Leaf(entries) => {
                    self.leaf = entries.iter();
                    return;
                }
                Node::Branch(children) => {
                    let mut children = children.iter();
                    let Some((_, first)) = children.next() else { return };
                    self.branches.push(children);
                    node = first;
                }
            }
        }
    }
}

impl<'a, K, V> Iterator for Entries<'a, K, V> {
    type Item = (&'a K, &'a V);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((key, value)) = self.leaf.next() {
                self.left -= 1;
                return Some((key, value));
            }
            match self.branches.last_mut()?.next() {
                Some((_, child)) => self.enter(child),
                None => drop(self.branches.pop()),
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<K, V> ExactSizeIterator for Entries<'_, K, V> {}

#[cfg(test)]
mod tests;
