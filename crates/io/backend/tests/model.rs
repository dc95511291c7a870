//! Random batches against a model: what goes in comes out, now, after opening again, and in views that were held.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use koinon_base::Rng;
use koinon_core_kv::{Revision, SpaceId};
use koinon_io_backend::{Applied, Backend, BackendError, Batch, View};
use proptest::prelude::*;
use support::{Model, SPACES, batch, open, sim, value};

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// Protects: records, figures, leases, notes and the applied index are what the batches made them; a held view stays
    /// as it was, whatever is committed after.
    #[test]
    fn what_goes_in_comes_out(seed in any::<u64>(), steps in proptest::collection::vec(0_u8..6, 1..25)) {
        let disk = sim(512, seed);
        let mut rng = Rng::from_seed(seed);
        let mut model = Model::default();
        let mut backend = open(&disk).unwrap();
        let mut views = Vec::new();
        for step in steps {
            match step {
                0 => {
                    views.clear();
                    drop(backend);
                    backend = open(&disk).unwrap();
                }
                1 => views.push((backend.reader().unwrap(), model.clone())),
                _ => {
                    let batch = batch(model.held.applied.index + 1, &model, &mut rng);
                    backend.commit(&batch).unwrap();
                    model.apply(&batch);
                }
            }
        }
        model.check(&backend);
        for (view, then) in views {
            then.check(view.as_ref());
        }
        let figures = backend.figures();
        prop_assert_eq!(figures.live_records, model.records.len() as u64);
        prop_assert_eq!(figures.live_bytes, model.records.values().map(|bytes| bytes.len() as u64).sum::<u64>());
        prop_assert_eq!(figures.applied, model.held.applied);
    }

    /// Protects: a scan gives exactly the records between its bounds, in order, cut where its limit says.
    #[test]
    fn a_scan_keeps_its_bounds(
        keys in proptest::collection::btree_set((0_usize..2, 0_i64..20, 0_u32..3), 0..40),
        from in (0_i64..20, 0_u32..3),
        to in proptest::option::of((0_i64..22, 0_u32..3)),
        limit in 1_usize..50,
    ) {
        let disk = sim(512, 1);
        let backend = open(&disk).unwrap();
        let put = keys.iter().map(|(space, main, sub)| {
            (SPACES[*space], Revision::new(*main, *sub), value(main.cast_unsigned(), 10))
        });
        backend.commit(&Batch { put: put.collect(), ..Batch::default() }).unwrap();
        let from = Revision::new(from.0, from.1);
        let to = to.map(|(main, sub)| Revision::new(main, sub));
        let mut expected: Vec<Revision> = keys
            .iter()
            .filter(|(space, ..)| *space == 0)
            .map(|(_, main, sub)| Revision::new(*main, *sub))
            .filter(|at| *at >= from && to.is_none_or(|to| *at < to))
            .collect();
        let next = expected.get(limit).copied();
        expected.truncate(limit);
        let scanned = backend.scan(SPACES[0], from, to, limit).unwrap();
        let found: Vec<Revision> = scanned.records.iter().map(|(at, _)| *at).collect();
        prop_assert_eq!(found, expected);
        prop_assert_eq!(scanned.next, next);
    }
}

/// Protects: of two writes of a revision in one batch the later holds, a removal comes after both, and the figures count
/// what is there, not what was done.
#[test]
fn the_later_holds() {
    let disk = sim(512, 2);
    let backend = open(&disk).unwrap();
    let at = |main| Revision::new(main, 0);
    let put = |main, len| (SpaceId::ETCD, at(main), value(main.cast_unsigned(), len));
    let batch = Batch {
        put: vec![put(3, 9), put(2, 10), put(3, 20), put(4, 1)],
        remove: vec![(SpaceId::ETCD, at(4)), (SpaceId::ETCD, at(9))],
        ..Batch::default()
    };
    backend.commit(&batch).unwrap();
    let mut model = Model::default();
    model.apply(&batch);
    model.check(&backend);
    assert_eq!(backend.figures().live_bytes, 30);
    backend.commit(&batch).unwrap();
    model.check(&backend);
}

/// Protects: large records do not make a scan large, and a scan of nothing but large ones still moves on.
#[test]
fn a_scan_is_bounded_in_bytes() {
    let disk = sim(4_096, 3);
    let backend = open(&disk).unwrap();
    let put = (0..4).map(|main| (SpaceId::ETCD, Revision::new(main, 0), value(1, 3 << 20)));
    backend
        .commit(&Batch {
            put: put.collect(),
            ..Batch::default()
        })
        .unwrap();
    let scanned = backend
        .scan(SpaceId::ETCD, Revision::new(0, 0), None, 100)
        .unwrap();
    assert_eq!(scanned.records.len(), 2);
    assert_eq!(scanned.next, Some(Revision::new(2, 0)));
}

/// Protects: a batch out of bounds, or from the past, changes nothing and says which bound it was.
#[test]
fn a_wrong_batch_changes_nothing() {
    let disk = sim(512, 4);
    let backend = open(&disk).unwrap();
    let mut model = Model::default();
    let good = batch(5, &model, &mut Rng::from_seed(1));
    backend.commit(&good).unwrap();
    model.apply(&good);
    let note = |name: String, len| Batch {
        applied: good.applied,
        meta: vec![(name, Some(value(1, len)))],
        ..Batch::default()
    };
    let long = [
        note("n".repeat(257), 1),
        note("n".to_owned(), (256 << 10) + 1),
        Batch {
            put: vec![(
                SpaceId::ETCD,
                Revision::new(1, 0),
                bytes::Bytes::from(vec![0; (32 << 20) + 1]),
            )],
            ..Batch::default()
        },
    ];
    for batch in long {
        assert!(matches!(
            backend.commit(&batch),
            Err(BackendError::TooLong { .. })
        ));
    }
    let past = Batch {
        applied: Applied { index: 4, term: 9 },
        ..Batch::default()
    };
    assert!(matches!(
        backend.commit(&past),
        Err(BackendError::Backwards { asked: 4, present: 5 })
    ));
    model.check(&backend);
}
