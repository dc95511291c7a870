//! The tree against the standard library's, with enough keys for all three levels.

use std::collections::BTreeMap;

use koinon_base::Rng;

use super::{Index, Spot, fences};
use crate::history::Mark;
use crate::request::{Keys, LeaseId};

fn mark(main: i64, version: i64) -> Mark {
    Mark {
        main,
        create: version,
        version,
        lease: LeaseId::NONE,
        sub: 0,
        value_len: 0,
    }
}

/// Keys that share beginnings of every length, end within each other, and come scattered or in order.
fn key(nth: usize) -> Vec<u8> {
    match nth % 4 {
        0 => format!("/registry/pods/default/pod-{:08}", nth / 4).into_bytes(),
        1 => nth.to_be_bytes()[5..].to_vec(),
        2 => [
            b"\xff\xff\0".repeat(nth % 7),
            (nth / 28).to_be_bytes()[6..].to_vec(),
        ]
        .concat(),
        _ => vec![b'a'; nth % 257 + 1],
    }
}

/// What the whole tree promises.
fn check(index: &Index) {
    let mut present = 0;
    let mut last: Option<Vec<u8>> = None;
    for (nth, branch) in index.branches.iter().enumerate() {
        assert_eq!(branch.fences.low(0), index.fences.low(nth));
        assert_eq!(
            branch.present,
            branch.leaves.iter().map(|leaf| leaf.present).sum::<usize>()
        );
        present += branch.present;
        for (leaf, it) in branch.leaves.iter().enumerate() {
            let spot = Spot { branch: nth, leaf };
            let exist = it
                .entries()
                .iter()
                .filter(|entry| entry.history.present().is_some());
            assert_eq!(it.present, exist.count());
            for entry in it.entries() {
                assert!(
                    last.as_deref().is_none_or(|last| last < entry.bytes()),
                    "keys ascend"
                );
                assert!(
                    branch.fences.low(leaf) <= entry.bytes(),
                    "no key is before its leaf"
                );
                assert!(
                    index.end(spot).is_none_or(|end| entry.bytes() < end),
                    "or after it"
                );
                assert_eq!(index.spot(entry.bytes()), spot, "a key is found where it is");
                last = Some(entry.bytes().to_vec());
            }
        }
    }
    assert_eq!(index.present(), present);
}

fn agree(index: &Index, model: &BTreeMap<Vec<u8>, i64>, rng: &mut Rng, keys: usize) {
    let some = |rng: &mut Rng| key(rng.below(keys));
    for _ in 0..12 {
        let (first, end) = (some(rng), some(rng));
        let found = index
            .get(&first)
            .and_then(|history| history.present())
            .map(|mark| mark.main);
        assert_eq!(found, model.get(&first).copied().filter(|main| *main > 0));
        let range = if rng.below(4) == 0 {
            Keys::From(first.clone().into())
        } else {
            Keys::Between(first.clone().into(), end.clone().into())
        };
        let expected: Vec<&Vec<u8>> = model
            .iter()
            .filter(|(key, main)| range.contain(key) && **main > 0)
            .map(|(key, _)| key)
            .collect();
        let (mut seen, mut place, mut counted) = (Vec::new(), None, None);
        loop {
            let piece = 1 + rng.below(300);
            place = index.scan(&range, place.as_deref(), piece, |key, history| {
                if history.present().is_some() {
                    seen.push(key.to_vec());
                }
            });
            // What was seen and what is counted after it are always all.
            let rest = place
                .as_deref()
                .map_or(0, |place: &[u8]| index.count(&range, Some(place)));
            assert_eq!(*counted.get_or_insert(seen.len() + rest), seen.len() + rest);
            if place.is_none() {
                break;
            }
        }
        assert_eq!(seen.iter().collect::<Vec<_>>(), expected);
        assert_eq!(index.count(&range, None), expected.len());
    }
}

/// Through growing, shrinking to nothing and growing again the tree finds, walks and counts as a plain map does.
#[test]
fn the_tree_is_an_ordered_map() {
    for (seed, keys) in [(1, 60), (2, 3_000), (3, 20_000)] {
        let mut rng = Rng::from_seed(seed);
        let (mut index, mut model, mut main) = (Index::default(), BTreeMap::new(), 1);
        for round in 0..6 {
            let deletes_in_ten = [1, 1, 5, 10, 0, 9][round];
            let in_order = round % 2 == 0;
            for step in 0..keys {
                let key = key(if in_order { step } else { rng.below(keys) });
                main += 1;
                let lives = model.get(&key).is_some_and(|main| *main > 0);
                if rng.below(10) < deletes_in_ten {
                    if lives {
                        index.push(&key, mark(main, 0));
                        model.insert(key, -main);
                    }
                } else {
                    index.push(&key, mark(main, 1));
                    model.insert(key, main);
                }
            }
            check(&index);
            agree(&index, &model, &mut rng, keys);
            compact(&mut index, &mut model, main + 1);
            check(&index);
            agree(&index, &model, &mut rng, keys);
        }
    }
}

fn compact(index: &mut Index, model: &mut BTreeMap<Vec<u8>, i64>, floor: i64) {
    let (mut place, mut removed) = (None, Vec::new());
    loop {
        place = index.compact(place.as_deref(), 100, floor, &mut removed);
        if place.is_none() {
            break;
        }
    }
    model.retain(|_, main| *main > 0);
    let left: usize = index
        .branches
        .iter()
        .flat_map(|branch| &branch.leaves)
        .map(|leaf| leaf.entries().len())
        .sum();
    assert_eq!(left, model.len(), "deleted keys are gone");
    assert_eq!(index.present(), model.len());
}

/// A tree that was emptied is small again.
#[test]
fn an_emptied_tree_is_small() {
    let mut index = Index::default();
    for nth in 0..100_000_i64 {
        index.push(&nth.to_be_bytes(), mark(nth + 2, 1));
    }
    let full: usize = index.branches.iter().map(|branch| branch.leaves.len()).sum();
    assert!(
        full <= 100_000 / 31,
        "keys that come in order fill their leaves: {full}"
    );
    for nth in 0..100_000_i64 {
        index.push(&nth.to_be_bytes(), mark(nth + 200_000, 0));
    }
    let mut model = BTreeMap::new();
    compact(&mut index, &mut model, i64::MAX);
    compact(&mut index, &mut model, i64::MAX);
    let left: usize = index.branches.iter().map(|branch| branch.leaves.len()).sum();
    assert!(left <= 2, "{left} leaves");
}

/// Heads order as keys do, and never tell apart what is equal up to them.
#[test]
fn heads_order_as_keys_do() {
    let keys: [&[u8]; 8] = [
        b"",
        b"\0",
        b"a",
        b"a\0",
        b"a\0\0\0\0\0\0\0\0",
        b"aaaaaaaa",
        b"aaaaaaaab",
        b"b",
    ];
    for (a, b) in keys.iter().zip(&keys[1..]) {
        assert!(fences::head(a, 0) <= fences::head(b, 0), "{a:?} {b:?}");
    }
    assert_eq!(fences::head(b"abcdefghij", 2), fences::head(b"xxcdefghij", 2));
    assert_eq!(fences::shared(b"abcdefghij", b"abcdefghik"), 9);
    assert_eq!(fences::shared(b"abc", b"abcdefghik"), 3);
}
