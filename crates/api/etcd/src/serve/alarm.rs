//! Alarms: that there was no room is remembered until an operator puts the alarm out, also across restarts, and until then
//! nothing is written that takes room. So it is in etcd, and tools that watch over etcd rely on it.
//!
//! Alarms are keys of a keyspace of their own, which etcd's clients do not see.
//!
//! Invariant: `raised` is what the keyspace holds. Both change under one lock, in this order, so whoever raises an alarm and
//! whoever puts it out at the same time leave them equal.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock};

use bytes::Bytes;
use koinon_core_kv::{Delete, Keys, KvError, LeaseId, Put, Range, SpaceId};
use koinon_store::{Consistency, Space, Store, StoreError};
use tokio::sync::Mutex;

use super::door::Inner;
use crate::translate::alarm::{alarm_of, key_of, told};
use crate::translate::{DoorError, Refused};
use crate::wire::etcdserverpb::alarm_request::AlarmAction;
use crate::wire::etcdserverpb::{AlarmMember, AlarmRequest, AlarmResponse, AlarmType};

/// What a door knows of alarms.
#[derive(Debug)]
pub(super) struct Alarms {
    space: Space,
    /// Whether there is no room, where every write looks.
    full: AtomicBool,
    raised: RwLock<Vec<AlarmMember>>,
    changing: Mutex<()>,
}

impl Alarms {
    pub(super) fn new(store: &Store) -> Self {
        Self {
            space: store.space(SpaceId::ETCD_CLUSTER),
            full: AtomicBool::new(false),
            raised: RwLock::default(),
            changing: Mutex::default(),
        }
    }

    /// Those that are raised.
    pub(super) fn raised(&self) -> Vec<AlarmMember> {
        self.raised.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Each as etcd tells it in a member's status.
    pub(super) fn told(&self) -> Vec<String> {
        self.raised().iter().map(told).collect()
    }

    /// Whether there is no room.
    pub(super) fn is_full(&self) -> bool {
        self.full.load(Ordering::Relaxed)
    }

    /// Reads what was raised, maybe before a restart.
    pub(super) async fn recall(&self) -> Result<(), StoreError> {
        let _alone = self.changing.lock().await;
        self.follow().await
    }

    /// Raises an alarm, once.
    async fn raise(&self, alarm: AlarmMember) -> Result<(), StoreError> {
        let _alone = self.changing.lock().await;
        if !self.raised().contains(&alarm) {
            let put = Put {
                key: key_of(&alarm),
                value: Some(Bytes::new()),
                lease: Some(LeaseId::NONE),
                prev_kv: false,
            };
            self.space.put(put).await?;
            self.follow().await?;
            tracing::warn!(alarm = %told(&alarm).trim_end(), "alarm raised");
        }
        Ok(())
    }

    /// Whether there was one to put out.
    async fn put_out(&self, alarm: &AlarmMember) -> Result<bool, StoreError> {
        let _alone = self.changing.lock().await;
        let delete = Delete {
            keys: Keys::One(key_of(alarm)),
            prev_kv: false,
        };
        let deleted = self.space.delete(delete).await?;
        self.follow().await?;
        Ok(deleted.value.count > 0)
    }

    async fn follow(&self) -> Result<(), StoreError> {
        let all = Range {
            keys_only: true,
            ..Range::of(Keys::From(Bytes::from_static(b"\0")))
        };
        let found = self.space.range(&all, Consistency::Linearizable).await?;
        let records = found.value.records.iter();
        let raised: Vec<AlarmMember> = records.filter_map(|record| alarm_of(record.key())).collect();
        let full = raised.iter().any(|alarm| alarm.alarm() == AlarmType::Nospace);
        *self.raised.write().unwrap_or_else(PoisonError::into_inner) = raised;
        self.full.store(full, Ordering::Relaxed);
        Ok(())
    }
}

impl Inner {
    /// Lists alarms, raises one or puts one out.
    pub(super) async fn alarm(&self, message: AlarmRequest) -> Result<AlarmResponse, DoorError> {
        let (action, of) = (message.action(), message.alarm());
        let alarm = AlarmMember {
            member_id: message.member_id,
            alarm: message.alarm,
        };
        let mut alarms = Vec::new();
        match action {
            AlarmAction::Get => {
                alarms = self.alarms.raised();
                alarms.retain(|raised| of == AlarmType::None || raised.alarm == message.alarm);
            }
            AlarmAction::Activate => match of {
                AlarmType::None => {}
                AlarmType::Nospace if alarm.member_id == self.identity.member_id => {
                    self.alarms.raise(alarm).await?;
                    alarms.push(alarm);
                }
                AlarmType::Nospace => return Err(Refused::NoSuchMember.into()),
                AlarmType::Corrupt => {
                    return Err(Refused::NotImplemented("raising an alarm of corruption by hand").into());
                }
            },
            AlarmAction::Deactivate => {
                if self.alarms.put_out(&alarm).await? {
                    alarms.push(alarm);
                }
            }
        }
        Ok(AlarmResponse {
            header: self.header(self.space.revision()),
            alarms,
        })
    }

    /// Refuses what takes room, if the alarm says that there is none.
    pub(super) fn room(&self) -> Result<(), StoreError> {
        if !self.alarms.is_full() {
            return Ok(());
        }
        let figures = self.store.figures();
        let space = figures.spaces.iter().find(|space| space.space == self.space_id);
        let (used, quota) = space.map_or((0, 0), |space| (space.kv.live_bytes, space.quota_bytes));
        Err(StoreError::Kv(KvError::NoSpace {
            space: self.space_id,
            used,
            quota,
        }))
    }

    /// Raises the alarm, if a write was refused because there is no room; the refusal goes on to the client.
    pub(super) async fn refused(&self, error: StoreError) -> StoreError {
        if matches!(error, StoreError::Kv(KvError::NoSpace { .. })) && !self.alarms.is_full() {
            let alarm = AlarmMember {
                member_id: self.identity.member_id,
                alarm: AlarmType::Nospace.into(),
            };
            if let Err(error) = self.alarms.raise(alarm).await {
                // The next write that finds no room tries again.
                tracing::warn!(error = %error, "there is no room, and the alarm cannot be raised");
            }
        }
        error
    }
}
