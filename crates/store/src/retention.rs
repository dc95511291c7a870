//! Forgetting history by itself, so that no keyspace fills with what nobody will ask for.
//!
//! A keyspace that a foreign API shows follows what its operator says. The others keep as many revisions as their readers
//! may be behind. What it decides goes through the log like any other compaction.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use koinon_core_kv::{Keyspace, KvError, SpaceId};

use crate::error::StoreError;
use crate::handle::Store;

/// How often it is looked for history to forget. Removing takes a walk over all keys, so it should be much at once.
const ROUND: Duration = Duration::from_secs(10);
/// What a keyspace keeps that nobody set: whoever follows it should not fall out of history for being slow for a second.
const REVISIONS: i64 = 20_000;
/// What such a keyspace keeps at least, when it has used half of its quota: v2 clients may ask for the last thousand
/// events.
const REVISIONS_CROWDED: i64 = 2_000;
/// An age is kept to a tenth, so this many revisions are remembered with their times.
const MOMENTS_MAX: u32 = 10;
/// Between two of them: more often would only cost.
const MOMENT_MIN: Duration = Duration::from_secs(1);

/// How much history is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Retention {
    /// Everything, until a client compacts.
    #[default]
    Everything,
    /// At least so many revisions; at most a tenth more, and what is written between two looks.
    Revisions(i64),
    /// At least what was the state so long ago, and everything since; about a tenth more.
    Age(Duration),
}

/// Decides for one keyspace.
#[derive(Debug)]
struct Keeper {
    retention: Retention,
    /// When which revision was the present one; oldest first.
    moments: VecDeque<(u64, i64)>,
}

impl Keeper {
    fn new(retention: Retention) -> Self {
        Self {
            retention,
            moments: VecDeque::new(),
        }
    }

    /// The revision to compact at, if there is enough to forget.
    fn look(&mut self, now_ms: u64, revision: i64, compacted: i64) -> Option<i64> {
        let at = match self.retention {
            Retention::Everything => return None,
            Retention::Revisions(kept) => {
                let at = revision - kept.max(1);
                // Not for a handful.
                (at - compacted.max(0) > kept / 10).then_some(at)
            }
            Retention::Age(age) => self.state_before(now_ms, revision, age),
        };
        at.filter(|at| *at > compacted.max(0))
    }

    /// The youngest revision that is known to have been the present one `age` ago.
    fn state_before(&mut self, now_ms: u64, revision: i64, age: Duration) -> Option<i64> {
        let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let pause_ms = millis((age / MOMENTS_MAX).max(MOMENT_MIN));
        let last = self.moments.back().map(|(at_ms, _)| *at_ms);
        if last.is_none_or(|last| now_ms.saturating_sub(last) >= pause_ms) {
            self.moments.push_back((now_ms, revision));
        }
        let mut before = None;
        while let Some((at_ms, revision)) = self.moments.front()
            && now_ms.saturating_sub(*at_ms) >= millis(age)
        {
            before = Some(*revision);
            self.moments.pop_front();
        }
        before
    }
}

/// Forgets history for as long as the store is there: of the etcd keyspace as `etcd` says. To be run by whoever opened the
/// store.
pub async fn run_retention(store: Store, etcd: Retention) {
    let mut keepers: BTreeMap<SpaceId, Keeper> = SpaceId::ALL
        .iter()
        .map(|(space, _)| (*space, Keeper::new(etcd)))
        .collect();
    let mut rounds = tokio::time::interval(ROUND);
    rounds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        rounds.tick().await;
        for (space, keeper) in &mut keepers {
            look(&store, *space, keeper).await;
        }
    }
}

async fn look(store: &Store, space: SpaceId, keeper: &mut Keeper) {
    let now_ms = store.shared.clock.now().mono_ms;
    let figures = store.shared.machine_read().space(space).map(Keyspace::figures);
    let Ok(figures) = figures else {
        return;
    };
    if space != SpaceId::ETCD {
        let crowded = figures.live_bytes > store.shared.settings.quota_bytes / 2;
        let kept = if crowded { REVISIONS_CROWDED } else { REVISIONS };
        keeper.retention = Retention::Revisions(kept);
    }
    let Some(at) = keeper.look(now_ms, figures.revision, figures.compacted) else {
        return;
    };
    match store.space(space).compact(at, false).await {
        Ok(_) => tracing::debug!(%space, revision = at, "history was forgotten"),
        // A client was faster.
        Err(StoreError::Kv(KvError::Compacted { .. })) => {}
        // The next round looks again.
        Err(error) => tracing::debug!(%space, %error, "history could not be forgotten yet"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many revisions stay, and a walk over all keys is not made for a few.
    #[test]
    fn revisions_are_kept() {
        let mut keeper = Keeper::new(Retention::Revisions(1000));
        assert_eq!(keeper.look(0, 1, -1), None);
        assert_eq!(keeper.look(0, 1100, -1), None);
        assert_eq!(keeper.look(0, 1101, -1), Some(101));
        assert_eq!(keeper.look(0, 1150, 101), None);
        assert_eq!(keeper.look(0, 50_000, 101), Some(49_000));
    }

    /// What was the state so long ago stays readable, however uneven the writes are and the looks.
    #[test]
    fn an_age_is_kept() {
        let age_ms = 60_000;
        let mut keeper = Keeper::new(Retention::Age(Duration::from_millis(age_ms)));
        let mut written = VecDeque::new();
        let (mut now_ms, mut revision, mut compacted, mut most) = (0, 1, -1, 0);
        for step in 0..10_000_u64 {
            now_ms += [10, 900, 4_000, 15][(step % 4) as usize];
            revision += [0, 3, 500][(step % 3) as usize];
            written.push_back((now_ms, revision));
            let Some(at) = keeper.look(now_ms, revision, compacted) else {
                continue;
            };
            assert!(at > compacted && at <= revision);
            compacted = at;
            // The state as it was `age_ms` ago.
            while written.get(1).is_some_and(|(at_ms, _)| *at_ms + age_ms <= now_ms) {
                written.pop_front();
            }
            let needed = written.front().map_or(1, |(_, revision)| *revision);
            assert!(
                compacted <= needed,
                "{needed} is needed, {compacted} is compacted"
            );
            most = most.max(revision - compacted);
        }
        assert!(compacted > 1_000_000, "{compacted}");
        assert!(most < 15_000, "{most} revisions were kept");
        assert!(keeper.moments.len() <= MOMENTS_MAX as usize + 2);
    }

    /// Whoever wants everything keeps it.
    #[test]
    fn everything_is_kept() {
        assert_eq!(
            Keeper::new(Retention::Everything).look(u64::MAX, i64::MAX, -1),
            None
        );
    }
}
