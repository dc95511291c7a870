//! Leases over time: granting and renewing them, and ending those whose time is over.
//!
//! A lease ends by an entry of the log like every other change; only who proposes it when looks at a clock.

use std::time::Duration;

use bytes::Bytes;
use koinon_base::Rng;
use koinon_core_kv::{Command, KvError, LeaseId, Renewed, SpaceId, granted_ttl_s};

use crate::error::StoreError;
use crate::handle::{Answer, LeaseState, Store};
use crate::shared::Shared;

/// How many leases are ended in one round: etcd's bound for a second is as high.
const EXPIRED_PER_ROUND_MAX: usize = 1000;
/// How often it is looked for leases whose time is over: a lease may live that much longer.
const ROUND: Duration = Duration::from_millis(100);
/// How many numbers are tried for a lease whose client leaves the choice to the server.
const IDS_TRIED_MAX: usize = 16;

impl Shared {
    pub(crate) async fn lease_grant(
        &self,
        space: SpaceId,
        id: Option<LeaseId>,
        ttl_s: i64,
    ) -> Result<Answer<(LeaseId, i64)>, StoreError> {
        let id = id
            .filter(|id| id.is_some())
            .unwrap_or_else(|| self.free_lease(space));
        let ttl_s = granted_ttl_s(ttl_s, self.settings.lease_ttl_min_s);
        let applied = self.propose(Command::LeaseGrant { space, id, ttl_s }).await?;
        Ok(Answer {
            revision: applied.revision,
            value: (id, ttl_s),
        })
    }

    /// A number that no lease has. Two at once may get the same; one of them is refused then.
    fn free_lease(&self, space: SpaceId) -> LeaseId {
        let mut rng = Rng::from_entropy();
        let machine = self.machine_read();
        let mut draw = || LeaseId(i64::try_from(rng.next_u64() >> 1).unwrap_or(1).max(1));
        let taken = |id: LeaseId| {
            machine
                .space(space)
                .is_ok_and(|keyspace| keyspace.lease_ttl_s(id).is_some())
        };
        let mut id = draw();
        for _ in 0..IDS_TRIED_MAX {
            if !taken(id) {
                break;
            }
            id = draw();
        }
        id
    }

    pub(crate) fn lease_renew(&self, space: SpaceId, id: LeaseId) -> Answer<Option<i64>> {
        let now_ms = self.clock.now().mono_ms;
        let value = match self.lessor().renewed(space, id, now_ms) {
            Renewed::For(ttl_s) => Some(ttl_s),
            Renewed::Expired | Renewed::Unknown => None,
        };
        Answer {
            revision: self.revision(space),
            value,
        }
    }

    pub(crate) fn lease_state(&self, space: SpaceId, id: LeaseId, keys: bool) -> Answer<Option<LeaseState>> {
        let now_ms = self.clock.now().mono_ms;
        let remaining_ms = self.lessor().remaining_ms(space, id, now_ms);
        let machine = self.machine_read();
        let Ok(keyspace) = machine.space(space) else {
            return Answer {
                revision: 0,
                value: None,
            };
        };
        let value = keyspace
            .lease_ttl_s(id)
            .zip(remaining_ms)
            .map(|(granted_s, remaining_ms)| LeaseState {
                granted_s,
                remaining_ms,
                keys: if keys {
                    keyspace.lease_keys(id).map(Bytes::copy_from_slice).collect()
                } else {
                    Vec::new()
                },
            });
        Answer {
            revision: keyspace.revision(),
            value,
        }
    }

    pub(crate) fn leases(&self, space: SpaceId) -> Answer<Vec<LeaseId>> {
        let machine = self.machine_read();
        let keyspace = machine.space(space).ok();
        Answer {
            revision: keyspace.map_or(0, koinon_core_kv::Keyspace::revision),
            value: keyspace.map_or_else(Vec::new, |keyspace| keyspace.leases().map(|(id, _)| id).collect()),
        }
    }

    /// Ends leases whose time is over.
    async fn end_expired(&self) {
        let now_ms = self.clock.now().mono_ms;
        let expired = self.lessor().expired(now_ms, EXPIRED_PER_ROUND_MAX);
        let proposed = expired.into_iter().map(|(space, id)| async move {
            let revoked = self.propose(Command::LeaseRevoke { space, id }).await;
            match revoked {
                // Its owner was faster.
                Ok(_) | Err(StoreError::Kv(KvError::LeaseNotFound(_))) => {}
                Err(error) => {
                    // The lessor names it again.
                    tracing::debug!(%error, %space, lease = %id, "a lease whose time is over could not be ended yet");
                }
            }
        });
        futures_util::future::join_all(proposed).await;
    }
}

/// Ends leases, and nodes of the tree, whose time is over, for as long as the store is there. To be run by whoever opened the store.
pub async fn run_leases(store: Store) {
    let mut rounds = tokio::time::interval(ROUND);
    rounds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        rounds.tick().await;
        store.shared.end_expired().await;
        store.tree().end_expired().await;
    }
}
