//! The law: what a store must hold after a crash, given what was answered before it.

use std::collections::{BTreeMap, BTreeSet};

use koinon_core_kv::{KvError, LeaseId};
use koinon_store::{Consistency, Space, StoreError, WatchMessage};

use crate::common::{all, range, watch_all};
use crate::workload::{Fact, LEASE_TTL_S, is_sound, last, number_of, told, trail};

/// Everything that the store's readable history tells.
struct History {
    compacted: i64,
    events: Vec<(i64, String, Option<String>)>,
}

/// Checks every part of it; says what was broken.
pub(crate) async fn check(space: &Space, writers: usize, facts: &[Fact]) -> Result<(), String> {
    let history = history(space).await?;
    revisions_are_gapless(space, &history)?;
    values_are_sound(&history)?;
    compaction_holds(space, facts).await?;
    leases_hold(space, facts).await?;
    told_is_true(&history, facts)?;
    for writer in 0..writers {
        trail_is_whole(space, &history, writer, facts).await?;
    }
    Ok(())
}

async fn history(space: &Space) -> Result<History, String> {
    let revision = space.revision();
    let compacted = oldest_readable(space).await?;
    let mut stream = space.watch_stream();
    stream
        .watch(&watch_all(compacted.max(1)))
        .map_err(|refused| refused.to_string())?;
    let mut events = Vec::new();
    while stream.progress() != Some(revision) {
        match stream.try_next().map_err(|error| error.to_string())? {
            Some(WatchMessage::Events { events: more, .. }) => {
                events.extend(more.iter().map(|event| match told(&event.record) {
                    Fact::Told { revision, key, value } => (revision, key, value),
                    other => unreachable!("{other:?}"),
                }));
            }
            // All of it was read, or there is none.
            None if stream.progress() == Some(revision) => {}
            other => return Err(format!("history ended with {other:?}")),
        }
    }
    Ok(History { compacted, events })
}

async fn oldest_readable(space: &Space) -> Result<i64, String> {
    match space.range(&range(all(), 1), Consistency::Linearizable).await {
        Ok(_) => Ok(0),
        Err(StoreError::Kv(KvError::Compacted { compacted, .. })) => Ok(compacted),
        Err(error) => Err(error.to_string()),
    }
}

/// Every main revision above the compacted one has something that happened in it.
fn revisions_are_gapless(space: &Space, history: &History) -> Result<(), String> {
    let seen: BTreeSet<i64> = history.events.iter().map(|(revision, ..)| *revision).collect();
    let first = history.compacted.max(1) + 1;
    let missing: Vec<i64> = (first..=space.revision())
        .filter(|revision| !seen.contains(revision))
        .collect();
    if missing.is_empty() {
        Ok(())
    } else {
        Err(format!("revisions {missing:?} are empty"))
    }
}

fn values_are_sound(history: &History) -> Result<(), String> {
    let broken = history
        .events
        .iter()
        .find(|(_, _, value)| value.as_deref().is_some_and(|value| !is_sound(value)));
    broken.map_or(Ok(()), |broken| Err(format!("a value is damaged: {broken:?}")))
}

/// History that was given up stays given up, and no more than that.
async fn compaction_holds(space: &Space, facts: &[Fact]) -> Result<(), String> {
    let acknowledged = facts.iter().filter_map(|fact| match fact {
        Fact::Compacted { revision } => Some(*revision),
        _ => None,
    });
    let Some(revision) = acknowledged.max() else {
        return Ok(());
    };
    match space
        .range(&range(all(), revision - 1), Consistency::Linearizable)
        .await
    {
        Err(StoreError::Kv(KvError::Compacted { .. })) => Ok(()),
        other => Err(format!("compaction at {revision} is forgotten: {other:?}")),
    }
}

/// A lease that was granted and not ended is there with its time; one that was ended is not.
async fn leases_hold(space: &Space, facts: &[Fact]) -> Result<(), String> {
    let mut expected: BTreeMap<i64, Option<bool>> = BTreeMap::new();
    for fact in facts {
        match fact {
            Fact::Granted { lease } => expected.insert(*lease, Some(true)),
            Fact::Ending { lease } => expected.insert(*lease, None),
            Fact::Ended { lease } => expected.insert(*lease, Some(false)),
            _ => None,
        };
    }
    for (lease, there) in expected {
        let state = space
            .lease_state(LeaseId(lease), false)
            .await
            .map_err(|error| error.to_string())?
            .value;
        let found = state.as_ref().map(|state| state.granted_s);
        let right = match there {
            None => true,
            Some(true) => found == Some(LEASE_TTL_S),
            Some(false) => found.is_none(),
        };
        if !right {
            return Err(format!("lease {lease} should be {there:?}, and is {found:?}"));
        }
    }
    Ok(())
}

/// What a watcher was told happened, and happened so.
fn told_is_true(history: &History, facts: &[Fact]) -> Result<(), String> {
    let happened: BTreeSet<_> = history.events.iter().cloned().collect();
    for fact in facts {
        if let Fact::Told { revision, key, value } = fact
            && *revision > history.compacted
            && !happened.contains(&(*revision, key.clone(), value.clone()))
        {
            return Err(format!("a watcher was told of {fact:?}, which did not happen"));
        }
    }
    Ok(())
}

/// Every transaction that was answered happened once, at the revision that was answered, and after the last of them at most
/// the one that was under way.
async fn trail_is_whole(
    space: &Space,
    history: &History,
    writer: usize,
    facts: &[Fact],
) -> Result<(), String> {
    let answered: BTreeMap<i64, i64> = facts
        .iter()
        .filter_map(|fact| match fact {
            Fact::Written {
                writer: of,
                number,
                revision,
            } if *of == writer => Some((*number, *revision)),
            _ => None,
        })
        .collect();
    let reached = answered.keys().last().copied().unwrap_or(0);
    let found = last(space, writer).await.map_err(|error| error.to_string())?;
    if found < reached {
        return Err(format!(
            "writer {writer} was answered {reached}, and {found} is there"
        ));
    }
    let key = trail(writer);
    let steps = history
        .events
        .iter()
        .filter(|(_, of, value)| *of == key && value.is_some());
    let mut before: Option<i64> = None;
    for (revision, _, value) in steps {
        let number = value.as_deref().and_then(number_of).unwrap_or(-1);
        if before.is_some_and(|before| number != before + 1) {
            return Err(format!(
                "writer {writer} goes from {before:?} to {number} at revision {revision}"
            ));
        }
        if answered.get(&number).is_some_and(|answered| answered != revision) {
            return Err(format!(
                "writer {writer}'s {number} is at {revision}, {answered:?} was answered"
            ));
        }
        before = Some(number);
    }
    Ok(())
}
