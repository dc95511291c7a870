//! Looks for commands that the machine takes and then cannot keep its promises: revisions without gaps, a plan that leaves
//! what it said, and the same figures after a restart from the records, before and after compaction's removal.
//!
//! The input is a list of commands, each after a byte with its length.

#![no_main]

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use koinon_core_kv::{Command, Machine, Record, Records, RecordsError, Revision, SpaceId};
use libfuzzer_sys::fuzz_target;

#[derive(Default)]
struct Kept(BTreeMap<(SpaceId, Revision), Arc<Record>>);

impl Records for Kept {
    fn get(&self, space: SpaceId, at: Revision) -> Result<Arc<Record>, RecordsError> {
        Ok(self
            .0
            .get(&(space, at))
            .expect("what the index knows is there")
            .clone())
    }
}

fuzz_target!(|input: &[u8]| {
    let (mut machine, mut kept) = (Machine::new(), Kept::default());
    let mut rest = input;
    while let [length, after @ ..] = rest {
        let length = usize::from(*length).min(after.len());
        let (command, next) = after.split_at(length);
        rest = next;
        if let Ok(command) = Command::decode(Bytes::copy_from_slice(command)) {
            apply(&mut machine, &mut kept, &command);
        }
    }
    let figures = |machine: &Machine| machine.spaces().map(|space| space.figures()).collect::<Vec<_>>();
    let before = figures(&machine);
    machine = restarted(&machine, &kept);
    assert_eq!(figures(&machine), before, "after a restart");
    for (id, _) in SpaceId::ALL {
        sweep(&mut machine, &mut kept, id);
    }
    assert_eq!(figures(&machine), before, "after removal");
    assert_eq!(
        figures(&restarted(&machine, &kept)),
        before,
        "after removal and a restart"
    );
});

fn apply(machine: &mut Machine, kept: &mut Kept, command: &Command) {
    let index = machine.applied() + 1;
    let Ok(plan) = machine.plan(command, kept) else {
        return machine.pass(index);
    };
    let revision = machine.space(plan.space).expect("it planned").revision();
    assert_eq!(plan.revision, revision + i64::from(!plan.records.is_empty()));
    for (sub, (at, record)) in (0..).zip(&plan.records) {
        assert_eq!(*at, Revision::new(plan.revision, sub));
        kept.0.insert((plan.space, *at), record.clone());
    }
    machine.commit(index, &plan);
    assert_eq!(
        machine.space(plan.space).expect("it planned").revision(),
        plan.revision
    );
}

fn restarted(machine: &Machine, kept: &Kept) -> Machine {
    let mut loading = Machine::load(machine.applied());
    for space in machine.spaces() {
        let id = space.id();
        for (lease, ttl_s) in space.leases() {
            loading.lease(id, lease, ttl_s).expect("it is one of them");
        }
        for ((_, at), record) in kept.0.iter().filter(|((of, _), _)| *of == id) {
            loading.record(id, *at, record).expect("it is one of them");
        }
        loading
            .stood(id, space.revision(), space.compacted())
            .expect("it is one of them");
    }
    loading.finish()
}

fn sweep(machine: &mut Machine, kept: &mut Kept, id: SpaceId) {
    let space = machine.space_mut(id).expect("it is one of them");
    let Some(mut sweep) = space.sweep(None) else {
        return;
    };
    while !sweep.is_done() {
        for at in space.compact_step(&mut sweep, 3) {
            assert!(
                kept.0.remove(&(id, at)).is_some(),
                "{at} was removed, and is not there"
            );
        }
    }
}
