//! Which routes are worth asking for a request: by the end of its host, then by the beginning of its path.
//!
//! Two trees, one in the other: host labels from the right, and at each place of it a tree of path segments from
//! the left. A route stands wherever a host and path that it takes must pass. A walk visits the places that the
//! request passes, the most special first, and at each asks only routes that would win over the best found so
//! far. It allocates nothing.
//!
//! Invariant: a route that matches a request stands at a place that the request passes. So it follows
//! `HostPattern::literal_end` and `PathPattern::leads` as far as they are certain, and not deeper than the
//! bounds below.

use std::collections::HashMap;

use crate::pattern::{Lead, PathPattern, RawPath};
use crate::predicate::{Narrows, Subject};
use crate::route::Route;

/// How deep each tree goes; more would select no better and would let a file choose the walk's recursion.
const DEPTH_MAX: usize = 16;
/// The longest host label that is looked up: DNS allows 63, and a walk lowers its case in a buffer of this size.
const LABEL_BYTES_MAX: usize = 64;
/// The most places one route takes; one with more stands at its hosts only.
const PLACES_MAX: usize = 4096;

/// The tree of hosts.
#[derive(Default)]
pub(super) struct Index {
    root: HostNode,
}

#[derive(Default)]
struct HostNode {
    /// By label, in lower case.
    labels: HashMap<Box<[u8]>, HostNode>,
    paths: PathNode,
}

#[derive(Default)]
struct PathNode {
    segments: HashMap<Box<str>, PathNode>,
    any: Option<Box<PathNode>>,
    /// Ascending.
    ranks: Vec<u32>,
}

impl Index {
    /// Of `routes` in the order in which they are to win.
    pub(super) fn new(routes: &[Route]) -> Self {
        let mut index = Self::default();
        for (rank, route) in (0_u32..).zip(routes) {
            let (hosts, paths) = places(route);
            for host in &hosts {
                let node = index.root.at(host);
                for path in &paths {
                    node.paths.at(path).put(rank);
                }
            }
        }
        index
    }

    /// The first of the routes for which `fits` is true.
    pub(super) fn first(&self, subject: &Subject<'_>, fits: &dyn Fn(usize) -> bool) -> Option<usize> {
        let mut walk = Walk {
            path: subject.path,
            fits,
            best: u32::MAX,
        };
        let host = subject.request.host().unwrap_or_default();
        walk.host(&self.root, host);
        (walk.best != u32::MAX).then_some(walk.best as usize)
    }
}

impl HostNode {
    /// The place of hosts that end with `end`.
    fn at(&mut self, end: &str) -> &mut Self {
        let mut node = self;
        let labels = end.rsplit('.').filter(|label| !label.is_empty());
        for label in labels
            .take(DEPTH_MAX)
            .take_while(|label| label.len() <= LABEL_BYTES_MAX)
        {
            node = node.labels.entry(label.as_bytes().into()).or_default();
        }
        node
    }
}

impl PathNode {
    fn at(&mut self, leads: &[Lead]) -> &mut Self {
        let mut node = self;
        for lead in leads.iter().take(DEPTH_MAX) {
            node = match lead {
                Lead::Literal(text) => node.segments.entry(text.as_str().into()).or_default(),
                Lead::Any => node.any.get_or_insert_default(),
            };
        }
        node
    }

    fn put(&mut self, rank: u32) {
        // two patterns of one route may lead to one place
        if self.ranks.last() != Some(&rank) {
            self.ranks.push(rank);
        }
    }
}

/// Where a route stands: every host with every path.
fn places(route: &Route) -> (Vec<String>, Vec<Vec<Lead>>) {
    let (mut hosts, mut paths) = (Vec::new(), Vec::new());
    // of several predicates of a kind one is enough, because all must hold
    for step in &route.predicates {
        match step.does.narrows() {
            Narrows::Hosts(patterns) if hosts.is_empty() => {
                hosts.extend(patterns.iter().map(|pattern| pattern.literal_end()));
            }
            Narrows::Paths(patterns) if paths.is_empty() => {
                paths.extend(patterns.iter().map(PathPattern::leads))
            }
            Narrows::Hosts(_) | Narrows::Paths(_) | Narrows::Nothing => {}
        }
    }
    if hosts.is_empty() {
        hosts.push(String::new());
    }
    if paths.is_empty() || hosts.len().saturating_mul(paths.len()) > PLACES_MAX {
        paths = vec![Vec::new()];
    }
    (hosts, paths)
}

/// One request's way through the trees.
struct Walk<'w> {
    path: RawPath<'w>,
    fits: &'w dyn Fn(usize) -> bool,
    best: u32,
}

impl Walk<'_> {
    /// `rest` is what of the host is left of this place.
    fn host(&mut self, node: &HostNode, rest: &str) {
        if !node.labels.is_empty() {
            let rest = rest.trim_end_matches('.');
            let (before, label) = rest.rsplit_once('.').unwrap_or(("", rest));
            if let Some(deeper) = lower(label, &mut [0; LABEL_BYTES_MAX]).and_then(|key| node.labels.get(key))
            {
                self.host(deeper, before);
            }
        }
        self.path(&node.paths, 0);
    }

    /// `at` is where the path goes on from this place.
    fn path(&mut self, node: &PathNode, at: usize) {
        let goes_on = !node.segments.is_empty() || node.any.is_some();
        if let Some((segment, end)) = goes_on.then(|| self.segment(at)).flatten() {
            if let Some(deeper) = node.segments.get(&*self.path.compared(segment)) {
                self.path(deeper, end);
            }
            if let Some(any) = &node.any {
                self.path(any, end);
            }
        }
        self.ask(&node.ranks);
    }

    fn segment(&self, at: usize) -> Option<(&str, usize)> {
        self.path
            .is_separator(at)
            .then(|| self.path.segment(at + 1))
            .flatten()
    }

    fn ask(&mut self, ranks: &[u32]) {
        let better = ranks.iter().take_while(|rank| **rank < self.best);
        let fits = self.fits;
        if let Some(rank) = { better }.find(|rank| fits(**rank as usize)) {
            self.best = *rank;
        }
    }
}

/// `label` in lower case, if it is short enough to be in the tree.
fn lower<'b>(label: &str, buffer: &'b mut [u8; LABEL_BYTES_MAX]) -> Option<&'b [u8]> {
    let lower = buffer.get_mut(..label.len())?;
    lower.copy_from_slice(label.as_bytes());
    lower.make_ascii_lowercase();
    Some(lower)
}
