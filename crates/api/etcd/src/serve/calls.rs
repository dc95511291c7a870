//! Which calls there are, and who answers them: messages in, messages out, whoever carries them.

use bytes::Bytes;
use prost::Message;

use super::door::Inner;
use super::pipe::{Incoming, Outgoing};
use crate::translate::Refused;
use crate::wire::frame;
use crate::wire::status::{Code, Status};

/// A call by its shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    /// One request, one answer.
    Unary(Unary),
    /// Any other.
    Lasting(Lasting),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unary {
    Range,
    Put,
    DeleteRange,
    Txn,
    Compact,
    LeaseGrant,
    LeaseRevoke,
    LeaseTimeToLive,
    LeaseLeases,
    MemberList,
    Alarm,
    Status,
    Defragment,
    Hash,
    HashKv,
    MoveLeader,
    AuthStatus,
    Lock,
    Unlock,
    Campaign,
    Proclaim,
    Leader,
    Resign,
    /// What nothing in Koinon does yet.
    NotYet(&'static str),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lasting {
    RangeStream,
    Watch,
    LeaseKeepAlive,
    Snapshot,
    Observe,
}

impl Unary {
    /// Whether it waits for other clients, and must end when its own goes away.
    pub(super) fn waits(self) -> bool {
        matches!(self, Self::Lock | Self::Campaign)
    }
}

impl Call {
    /// The call at `path`, `/package.Service/Method`.
    pub(super) fn at(path: &str) -> Option<Self> {
        let (service, method) = path.strip_prefix('/')?.split_once('/')?;
        let unary = |call| Some(Self::Unary(call));
        let lasting = |call| Some(Self::Lasting(call));
        match (service, method) {
            ("etcdserverpb.KV", "Range") => unary(Unary::Range),
            ("etcdserverpb.KV", "Put") => unary(Unary::Put),
            ("etcdserverpb.KV", "DeleteRange") => unary(Unary::DeleteRange),
            ("etcdserverpb.KV", "Txn") => unary(Unary::Txn),
            ("etcdserverpb.KV", "Compact") => unary(Unary::Compact),
            ("etcdserverpb.KV", "RangeStream") => lasting(Lasting::RangeStream),
            ("etcdserverpb.Watch", "Watch") => lasting(Lasting::Watch),
            ("etcdserverpb.Lease", "LeaseGrant") => unary(Unary::LeaseGrant),
            ("etcdserverpb.Lease", "LeaseRevoke") => unary(Unary::LeaseRevoke),
            ("etcdserverpb.Lease", "LeaseTimeToLive") => unary(Unary::LeaseTimeToLive),
            ("etcdserverpb.Lease", "LeaseLeases") => unary(Unary::LeaseLeases),
            ("etcdserverpb.Lease", "LeaseKeepAlive") => lasting(Lasting::LeaseKeepAlive),
            ("etcdserverpb.Cluster", "MemberList") => unary(Unary::MemberList),
            ("etcdserverpb.Cluster", _) => unary(Unary::NotYet("a change of members")),
            ("etcdserverpb.Maintenance", "Alarm") => unary(Unary::Alarm),
            ("etcdserverpb.Maintenance", "Status") => unary(Unary::Status),
            ("etcdserverpb.Maintenance", "Defragment") => unary(Unary::Defragment),
            ("etcdserverpb.Maintenance", "Hash") => unary(Unary::Hash),
            ("etcdserverpb.Maintenance", "HashKV") => unary(Unary::HashKv),
            ("etcdserverpb.Maintenance", "MoveLeader") => unary(Unary::MoveLeader),
            ("etcdserverpb.Maintenance", "Downgrade") => unary(Unary::NotYet("a downgrade")),
            ("etcdserverpb.Maintenance", "Snapshot") => lasting(Lasting::Snapshot),
            ("etcdserverpb.Auth", "AuthStatus") => unary(Unary::AuthStatus),
            ("etcdserverpb.Auth", _) => unary(Unary::NotYet("authentication")),
            ("v3lockpb.Lock", "Lock") => unary(Unary::Lock),
            ("v3lockpb.Lock", "Unlock") => unary(Unary::Unlock),
            ("v3electionpb.Election", "Campaign") => unary(Unary::Campaign),
            ("v3electionpb.Election", "Proclaim") => unary(Unary::Proclaim),
            ("v3electionpb.Election", "Leader") => unary(Unary::Leader),
            ("v3electionpb.Election", "Resign") => unary(Unary::Resign),
            ("v3electionpb.Election", "Observe") => lasting(Lasting::Observe),
            _ => None,
        }
    }
}

/// The answer to a call that nobody knows, as gRPC's servers put it.
pub(super) fn unknown(path: &str) -> Status {
    let (service, method) = path.trim_start_matches('/').split_once('/').unwrap_or((path, ""));
    Status::new(
        Code::Unimplemented,
        format!("unknown method {method} for service {service}"),
    )
}

/// Reads a request.
pub(super) fn read<M: Message + Default>(message: Bytes) -> Result<M, Status> {
    M::decode(message).map_err(|error| {
        Status::new(
            Code::Internal,
            format!("grpc: error unmarshalling request: {error}"),
        )
    })
}

impl Inner {
    /// Answers a call with one request: the answer comes framed.
    pub(super) async fn unary(&self, call: Unary, message: Bytes) -> Result<Bytes, Status> {
        Ok(match call {
            Unary::Range => self.range(read(message)?).await?,
            Unary::Put => frame::encode(&self.put(message).await?),
            Unary::DeleteRange => frame::encode(&self.delete_range(message).await?),
            Unary::Txn => frame::encode(&Box::pin(self.txn(message)).await?),
            Unary::Compact => frame::encode(&self.compact(read(message)?).await?),
            Unary::LeaseGrant => frame::encode(&self.lease_grant(read(message)?).await?),
            Unary::LeaseRevoke => frame::encode(&self.lease_revoke(read(message)?).await?),
            Unary::LeaseTimeToLive => frame::encode(&self.lease_time_to_live(read(message)?).await?),
            Unary::LeaseLeases => frame::encode(&self.lease_leases()),
            Unary::MemberList => frame::encode(&self.member_list()),
            Unary::Alarm => frame::encode(&Box::pin(self.alarm(read(message)?)).await?),
            Unary::Status => frame::encode(&self.status()),
            Unary::Defragment => frame::encode(&self.defragment()),
            Unary::Hash => frame::encode(&self.hash().await?),
            Unary::HashKv => frame::encode(&self.hash_kv(read(message)?).await?),
            Unary::MoveLeader => frame::encode(&self.move_leader(&read(message)?)?),
            Unary::AuthStatus => frame::encode(&self.auth_status()),
            Unary::Lock => frame::encode(&Box::pin(self.lock(read(message)?)).await?),
            Unary::Unlock => frame::encode(&self.unlock(read(message)?).await?),
            Unary::Campaign => frame::encode(&Box::pin(self.campaign(read(message)?)).await?),
            Unary::Proclaim => frame::encode(&Box::pin(self.proclaim(read(message)?)).await?),
            Unary::Leader => frame::encode(&self.leader(read(message)?).await?),
            Unary::Resign => frame::encode(&Box::pin(self.resign(read(message)?)).await?),
            Unary::NotYet(what) => return Err(Refused::NotImplemented(what).into()),
        })
    }

    /// Runs a call that lasts, to its end.
    pub(super) async fn lasting<I, O>(
        &self,
        call: Lasting,
        mut requests: I,
        answers: &mut O,
    ) -> Result<(), Status>
    where
        I: Incoming,
        O: Outgoing,
    {
        let _open = self.stats.open_stream();
        match call {
            Lasting::RangeStream => self.range_stream(only(&mut requests).await?, answers).await,
            Lasting::Watch => Box::pin(self.watch(requests, answers)).await,
            Lasting::LeaseKeepAlive => self.lease_keep_alive(requests, answers).await,
            Lasting::Snapshot => self.snapshot(answers).await,
            Lasting::Observe => Box::pin(self.observe(only(&mut requests).await?, answers)).await,
        }
    }
}

/// The one request of a call with many answers.
async fn only<M: Message + Default>(requests: &mut impl Incoming) -> Result<M, Status> {
    match requests.next().await? {
        Some(message) => read(message),
        None => Err(Status::new(Code::Internal, "grpc: the request has no message")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Calls are found by their whole path; what is near one is none.
    #[test]
    fn calls_are_found_by_path() {
        assert_eq!(Call::at("/etcdserverpb.KV/Put"), Some(Call::Unary(Unary::Put)));
        assert_eq!(
            Call::at("/v3electionpb.Election/Observe"),
            Some(Call::Lasting(Lasting::Observe))
        );
        for path in [
            "",
            "/",
            "/etcdserverpb.KV",
            "etcdserverpb.KV/Put",
            "/etcdserverpb.KV/Put/",
            "/etcdserverpb.kv/Put",
        ] {
            assert_eq!(Call::at(path), None, "{path}");
        }
        let status = unknown("/a.B/C");
        assert_eq!(
            (status.code, &*status.text),
            (Code::Unimplemented, "unknown method C for service a.B")
        );
    }
}
