//! Who answers: the figures at the beginning of every answer, and the member that they belong to.

use crate::wire::etcdserverpb::{Member, ResponseHeader};

/// The version that the door says it speaks: clients look here for what they may ask.
pub const VERSION: &str = "3.6.0";

/// This member, as clients see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The cluster's number.
    pub cluster_id: u64,
    /// The member's number.
    pub member_id: u64,
    /// The member's name.
    pub name: String,
    /// Where other members reach it.
    pub peer_urls: Vec<String>,
    /// Where clients reach it.
    pub client_urls: Vec<String>,
}

impl Identity {
    /// The header of an answer.
    #[must_use]
    pub fn header(&self, revision: i64, raft_term: u64) -> ResponseHeader {
        ResponseHeader {
            cluster_id: self.cluster_id,
            member_id: self.member_id,
            revision,
            raft_term,
        }
    }

    /// The member as a message.
    #[must_use]
    pub fn member(&self) -> Member {
        Member {
            id: self.member_id,
            name: self.name.clone(),
            peer_ur_ls: self.peer_urls.clone(),
            client_ur_ls: self.client_urls.clone(),
            is_learner: false,
        }
    }
}

/// The header within a transaction's answers: only a revision.
pub(super) fn inner(revision: i64) -> Option<ResponseHeader> {
    Some(ResponseHeader {
        revision,
        ..ResponseHeader::default()
    })
}
