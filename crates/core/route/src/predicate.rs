//! Predicates: what a request must be for a route to take it. All predicates of a route must hold.
//!
//! A file each, and [`KINDS`] is the table of them: a new predicate is its file, its `mod` line and its row.

mod header;
mod host;
mod method;
mod path;
mod query;

use crate::kind::Kind;
use crate::pattern::{HostPattern, PathPattern, RawPath};
use crate::vars::Vars;
use crate::view::RequestView;

/// An own predicate of a user of the library. A closure over the request is one too.
pub trait Predicate: Send + Sync {
    /// Whether it holds.
    fn matches(&self, request: &dyn RequestView) -> bool;

    /// Takes variables out of a request for which all predicates of the route hold.
    fn capture(&self, request: &dyn RequestView, vars: &mut Vars) {
        let _ = (request, vars);
    }
}

impl<F: Fn(&dyn RequestView) -> bool + Send + Sync> Predicate for F {
    fn matches(&self, request: &dyn RequestView) -> bool {
        self(request)
    }
}

/// A request while routes are tried on it, with what is found out once for all of them.
#[derive(Clone, Copy)]
pub(crate) struct Subject<'r> {
    pub(crate) request: &'r dyn RequestView,
    pub(crate) path: RawPath<'r>,
}

impl<'r> Subject<'r> {
    pub(crate) fn new(request: &'r dyn RequestView) -> Self {
        Self {
            request,
            path: RawPath::new(request.raw_path()),
        }
    }
}

/// What the index may use of a predicate.
pub(crate) enum Narrows<'p> {
    /// The path fits one of these.
    Paths(&'p [PathPattern]),
    /// The host fits one of these.
    Hosts(&'p [HostPattern]),
    /// Nothing that it knows.
    Nothing,
}

/// A compiled predicate.
pub(crate) trait Matcher: Send + Sync {
    fn matches(&self, subject: &Subject<'_>) -> bool;

    /// Takes variables out of a request for which [`Matcher::matches`] is true.
    fn capture(&self, subject: &Subject<'_>, vars: &mut Vars) {
        let _ = (subject, vars);
    }

    /// The names that [`Matcher::capture`] may set; `None` when nobody can say.
    fn names(&self) -> Option<Vec<&str>> {
        Some(Vec::new())
    }

    /// Why it does not hold, as a half sentence: `the method is GET`.
    fn why_not(&self, subject: &Subject<'_>) -> String;

    fn narrows(&self) -> Narrows<'_> {
        Narrows::Nothing
    }
}

/// The predicates that a route file can name.
pub(crate) const KINDS: &[Kind<dyn Matcher>] =
    &[header::KIND, host::KIND, method::KIND, path::KIND, query::KIND];

/// Spring Cloud Gateway's predicates that are not here yet.
pub(crate) const NOT_YET: &[&str] = &[
    "After",
    "Before",
    "Between",
    "CloudFoundryRouteService",
    "Cookie",
    "ReadBody",
    "ReadBodyPredicateFactory",
    "RemoteAddr",
    "Version",
    "Weight",
    "XForwardedRemoteAddr",
];

/// An own predicate among the compiled ones.
pub(crate) struct Own(pub(crate) std::sync::Arc<dyn Predicate>);

impl Matcher for Own {
    fn matches(&self, subject: &Subject<'_>) -> bool {
        self.0.matches(subject.request)
    }

    fn capture(&self, subject: &Subject<'_>, vars: &mut Vars) {
        self.0.capture(subject.request, vars);
    }

    fn names(&self) -> Option<Vec<&str>> {
        None
    }

    fn why_not(&self, _: &Subject<'_>) -> String {
        "it says no".to_owned()
    }
}
