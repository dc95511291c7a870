//! The machine against a naive model of it, on generated histories: transactions, leases, compaction, reads of the past,
//! reads in pieces while other things happen, and restarts from the records in the middle of it all.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test code")]

mod naive;
#[path = "../support/mod.rs"]
mod support;

use koinon_core_kv::{Answer, Command, Effect, KvError, LeaseId, Range, Reading};
use proptest::prelude::*;

use naive::{Naive, Refusal};
use support::{Driven, SPACE, everything, generate, range};

#[derive(Debug, Clone)]
enum Step {
    Do(Command),
    Read(Range),
    /// Compact at so many revisions back.
    Compact(i64),
    /// Begin a read and collect its first keys; it is finished by a later one of these, or at the end.
    Piece(Range),
    /// Remove what nobody can read, so many keys at a time.
    Sweep(usize),
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        14 => generate::command().prop_map(Step::Do),
        6 => generate::range().prop_map(Step::Read),
        2 => generate::range().prop_map(Step::Piece),
        2 => (0..5_i64).prop_map(Step::Compact),
        3 => (1..4_usize).prop_map(Step::Sweep),
        1 => Just(Step::Restart),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    /// Whatever is done in whatever order, the machine answers, refuses, writes and keeps what the model does.
    #[test]
    fn the_machine_does_what_the_model_does(steps in proptest::collection::vec(step(), 1..80)) {
        let mut both = Both { driven: Driven::new(), naive: Naive::new(), reading: None };
        for step in steps {
            both.step(step);
            both.agree();
        }
        both.finish_reading();
    }
}

struct Both {
    driven: Driven,
    naive: Naive,
    /// A read under way, and what it must answer.
    reading: Option<(Reading, koinon_core_kv::Ranged)>,
}

impl Both {
    fn step(&mut self, step: Step) {
        match step {
            Step::Do(command) => self.command(&command),
            Step::Read(range) => {
                let ours = self.driven.range(&range).map_err(refusal);
                assert_eq!(ours, self.naive.range(&range), "{range:?}");
            }
            Step::Compact(back) => {
                let revision = self.naive.revision() - back;
                self.command(&Command::Compact {
                    space: SPACE,
                    revision,
                });
            }
            Step::Piece(range) => {
                self.finish_reading();
                self.begin_reading(&range);
            }
            Step::Sweep(keys_max) => self.sweep(keys_max),
            Step::Restart => self.driven.restart(),
        }
    }

    fn command(&mut self, command: &Command) {
        let written = self.naive.records.len();
        let ours = self.driven.apply(command);
        let theirs = self.naive.apply(command);
        let plan = match ours {
            Ok(plan) => plan,
            Err(refused) => {
                assert_eq!(Err(refusal(refused)), theirs, "{command:?}");
                return;
            }
        };
        match (plan.answer, theirs) {
            (Answer::Txn(ours), Ok(Some(theirs))) => assert_eq!(ours, theirs, "{command:?}"),
            (Answer::Done, Ok(None)) => {}
            (ours, theirs) => panic!("{command:?}: {ours:?}, but the model {theirs:?}"),
        }
        let ours: Vec<_> = plan
            .records
            .iter()
            .map(|(at, record)| (*at, record.as_ref().clone()))
            .collect();
        assert_eq!(
            ours,
            self.naive.records[written..],
            "what was written by {command:?}"
        );
        assert_eq!(plan.revision, self.naive.revision());
        let plain = matches!(command, Command::Txn { .. });
        assert_eq!(plan.effect == Effect::None, plain);
    }

    fn begin_reading(&mut self, range: &Range) {
        let Ok(answer) = self.naive.range(range) else {
            return;
        };
        let space = self.driven.space();
        let mut reading = space.begin(range).expect("the model can read it");
        space.collect(&mut reading, 1);
        self.reading = Some((reading, answer));
    }

    fn finish_reading(&mut self) {
        let Some((mut reading, answer)) = self.reading.take() else {
            return;
        };
        while !self.driven.space().collect(&mut reading, 2) {}
        let ours = reading
            .load(SPACE, &self.driven.kept)
            .expect("its records are pinned");
        assert_eq!(ours, answer, "a read in pieces");
    }

    fn sweep(&mut self, keys_max: usize) {
        let pin = self.reading.as_ref().map(|(reading, _)| reading.revision());
        let unswept = self.driven.space().sweep(pin).is_some();
        self.driven.sweep(pin, keys_max);
        let kept: Vec<_> = self.driven.kept.records.keys().map(|(_, at)| *at).collect();
        if unswept {
            let floor = pin.unwrap_or(i64::MAX).min(self.naive.compacted);
            let needed: Vec<_> = self.naive.needed(floor).into_iter().map(|(at, _)| at).collect();
            assert_eq!(kept, needed, "what is kept for those who read from {floor} on");
        }
    }

    /// What can be seen of both at any moment.
    fn agree(&self) {
        let space = self.driven.space();
        let figures = space.figures();
        assert_eq!(figures.revision, self.naive.revision());
        assert_eq!(figures.compacted, self.naive.compacted);
        assert_eq!(figures.keys, self.naive.now().len());
        assert_eq!(figures.live_bytes, self.live_bytes());
        let leases: Vec<_> = space.leases().collect();
        let theirs: Vec<_> = self
            .naive
            .leases
            .iter()
            .map(|(id, ttl_s)| (*id, *ttl_s))
            .collect();
        assert_eq!(leases, theirs);
        for id in (1..4).map(LeaseId) {
            let ours: Vec<_> = space.lease_keys(id).map(<[u8]>::to_vec).collect();
            assert_eq!(ours, self.naive.lease_keys(id), "the keys of lease {id}");
        }
        for main in self.naive.compacted.max(1)..=self.naive.revision() {
            self.agree_on(main);
        }
        let count = Range {
            count_only: true,
            ..range(everything())
        };
        assert_eq!(
            self.driven
                .space()
                .range(&count, &support::Untouched)
                .unwrap()
                .count as usize,
            figures.keys
        );
    }

    fn agree_on(&self, main: i64) {
        let state = self.naive.state(main);
        for key in self.naive.records.iter().map(|(_, record)| record.key()) {
            let found = self.driven.space().find(key, main).expect("it is readable");
            let theirs = state.get(key).map(|kv| kv.mod_revision);
            assert_eq!(found.map(|at| at.main), theirs, "{key:?} at {main}");
        }
    }

    fn live_bytes(&self) -> u64 {
        let needed = self.naive.needed(self.naive.compacted);
        let records: u64 = needed.iter().map(|(_, record)| 64 + payload(record)).sum();
        records + 64 * self.naive.leases.len() as u64
    }
}

/// Puts and values, without what is reckoned for each record.
fn payload(record: &koinon_core_kv::Record) -> u64 {
    let value = match record {
        koinon_core_kv::Record::Put(kv) => kv.value.len(),
        koinon_core_kv::Record::Tombstone { .. } => 0,
    };
    (record.key().len() + value) as u64
}

#[allow(clippy::wildcard_enum_match_arm, reason = "no other refusal is expected")]
fn refusal(error: KvError) -> Refusal {
    match error {
        KvError::Compacted { .. } => Refusal::Compacted,
        KvError::FutureRevision { .. } => Refusal::Future,
        KvError::KeyNotFound => Refusal::KeyNotFound,
        KvError::DuplicateKey => Refusal::Duplicate,
        KvError::LeaseNotFound(_) => Refusal::LeaseNotFound,
        KvError::LeaseExists(_) => Refusal::LeaseExists,
        KvError::LeaseTtl(_) => Refusal::LeaseTtl,
        other => panic!("unexpected refusal: {other}"),
    }
}
