//! Leases: granting, ending, asking, keeping alive.

use koinon_core_kv::LeaseId;

use super::calls::read;
use super::door::Inner;
use super::pipe::{Incoming, Outgoing, send};
use crate::translate::{DoorError, request};
use crate::wire::etcdserverpb::{
    LeaseGrantRequest, LeaseGrantResponse, LeaseKeepAliveRequest, LeaseKeepAliveResponse,
    LeaseLeasesResponse, LeaseRevokeRequest, LeaseRevokeResponse, LeaseStatus, LeaseTimeToLiveRequest,
    LeaseTimeToLiveResponse,
};
use crate::wire::status::Status;

impl Inner {
    pub(super) async fn lease_grant(&self, message: LeaseGrantRequest) -> Result<LeaseGrantResponse, Status> {
        let (id, ttl_s) = request::lease_grant(&message)?;
        self.room().map_err(DoorError::from)?;
        let granted = match self.space.lease_grant(id, ttl_s).await {
            Ok(granted) => granted,
            Err(error) => return Err(DoorError::from(self.refused(error).await).into()),
        };
        let (id, ttl_s) = granted.value;
        Ok(LeaseGrantResponse {
            header: self.header(granted.revision),
            id: id.0,
            ttl: ttl_s,
            error: String::new(),
        })
    }

    pub(super) async fn lease_revoke(
        &self,
        message: LeaseRevokeRequest,
    ) -> Result<LeaseRevokeResponse, Status> {
        let done = self
            .space
            .lease_revoke(LeaseId(message.id))
            .await
            .map_err(DoorError::from)?;
        Ok(LeaseRevokeResponse {
            header: self.header(done.revision),
        })
    }

    /// A lease that there is not is no error: its time is −1.
    pub(super) async fn lease_time_to_live(
        &self,
        message: LeaseTimeToLiveRequest,
    ) -> Result<LeaseTimeToLiveResponse, Status> {
        let id = LeaseId(message.id);
        let found = self
            .space
            .lease_state(id, message.keys)
            .await
            .map_err(DoorError::from)?;
        let header = self.header(found.revision);
        Ok(match found.value {
            Some(state) => LeaseTimeToLiveResponse {
                header,
                id: id.0,
                // Whole seconds, as etcd counts them.
                ttl: i64::try_from(state.remaining_ms / 1000).unwrap_or(i64::MAX),
                granted_ttl: state.granted_s,
                keys: state.keys,
            },
            None => LeaseTimeToLiveResponse {
                header,
                id: id.0,
                ttl: -1,
                ..LeaseTimeToLiveResponse::default()
            },
        })
    }

    pub(super) fn lease_leases(&self) -> LeaseLeasesResponse {
        let leases = self.space.leases();
        LeaseLeasesResponse {
            header: self.header(leases.revision),
            leases: leases
                .value
                .into_iter()
                .map(|id| LeaseStatus { id: id.0 })
                .collect(),
        }
    }

    /// One answer for each request; a lease that is no more is no error either: its time is 0.
    pub(super) async fn lease_keep_alive(
        &self,
        mut requests: impl Incoming,
        answers: &mut impl Outgoing,
    ) -> Result<(), Status> {
        while let Some(message) = requests.next().await? {
            let LeaseKeepAliveRequest { id } = read(message)?;
            // Before it is renewed: nobody may take a lease for alive at a revision at which it was ended.
            let header = self.header(self.space.revision());
            let kept = self
                .space
                .lease_keep_alive(LeaseId(id))
                .await
                .map_err(DoorError::from)?;
            let ttl = kept.value.unwrap_or(0);
            send(answers, &LeaseKeepAliveResponse { header, id, ttl }).await?;
        }
        Ok(())
    }
}
