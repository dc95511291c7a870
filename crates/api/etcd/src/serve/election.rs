//! Elections: the oldest key under a name is the leader's, its value what the leader proclaims.

use bytes::Bytes;
use koinon_core_kv::{Compare, Delete, KeyValue, Keys, LeaseId, Op, OpResponse, Record, Txn};
use koinon_store::{Answer, WatchMessage, WatchRequest, WatchStream};

use super::door::Inner;
use super::pipe::{Outgoing, send};
use super::recipe::{TakeBack, all_under, created_at, first, key_of, one, only_text, outermost, prefix, put};
use crate::translate::{Refused, response};
use crate::wire::status::{Code, Status};
use crate::wire::v3electionpb::{
    CampaignRequest, CampaignResponse, LeaderKey, LeaderRequest, LeaderResponse, ProclaimRequest,
    ProclaimResponse, ResignRequest, ResignResponse,
};

impl Inner {
    /// Answers when the election is won.
    pub(super) async fn campaign(&self, message: CampaignRequest) -> Result<CampaignResponse, Status> {
        let lease = self.session(message.lease).await?;
        let prefix = prefix(&message.name);
        let key = key_of(&prefix, lease);
        let txn = Txn {
            compare: vec![created_at(&key, 0)],
            then: vec![put(&key, message.value.clone(), lease)],
            or_else: vec![Op::Range(one(&key))],
        };
        let done = self.recipe_txn(txn).await?;
        let present = present(&done.value.responses);
        let created = present.map_or(done.revision, |kv| kv.create_revision);
        let waiting = TakeBack::new(&self.space, key.clone(), created);
        if present.is_some_and(|kv| kv.value != message.value) {
            self.if_leader(&key, created, put(&key, message.value, lease))
                .await?;
        }
        self.wait_for_earlier(&prefix, created - 1).await?;
        waiting.keep();
        Ok(CampaignResponse {
            header: self.header(done.revision),
            leader: Some(LeaderKey {
                name: message.name,
                key,
                rev: created,
                lease: lease.0,
            }),
        })
    }

    /// The leader says something new.
    pub(super) async fn proclaim(&self, message: ProclaimRequest) -> Result<ProclaimResponse, Status> {
        let leader = message.leader.ok_or(Refused::NoLeaderKey)?;
        let put = put(&leader.key, message.value, LeaseId(leader.lease));
        let revision = self.if_leader(&leader.key, leader.rev, put).await?;
        Ok(ProclaimResponse {
            header: self.header(revision),
        })
    }

    /// The leader steps down; one that was none any more may, too.
    pub(super) async fn resign(&self, message: ResignRequest) -> Result<ResignResponse, Status> {
        let leader = message.leader.ok_or(Refused::NoLeaderKey)?;
        let delete = Op::Delete(Delete {
            keys: Keys::One(leader.key.clone()),
            prev_kv: false,
        });
        let (_, revision) = self
            .change_if(created_at(&leader.key, leader.rev), delete)
            .await?;
        Ok(ResignResponse {
            header: self.header(revision),
        })
    }

    /// Who leads now.
    pub(super) async fn leader(&self, message: LeaderRequest) -> Result<LeaderResponse, Status> {
        let prefix = prefix(&message.name);
        let (revision, found) = self.one(&outermost(&prefix, false, 0)).await.map_err(only_text)?;
        let leader = found.records.first().ok_or(Refused::NoLeader)?;
        Ok(LeaderResponse {
            header: self.header(revision),
            kv: Some(response::key_value(leader)),
        })
    }

    /// Every leader from now on, and what it proclaims.
    pub(super) async fn observe(
        &self,
        message: LeaderRequest,
        answers: &mut impl Outgoing,
    ) -> Result<(), Status> {
        let prefix = prefix(&message.name);
        loop {
            let (revision, found) = self.one(&outermost(&prefix, false, 0)).await.map_err(only_text)?;
            let Some(leader) = found.records.first() else {
                self.await_candidate(&prefix, revision, answers).await?;
                continue;
            };
            send(answers, &self.led(leader, revision)).await?;
            self.follow_leader(leader, revision, answers).await?;
        }
    }

    /// Returns when somebody may lead.
    async fn await_candidate(
        &self,
        prefix: &Bytes,
        after: i64,
        answers: &mut impl Outgoing,
    ) -> Result<(), Status> {
        let mut stream = self.following(all_under(prefix), after, false)?;
        next(&mut stream, answers).await.map(drop)
    }

    /// Tells what the leader proclaims; returns when it leads no more.
    async fn follow_leader(
        &self,
        leader: &Record,
        after: i64,
        answers: &mut impl Outgoing,
    ) -> Result<(), Status> {
        let mut stream = self.following(Keys::One(leader.key().clone()), after, true)?;
        loop {
            let WatchMessage::Events { revision, events, .. } = next(&mut stream, answers).await? else {
                return Ok(());
            };
            for event in events {
                match &*event.record {
                    Record::Put(_) => send(answers, &self.led(&event.record, revision)).await?,
                    Record::Tombstone { .. } => return Ok(()),
                }
            }
        }
    }

    fn led(&self, leader: &Record, revision: i64) -> LeaderResponse {
        LeaderResponse {
            header: self.header(revision),
            kv: Some(response::key_value(leader)),
        }
    }

    fn following(&self, keys: Keys, after: i64, deletions: bool) -> Result<WatchStream, Status> {
        let mut stream = self.space.watch_stream();
        let request = WatchRequest {
            id: 0,
            keys,
            start_revision: after + 1,
            no_put: false,
            no_delete: !deletions,
            prev_kv: false,
        };
        stream
            .watch(&request)
            .map_err(|refused| Status::new(Code::Unknown, refused.to_string()))?;
        Ok(stream)
    }

    /// Does something if the key is still the leader's; at which revision.
    async fn if_leader(&self, key: &Bytes, created: i64, op: Op) -> Result<i64, Status> {
        match self.change_if(created_at(key, created), op).await? {
            (true, revision) => Ok(revision),
            (false, _) => Err(Refused::NotLeader.into()),
        }
    }

    async fn change_if(&self, condition: Compare, op: Op) -> Result<(bool, i64), Status> {
        let txn = Txn {
            compare: vec![condition],
            then: vec![op],
            or_else: Vec::new(),
        };
        let Answer { revision, value } = self.recipe_txn(txn).await?;
        Ok((value.succeeded, revision))
    }
}

/// The next message, unless nobody listens any more.
async fn next(stream: &mut WatchStream, answers: &mut impl Outgoing) -> Result<WatchMessage, Status> {
    tokio::select! {
        biased;
        message = stream.next() => message.map_err(only_text),
        status = answers.closed() => Err(status),
    }
}

/// The key that was there already.
fn present(responses: &[OpResponse]) -> Option<&KeyValue> {
    match responses.first()? {
        OpResponse::Range(ranged) => first(ranged),
        OpResponse::Put(_) | OpResponse::Delete(_) | OpResponse::Txn(_) => None,
    }
}
