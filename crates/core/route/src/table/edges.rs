//! The steps of a tree, each from a node by a text to the next node, laid out for reading.
//!
//! All nodes share one table, and all texts lie in one piece of memory, so a step reads two places of a small
//! region however many routes there are. (A map for each node costs four, scattered over the heap.) The table is open:
//! an edge stands in the first free slot from where its hash points to. Only who writes routes chooses what is in it,
//! and because services name routes too, its hash has a key of its own.
//!
//! Invariant: a quarter of the slots is empty, so a look-up soon meets one and ends.

use std::hash::{BuildHasher, RandomState};
use std::num::NonZeroU32;

/// All steps of one tree.
#[derive(Default)]
pub(super) struct Edges {
    /// None, or a power of two of them.
    slots: Box<[Option<Edge>]>,
    used: usize,
    texts: Vec<u8>,
    key: RandomState,
}

#[derive(Clone, Copy)]
struct Edge {
    /// Part of its hash: tells nearly all others apart before a text is read.
    tag: u32,
    from: u32,
    text_at: u32,
    text_len: u32,
    to: NonZeroU32,
}

impl Edges {
    /// Where `text` leads to from `from`.
    pub(super) fn get(&self, from: u32, text: &[u8]) -> Option<NonZeroU32> {
        let hash = self.hash(from, text);
        let is_it = |edge: &Edge| edge.tag == tag(hash) && edge.from == from && self.text(*edge) == text;
        self.probe(hash)
            .map_while(|slot| self.slots[slot])
            .find(is_it)
            .map(|edge| edge.to)
    }

    /// Lets `text` lead from `from`, where it leads nowhere yet, to `to`; `None` when the tree is full.
    pub(super) fn add(&mut self, from: u32, text: &[u8], to: NonZeroU32) -> Option<()> {
        let hash = self.hash(from, text);
        let edge = Edge {
            tag: tag(hash),
            from,
            text_at: u32::try_from(self.texts.len()).ok()?,
            text_len: u32::try_from(text.len()).ok()?,
            to,
        };
        self.texts.extend_from_slice(text);
        if self.used >= self.slots.len() / 4 * 3 {
            self.grow();
        }
        self.put(hash, edge);
        self.used += 1;
        Some(())
    }

    fn grow(&mut self) {
        let len = (self.slots.len() * 2).max(8);
        let old = std::mem::replace(&mut self.slots, vec![None; len].into());
        for edge in old.into_iter().flatten() {
            let hash = self.hash(edge.from, self.text(edge));
            self.put(hash, edge);
        }
    }

    fn put(&mut self, hash: u64, edge: Edge) {
        let free = self.probe(hash).find(|slot| self.slots[*slot].is_none());
        if let Some(slot) = free {
            self.slots[slot] = Some(edge);
        }
    }

    /// All slots once, from where `hash` points to.
    fn probe(&self, hash: u64) -> impl Iterator<Item = usize> + use<> {
        let len = self.slots.len();
        let first = hash as usize;
        (0..len).map(move |step| first.wrapping_add(step) & (len - 1))
    }

    fn text(&self, edge: Edge) -> &[u8] {
        let at = edge.text_at as usize;
        &self.texts[at..at + edge.text_len as usize]
    }

    fn hash(&self, from: u32, text: &[u8]) -> u64 {
        self.key.hash_one((from, text))
    }
}

/// The upper half; the lower one chooses the slot.
fn tag(hash: u64) -> u32 {
    (hash >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::Edges;
    use std::collections::HashMap;
    use std::num::NonZeroU32;

    #[test]
    fn a_step_is_found_from_its_own_node_only() {
        // protects: no edge is lost while the table grows, and a text leads nowhere from a node that does not have it
        let (mut edges, mut known) = (Edges::default(), HashMap::new());
        assert_eq!(edges.get(0, b""), None);
        for at in 1..5_000_u32 {
            let (from, text) = (at % 7, format!("{}", at / 5));
            if known.contains_key(&(from, text.clone())) {
                continue;
            }
            let to = NonZeroU32::new(at).unwrap();
            edges.add(from, text.as_bytes(), to).unwrap();
            known.insert((from, text), to);
        }
        for from in 0..8 {
            for number in 0..1_001 {
                let text = format!("{number}");
                let expected = known.get(&(from, text.clone())).copied();
                assert_eq!(edges.get(from, text.as_bytes()), expected, "{from} {text}");
            }
        }
    }
}
