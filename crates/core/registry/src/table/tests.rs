//! The table against the standard library's, and what its copies and its shape must be.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone)]
enum Step {
    Insert(u16, u32),
    Change(u16, u32),
    Remove(u16),
    /// Removes what a mass leave would: everything from the key on, this many.
    RemoveRun(u16, u16),
    Copy,
}

fn step() -> impl Strategy<Value = Step> {
    let key = || 0..600_u16;
    prop_oneof![
        8 => (key(), any::<u32>()).prop_map(|(key, value)| Step::Insert(key, value)),
        2 => (key(), any::<u32>()).prop_map(|(key, value)| Step::Change(key, value)),
        3 => key().prop_map(Step::Remove),
        1 => (key(), 0..200_u16).prop_map(|(key, count)| Step::RemoveRun(key, count)),
        1 => Just(Step::Copy),
    ]
}

type Model = BTreeMap<u16, u32>;

fn take(table: &mut Table<u16, u32>, model: &mut Model, step: &Step) {
    match step {
        Step::Insert(key, value) => assert_eq!(table.insert(*key, *value), model.insert(*key, *value)),
        Step::Change(key, value) => {
            let (ours, theirs) = (table.get_mut(key), model.get_mut(key));
            assert_eq!(ours.is_some(), theirs.is_some());
            ours.into_iter().chain(theirs).for_each(|held| *held = *value);
        }
        Step::Remove(key) => assert_eq!(table.remove(key), model.remove(key)),
        Step::RemoveRun(from, count) => {
            for key in *from..from.saturating_add(*count) {
                assert_eq!(table.remove(&key), model.remove(&key));
            }
        }
        Step::Copy => {}
    }
}

fn same(table: &Table<u16, u32>, model: &Model) -> bool {
    table.len() == model.len()
        && table.iter().len() == model.len()
        && table.iter().eq(model.iter())
        && (0..600).all(|key| table.get(&key) == model.get(&key))
}

/// How deep the leaves are, if the node and all below it are as the invariants say.
fn depth(node: &Node<u16, u32>, is_root: bool) -> Option<usize> {
    let len_is_good = (is_root || node.len() > 0) && node.len() <= NODE_LEN_MAX;
    if !len_is_good {
        return None;
    }
    let Node::Branch(children) = node else {
        return Some(1);
    };
    let depths: Vec<_> = children.iter().map(|(_, child)| depth(child, false)).collect();
    let keys_are_good = children.iter().all(|(key, child)| Some(key) <= child.lowest())
        && children.windows(2).all(|two| highest(&two[0].1) < two[1].0);
    let first = *depths.first()?;
    (keys_are_good && depths.iter().all(|depth| *depth == first)).then_some(first? + 1)
}

fn highest(node: &Node<u16, u32>) -> u16 {
    match node {
        Node::Leaf(entries) => entries.last().map_or(0, |(key, _)| *key),
        Node::Branch(children) => children.last().map_or(0, |(_, child)| highest(child)),
    }
}

proptest! {
    /// Whatever is done to it, the table holds what a map would, in its order, and stays a sound tree.
    #[test]
    fn it_is_a_map(steps in prop::collection::vec(step(), 1..1_500)) {
        let (mut table, mut model) = (Table::default(), Model::new());
        for step in &steps {
            take(&mut table, &mut model, step);
        }
        prop_assert!(same(&table, &model));
        prop_assert!(depth(&table.root, true).is_some(), "{:?}", table);
    }

    /// Nobody who holds a copy ever sees a later change: snapshots, kept answers and watchers rely on it.
    #[test]
    fn a_copy_stays_as_it_is(steps in prop::collection::vec(step(), 1..600)) {
        let (mut table, mut model) = (Table::default(), Model::new());
        let mut copies = Vec::new();
        for step in &steps {
            if matches!(step, Step::Copy) {
                copies.push((table.clone(), model.clone()));
            }
            take(&mut table, &mut model, step);
        }
        prop_assert!(copies.iter().all(|(table, model)| same(table, model)));
        prop_assert!(same(&table, &model));
    }
}

fn nodes(node: &Arc<Node<u16, u32>>, then: &mut impl FnMut(&Arc<Node<u16, u32>>)) {
    then(node);
    if let Node::Branch(children) = &**node {
        children.iter().for_each(|(_, child)| nodes(child, then));
    }
}

fn addresses(table: &Table<u16, u32>) -> Vec<*const Node<u16, u32>> {
    let mut all = Vec::new();
    nodes(&table.root, &mut |node| all.push(Arc::as_ptr(node)));
    all
}

/// What is copied under the lock while a snapshot is held must not grow with the table: a path, not all of it.
#[test]
fn a_change_beside_a_copy_copies_a_path() {
    let mut table = Table::default();
    for key in 0..60_000_u16 {
        table.insert(key.wrapping_mul(27_653), 0);
    }
    let copy = table.clone();
    let changed = [
        table.insert(30_001, 1),
        table.get_mut(&30_002).map(|value| std::mem::replace(value, 1)),
        table.remove(&30_003),
    ];
    assert!(changed.iter().flatten().eq(&[0, 0, 0]));
    let (before, after) = (addresses(&copy), addresses(&table));
    let copied = after.iter().filter(|address| !before.contains(address)).count();
    let depth = depth(&table.root, true).unwrap_or(0);
    assert!((3..=5).contains(&depth), "{depth}");
    assert!(
        (1..=depth * 3).contains(&copied),
        "{copied} of {} nodes",
        after.len()
    );
}

/// A service that was large once must not cost memory and steps for ever.
#[test]
fn what_shrinks_becomes_small() {
    let mut table = Table::default();
    for key in 0..10_000 {
        table.insert(key, 0);
    }
    for key in (0..10_000).filter(|key| key % 100 != 0) {
        table.remove(&key);
    }
    assert_eq!(table.len(), 100);
    assert!(addresses(&table).len() <= 100 / (MERGED_LEN_MAX / 2) + 4);
    for key in 0..10_000 {
        table.remove(&key);
    }
    assert!(table.is_empty() && matches!(&*table.root, Node::Leaf(none) if none.is_empty()));
}

/// Registering in order (a fleet that starts) must not leave half-empty nodes behind.
#[test]
fn what_is_filled_in_order_is_full() {
    let mut table = Table::default();
    for key in 0..3_200 {
        table.insert(key, 0);
    }
    assert!(addresses(&table).len() <= 3_200 / NODE_LEN_MAX + 6);
}
