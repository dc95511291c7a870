//! File descriptors: the resource that connections run out of first.
//!
//! Many systems start processes with a soft limit of 1,024, which is for programs that use `select`. We do not, so the
//! soft limit is raised to the hard one, as etcd and HAProxy do. Whoever knows all listeners shares out what there is then,
//! so that a flood of connections on one leaves the others, and the node's own files, enough.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

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

#[cfg(test)]
mod tests {
    use super::*;

    /// A process that may open files at all is told how many.
    #[test]
    fn the_limit_is_known() {
        assert!(raise_limit() >= 64);
    }
}
