//! File descriptors: the resource that connections run out of first.
//!
//! Many systems start processes with a soft limit of 1,024, which is for programs that use `select`. We do not, so the
//! soft limit is raised to the hard one, as etcd and HAProxy do. What there is then is shared out between listeners, so
//! that a flood of connections on one leaves the others, and the node's own files, enough.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Kept back for files, pipes and the listeners themselves.
const RESERVED: u64 = 64;

/// Raises the soft limit to the hard one and says how many descriptors this process may have.
pub fn raise_limit() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum.unwrap_or(u64::MAX),
        Err(error) => {
            tracing::warn!(%error, "the limit on open files cannot be raised");
            limit.current.unwrap_or(u64::MAX)
        }
    }
}

/// How many connections each of `listeners` may have: what was asked for, or its share of `descriptors`.
#[must_use]
pub fn share(descriptors: u64, listeners: usize, asked: usize) -> usize {
    let each = descriptors.saturating_sub(RESERVED) / (listeners.max(1) as u64);
    let share = usize::try_from(each).unwrap_or(usize::MAX).min(asked).max(1);
    if share < asked {
        tracing::warn!(
            asked,
            share,
            "the limit on open files allows fewer connections per listener than listen.connections_max"
        );
    }
    share
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two listeners of 8,192 connections must not be promised what 1,024 descriptors cannot give.
    #[test]
    fn descriptors_are_shared_out() {
        assert_eq!(share(1_024, 2, 8_192), 480);
        assert_eq!(share(u64::MAX, 2, 8_192), 8_192);
        assert_eq!(share(10, 2, 8_192), 1);
        assert!(raise_limit() >= 64);
    }
}
