//! Who belongs to the cluster, and who may speak to it. With one member and no users there is little to say.

use super::door::Inner;
use crate::wire::etcdserverpb::{AuthStatusResponse, MemberListResponse};

impl Inner {
    /// etcd leaves the revision out here, and so do we.
    pub(super) fn member_list(&self) -> MemberListResponse {
        MemberListResponse {
            header: self.header(0),
            members: vec![self.identity.member()],
        }
    }

    /// Nobody is asked who they are; 1 is the revision of a list of users that was never changed.
    pub(super) fn auth_status(&self) -> AuthStatusResponse {
        AuthStatusResponse {
            header: self.header(self.space.revision()),
            enabled: false,
            auth_revision: 1,
        }
    }
}
