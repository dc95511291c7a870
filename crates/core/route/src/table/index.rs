//! Which routes are worth asking for a request: by the end of its host, then by the beginning of its path.
//!
//! Two trees, one in the other: host labels from the right, and at each place of it a tree of path segments from
//! the left. A route stands wherever a host and path that it takes must pass. A walk visits the places that the
//! request passes, the most special first, and at each looks only at routes that would win over the best found so
//! far. Most routes name a host or a path in plain characters; that the request came to such a place settles whether
//! they take it, and they are not asked. Nothing is allocated, and few lines of memory are read.
//!
//! Invariants:
//! - a route that takes a request stands at a place that the request passes. So it follows `HostPattern::literal_end`
//!   and `PathPattern::leads` as far as they are certain, and not deeper than the bounds below;
//! - a route is settled without being asked only where its place is the whole of its pattern's literal part, and the
//!   request is one that the patterns' `reach` speaks of.

use std::num::NonZeroU32;
use std::sync::Arc;

use super::edges::Edges;
use super::place::{Holds, HostPlace, PathPlace, Places};
use crate::pattern::{HostReach, Lead, PathReach};
use crate::predicate::{Matcher, Subject};
use crate::route::Route;

/// How deep each tree goes; more would select no better and would let a file choose the walk's recursion.
const DEPTH_MAX: usize = 16;
/// The longest host label that is looked up: DNS allows 63, and a walk lowers its case in a buffer of this size.
const LABEL_BYTES_MAX: usize = 64;

/// Both trees.
#[derive(Default)]
pub(super) struct Index {
    /// The first is the root.
    nodes: Vec<Node>,
    labels: Edges,
    segments: Edges,
    /// Those of one node together, in its order.
    candidates: Vec<Candidate>,
    /// By rank, the predicates of which a route's places know nothing.
    others: Vec<Box<[Arc<dyn Matcher>]>>,
}

/// A place of hosts, of paths, or of both: the paths of any host begin where the host's labels end.
#[derive(Default)]
struct Node {
    has_labels: bool,
    has_segments: bool,
    /// Where any segment leads to.
    any: Option<NonZeroU32>,
    /// Its part of the candidates.
    first: u32,
    end: u32,
}

/// A route at one of its places. Lower ranks win; those of one place ascend.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Candidate {
    rank: u32,
    host: Holds<HostReach>,
    path: Holds<PathReach>,
}

impl Index {
    /// Of `routes` in the order in which they are to win.
    pub(super) fn new(routes: &[Route]) -> Self {
        let mut growing = Growing::default();
        growing.index.nodes.push(Node::default());
        for (rank, route) in (0_u32..).zip(routes) {
            let Places { hosts, paths, others } = Places::of(route);
            growing.index.others.push(others);
            for host in &hosts {
                let (host_node, host) = growing.host(host);
                for path in &paths {
                    let (node, path) = growing.path(host_node, path);
                    growing.candidates.push((node, Candidate { rank, host, path }));
                }
            }
        }
        growing.finish()
    }

    /// The first of the routes that takes `subject`; `fits` asks one.
    pub(super) fn first(&self, subject: &Subject<'_>, fits: &dyn Fn(usize) -> bool) -> Option<usize> {
        let host = subject.request.host();
        let mut walk = Walk {
            index: self,
            subject,
            bare_host: host.is_some_and(|host| !host.starts_with('.') && !host.ends_with('.')),
            fits,
            best: u32::MAX,
        };
        walk.host(0, host.unwrap_or_default());
        (walk.best != u32::MAX).then_some(walk.best as usize)
    }
}

/// An index while routes are added.
#[derive(Default)]
struct Growing {
    index: Index,
    /// Each with its node.
    candidates: Vec<(u32, Candidate)>,
}

impl Growing {
    /// The node of `place`, and what coming there says.
    fn host(&mut self, place: &HostPlace) -> (u32, Holds<HostReach>) {
        let mut node = 0;
        for (depth, label) in place
            .end
            .rsplit('.')
            .filter(|label| !label.is_empty())
            .enumerate()
        {
            let next = (depth < DEPTH_MAX && label.len() <= LABEL_BYTES_MAX)
                .then(|| self.label(node, label.as_bytes()))
                .flatten();
            let Some(next) = next else {
                return (node, Holds::Unknown);
            };
            node = next.get();
        }
        (node, place.holds)
    }

    fn path(&mut self, host_node: u32, place: &PathPlace) -> (u32, Holds<PathReach>) {
        let mut node = host_node;
        for (depth, lead) in place.leads.iter().enumerate() {
            let next = match lead {
                _ if depth >= DEPTH_MAX => None,
                Lead::Literal(text) => self.segment(node, text.as_bytes()),
                Lead::Any => self.any(node),
            };
            let Some(next) = next else {
                return (node, Holds::Unknown);
            };
            node = next.get();
        }
        (node, place.holds)
    }

    fn label(&mut self, from: u32, text: &[u8]) -> Option<NonZeroU32> {
        if let Some(known) = self.index.labels.get(from, text) {
            return Some(known);
        }
        let to = self.node()?;
        self.index.labels.add(from, text, to)?;
        self.index.nodes[from as usize].has_labels = true;
        Some(to)
    }

    fn segment(&mut self, from: u32, text: &[u8]) -> Option<NonZeroU32> {
        if let Some(known) = self.index.segments.get(from, text) {
            return Some(known);
        }
        let to = self.node()?;
        self.index.segments.add(from, text, to)?;
        self.index.nodes[from as usize].has_segments = true;
        Some(to)
    }

    fn any(&mut self, from: u32) -> Option<NonZeroU32> {
        let known = self.index.nodes[from as usize].any;
        let to = known.or_else(|| self.node())?;
        self.index.nodes[from as usize].any = Some(to);
        Some(to)
    }

    fn node(&mut self) -> Option<NonZeroU32> {
        let next = u32::try_from(self.index.nodes.len())
            .ok()
            .and_then(NonZeroU32::new)?;
        self.index.nodes.push(Node::default());
        Some(next)
    }

    /// Gives each node its candidates.
    fn finish(mut self) -> Index {
        // stable, so the ranks of a node ascend
        self.candidates.sort_by_key(|(node, _)| *node);
        // two patterns of one route may lead to one place and say the same of it
        self.candidates.dedup();
        // no more than routes with their places may be, which 32 bits count
        for (at, (node, candidate)) in (0_u32..).zip(&self.candidates) {
            let node = &mut self.index.nodes[*node as usize];
            if node.end == 0 {
                node.first = at;
            }
            node.end = at + 1;
            self.index.candidates.push(*candidate);
        }
        self.index
    }
}

/// One request's way through the trees.
struct Walk<'w> {
    index: &'w Index,
    subject: &'w Subject<'w>,
    /// There is a host, and no dot before or behind it.
    bare_host: bool,
    fits: &'w dyn Fn(usize) -> bool,
    best: u32,
}

impl Walk<'_> {
    /// `rest` is what of the host is left of this place.
    fn host(&mut self, at_node: u32, rest: &str) {
        let Some(node) = self.index.nodes.get(at_node as usize) else {
            return;
        };
        if node.has_labels {
            let rest = rest.trim_end_matches('.');
            let (before, label) = rest.rsplit_once('.').unwrap_or(("", rest));
            let mut buffer = [0; LABEL_BYTES_MAX];
            let next = lower(label, &mut buffer).and_then(|key| self.index.labels.get(at_node, key));
            if let Some(next) = next {
                self.host(next.get(), before);
            }
        }
        self.path(at_node, 0, rest.is_empty());
    }

    /// `at` is where the path goes on from this place.
    fn path(&mut self, at_node: u32, at: usize, whole_host: bool) {
        let index = self.index;
        let Some(node) = index.nodes.get(at_node as usize) else {
            return;
        };
        let goes_on = node.has_segments || node.any.is_some();
        if let Some((segment, end)) = goes_on.then(|| self.segment(at)).flatten() {
            if node.has_segments {
                let text = self.subject.path.compared(segment);
                if let Some(next) = index.segments.get(at_node, text.as_bytes()) {
                    self.path(next.get(), end, whole_host);
                }
            }
            if let Some(any) = node.any {
                self.path(any.get(), end, whole_host);
            }
        }
        self.ask(node, at, whole_host);
    }

    fn segment(&self, at: usize) -> Option<(&str, usize)> {
        let path = &self.subject.path;
        path.is_separator(at).then(|| path.segment(at + 1)).flatten()
    }

    /// Looks at the routes of a place.
    fn ask(&mut self, node: &Node, at: usize, whole_host: bool) {
        let here = self.index.candidates.get(node.first as usize..node.end as usize);
        let mut better = here
            .unwrap_or_default()
            .iter()
            .take_while(|candidate| candidate.rank < self.best);
        if let Some(taker) = better.find(|candidate| self.takes(**candidate, at, whole_host)) {
            self.best = taker.rank;
        }
    }

    fn takes(&self, candidate: Candidate, at: usize, whole_host: bool) -> bool {
        let rank = candidate.rank as usize;
        let is_settled = self.holds_host(candidate.host, whole_host) && self.holds_path(candidate.path, at);
        match self.index.others.get(rank).filter(|_| is_settled) {
            Some(others) => others.iter().all(|other| other.matches(self.subject)),
            None => (self.fits)(rank),
        }
    }

    fn holds_host(&self, holds: Holds<HostReach>, whole_host: bool) -> bool {
        match holds {
            Holds::Always => true,
            Holds::Within(HostReach::Whole) => self.bare_host && whole_host,
            Holds::Within(HostReach::EndsWith) => self.bare_host,
            Holds::Unknown => false,
        }
    }

    fn holds_path(&self, holds: Holds<PathReach>, at: usize) -> bool {
        let path = &self.subject.path;
        let ends = at == path.len();
        let reaches = match holds {
            Holds::Always => return true,
            Holds::Within(PathReach::Whole) => ends,
            Holds::Within(PathReach::WholeOrSlash) => ends || (path.is_separator(at) && at + 1 == path.len()),
            Holds::Within(PathReach::Below) => ends || path.is_separator(at),
            Holds::Unknown => false,
        };
        reaches && path.is_valid()
    }
}

/// `label` in lower case, if it is short enough to be in the tree.
fn lower<'b>(label: &str, buffer: &'b mut [u8; LABEL_BYTES_MAX]) -> Option<&'b [u8]> {
    let lower = buffer.get_mut(..label.len())?;
    lower.copy_from_slice(label.as_bytes());
    lower.make_ascii_lowercase();
    Some(lower)
}
