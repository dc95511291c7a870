//! Where a route stands in the index, and what is left to be asked of it there.

use std::sync::Arc;

use crate::pattern::{HostPattern, HostReach, Lead, PathPattern, PathReach};
use crate::predicate::{Matcher, Narrows};
use crate::route::Route;

/// The most places one route takes; one with more stands at its hosts only.
const PLACES_MAX: usize = 4096;

/// Everywhere that a route stands: at each of its hosts with each of its paths.
pub(super) struct Places {
    pub(super) hosts: Vec<HostPlace>,
    pub(super) paths: Vec<PathPlace>,
    /// The predicates of which the places know nothing.
    pub(super) others: Box<[Arc<dyn Matcher>]>,
}

pub(super) struct HostPlace {
    /// The labels that every host ends with.
    pub(super) end: String,
    pub(super) holds: Holds<HostReach>,
}

pub(super) struct PathPlace {
    /// The segments that every path begins with.
    pub(super) leads: Vec<Lead>,
    pub(super) holds: Holds<PathReach>,
}

/// When a predicate holds for a request that came to the place of one of its patterns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holds<Reach> {
    /// Always: there is no such predicate.
    Always,
    /// When the request is within this; otherwise it must be asked.
    Within(Reach),
    /// Nobody knows before it is asked.
    Unknown,
}

impl Places {
    pub(super) fn of(route: &Route) -> Self {
        let (mut hosts, mut paths, mut others) = (Vec::new(), Vec::new(), Vec::new());
        // of several predicates of a kind one narrows enough, because all must hold
        for step in &route.predicates {
            match step.does.narrows() {
                Narrows::Hosts(patterns) if hosts.is_empty() && !patterns.is_empty() => {
                    hosts.extend(patterns.iter().map(HostPlace::of));
                }
                Narrows::Paths(patterns) if paths.is_empty() && !patterns.is_empty() => {
                    paths.extend(patterns.iter().map(PathPlace::of));
                }
                Narrows::Hosts(_) | Narrows::Paths(_) | Narrows::Nothing => {
                    others.push(Arc::clone(&step.does));
                }
            }
        }
        if hosts.is_empty() {
            hosts.push(HostPlace::every());
        }
        if paths.is_empty() {
            paths.push(PathPlace::every(Holds::Always));
        }
        if hosts.len().saturating_mul(paths.len()) > PLACES_MAX {
            paths = vec![PathPlace::every(Holds::Unknown)];
        }
        Self {
            hosts,
            paths,
            others: others.into(),
        }
    }
}

impl HostPlace {
    fn of(pattern: &HostPattern) -> Self {
        Self {
            end: pattern.literal_end(),
            holds: Holds::of(pattern.reach()),
        }
    }

    fn every() -> Self {
        Self {
            end: String::new(),
            holds: Holds::Always,
        }
    }
}

impl PathPlace {
    fn of(pattern: &PathPattern) -> Self {
        Self {
            leads: pattern.leads(),
            holds: Holds::of(pattern.reach()),
        }
    }

    fn every(holds: Holds<PathReach>) -> Self {
        Self {
            leads: Vec::new(),
            holds,
        }
    }
}

impl<Reach> Holds<Reach> {
    fn of(reach: Option<Reach>) -> Self {
        reach.map_or(Self::Unknown, Self::Within)
    }
}
