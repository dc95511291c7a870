//! Who this node is, for clients that tell clusters and members apart by numbers: chosen at the first start, and kept.

use std::net::SocketAddr;

use koinon_api_etcd::translate::Identity;
use koinon_base::Rng;
use serde::{Deserialize, Serialize};

use crate::data_dir::{DataDir, DataDirError};

/// The file in the data folder.
const FILE: &str = "member.json";
/// The member's name, as etcd's is when nobody chose one.
const NAME: &str = "default";

/// The numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Member {
    cluster_id: u64,
    member_id: u64,
}

impl Member {
    /// The member that this data folder belongs to.
    pub(crate) fn of(data_dir: &DataDir, rng: &mut Rng) -> Result<Self, DataDirError> {
        data_dir.kept(FILE, || Self {
            // 0 means nobody.
            cluster_id: rng.next_u64().max(1),
            member_id: rng.next_u64().max(1),
        })
    }

    /// As etcd's clients see it, reached at `addr`.
    pub(crate) fn identity(self, addr: SocketAddr) -> Identity {
        Identity {
            cluster_id: self.cluster_id,
            member_id: self.member_id,
            name: NAME.to_owned(),
            // With one member there is no peer to reach.
            peer_urls: Vec::new(),
            client_urls: vec![format!("http://{addr}")],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A member that forgot its number would be another one to every client that had seen it.
    #[test]
    fn the_numbers_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let data_dir = DataDir::open(folder.path()).unwrap();
        let first = Member::of(&data_dir, &mut Rng::from_seed(1)).unwrap();
        let again = Member::of(&data_dir, &mut Rng::from_seed(2)).unwrap();
        assert_eq!(first, again);
        assert_ne!(first.cluster_id, first.member_id);
        std::fs::write(folder.path().join(FILE), "{").unwrap();
        let error = Member::of(&data_dir, &mut Rng::from_seed(3)).unwrap_err();
        assert!(error.to_string().contains(FILE), "{error}");
    }
}
