//! The differences from the recorded transcripts that are right, each with its reason. A difference that is not here fails
//! its story; an entry that explains nothing any more fails it too.

use crate::server::Kind;

/// One allowed difference.
#[derive(Debug, Clone, Copy)]
pub struct Allowed {
    /// The story.
    pub story: &'static str,
    /// The server that differs.
    pub kind: Kind,
    /// The step's title, or a beginning of it followed by `*`.
    pub step: &'static str,
    /// Why the difference is right.
    pub why: &'static str,
}

impl Allowed {
    /// Whether this entry is about the step.
    pub(crate) fn covers(&self, title: &str) -> bool {
        match self.step.strip_suffix('*') {
            Some(beginning) => title.starts_with(beginning),
            None => title == self.step,
        }
    }
}

/// The list.
pub const ALLOWED: &[Allowed] = &[
    old("v3-maintenance", "etcdctl endpoint status -w json", NEW_FIELDS),
    old("v3-maintenance", "etcdctl endpoint hashkv *", NEW_FIELDS),
    old(
        "v3-maintenance",
        "etcdctl alarm list -w json",
        "3.4 answers an empty list without a header",
    ),
    old("v3-snapshot", "etcdctl snapshot save one.db", NEW_FIELDS),
    old("v3-snapshot", "etcdctl endpoint hashkv -w json", NEW_FIELDS),
    old("v3-alarms", "GET /health*", NEW_FIELDS),
    ours("v3-maintenance", "etcdctl member list*", ALONE),
    ours("v3-older-client", "etcdctl-3.4 member list -w json", ALONE),
    ours(
        "v3-older-client",
        "etcdctl-3.4 endpoint status -w json",
        "3.4 sends the endpoint's whole URL as :authority, which RFC 9113 §8.3.1 does not allow (an authority has no \
         scheme) and the HTTP/2 library refuses; etcdctl from 3.5 on, and 3.4 given an endpoint without scheme, work",
    ),
    ours("v2-ctl-cluster", "ETCDCTL_API=2 etcdctl member list", ALONE),
    ours("v2-http-members", "GET /v2/members*", ALONE),
    ours(
        "v2-http-members",
        "GET /version",
        "the version that is spoken is 3.6, which tells the version of the storage too",
    ),
    ours(
        "v2-http-members",
        "GET /health",
        "the version that is spoken is 3.6, which has room for a reason",
    ),
    ours(
        "v2-http-counters",
        "GET /v2/stats/store: getsFail",
        "etcd looks for its own users in its own tree before each request, and counts that it finds none",
    ),
    ours(
        "v2-http-counters",
        "GET /v2/stats/store: compareAndDelete*",
        MISCOUNTED,
    ),
];

const NEW_FIELDS: &str = "the field came after 3.4";
const ALONE: &str = "with one member there is no peer to reach, so no address of one is told";
const MISCOUNTED: &str = "etcd counts a deletion whose comparison failed as done; Koinon counts it as failed";

/// A difference between the two originals.
const fn old(story: &'static str, step: &'static str, why: &'static str) -> Allowed {
    Allowed {
        story,
        kind: Kind::Debian,
        step,
        why,
    }
}

/// A difference between the original and Koinon.
const fn ours(story: &'static str, step: &'static str, why: &'static str) -> Allowed {
    Allowed {
        story,
        kind: Kind::Koinon,
        step,
        why,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects: every entry says why.
    #[test]
    fn every_entry_has_a_reason() {
        for entry in ALLOWED {
            assert!(entry.why.len() > 20, "{entry:?}");
        }
    }
}
