//! The policies: how one of several usable endpoints is chosen.
//!
//! A policy is shared by all workers of the node and decides one thing only. What may be chosen from (zones, failure
//! marks, drained endpoints, what the request has tried) is settled before it is asked. A new policy is a file
//! here and a row of [`PolicyKind`]; an application may also bring its own [`Policy`].

mod least_requests;
mod p2c;
mod random;
mod round_robin;
mod weighted;

use std::fmt;
use std::str::FromStr;

use koinon_base::{ErrorKind, Rng};
use thiserror::Error;

use crate::candidates::Candidates;

/// A way to choose.
pub trait Policy: fmt::Debug + Send + Sync {
    /// Chooses a usable place of `candidates`; `None` only if there is none.
    fn choose(&self, candidates: &Candidates<'_>, rng: &mut Rng) -> Option<usize>;
}

/// The policies that can be named in settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum PolicyKind {
    /// One after the other, each as often as every other. What `lb://` means.
    #[default]
    RoundRobin,
    /// Any, each as likely as every other.
    Random,
    /// Each exactly as often as its weight says, evenly spread.
    Weighted,
    /// The one with the fewest requests in flight. Looks at every endpoint: for sets up to some dozens.
    LeastRequests,
    /// Two at random, of these the one with fewer requests in flight: nearly as even, at any size of the set.
    P2c,
}

impl PolicyKind {
    /// Every policy.
    pub const ALL: [Self; 5] = [
        Self::RoundRobin,
        Self::Random,
        Self::Weighted,
        Self::LeastRequests,
        Self::P2c,
    ];

    /// The name in settings.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RoundRobin => "round_robin",
            Self::Random => "random",
            Self::Weighted => "weighted",
            Self::LeastRequests => "least_requests",
            Self::P2c => "p2c",
        }
    }

    /// A policy of this kind, one per upstream and node. `rng` decides where a rotation starts.
    #[must_use]
    pub fn policy(self, rng: &mut Rng) -> Box<dyn Policy> {
        match self {
            Self::RoundRobin => Box::new(round_robin::RoundRobin::new(rng)),
            Self::Random => Box::new(random::Random),
            Self::Weighted => Box::new(weighted::Weighted::new(rng)),
            Self::LeastRequests => Box::new(least_requests::LeastRequests),
            Self::P2c => Box::new(p2c::P2c),
        }
    }
}

impl fmt::Display for PolicyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A name that no policy has.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{name:?} is no balancing policy; known are {known}", known = known_names())]
pub struct UnknownPolicy {
    /// What was given.
    pub name: String,
}

impl UnknownPolicy {
    /// Always [`ErrorKind::Invalid`]: name another.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        ErrorKind::Invalid
    }
}

fn known_names() -> String {
    PolicyKind::ALL.map(PolicyKind::as_str).join(", ")
}

impl FromStr for PolicyKind {
    type Err = UnknownPolicy;

    /// Reads a name in any case, with `_` or `-`.
    fn from_str(name: &str) -> Result<Self, UnknownPolicy> {
        let plain = name.to_ascii_lowercase().replace('-', "_");
        let found = Self::ALL.into_iter().find(|kind| kind.as_str() == plain);
        found.ok_or_else(|| UnknownPolicy {
            name: name.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names are what users write: each must be read back, and a wrong one must say what would be right.
    #[test]
    fn names_are_read_back() {
        for kind in PolicyKind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
        }
        assert_eq!("Least-Requests".parse(), Ok(PolicyKind::LeastRequests));
        let error = "fastest".parse::<PolicyKind>().unwrap_err();
        assert_eq!(
            error.to_string(),
            r#""fastest" is no balancing policy; known are round_robin, random, weighted, least_requests, p2c"#
        );
    }
}
