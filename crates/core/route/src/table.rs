//! The routes in force: an immutable snapshot, made at reload and asked for every request.
//!
//! Invariant: [`RouteTable::find`] gives the first route, by order and then by place in the file, all of whose
//! predicates hold. The index decides which routes are asked, and does not ask a predicate whose answer is certain
//! where the request came to; `tests/laws.rs` holds both to what asking everything finds.

mod edges;
mod index;
mod place;

use std::fmt;
use std::sync::Arc;

use crate::compile::{self, Compilation};
use crate::definition::GatewayDefinition;
use crate::explain::{self, Explanation};
use crate::extensions::Extensions;
use crate::predicate::Subject;
use crate::problem::{Problem, Problems};
use crate::route::Route;
use crate::vars::Vars;
use crate::view::RequestView;
use index::Index;

/// All routes of a gateway.
#[derive(Default)]
pub struct RouteTable {
    /// Sorted by order, equals by their place in the file.
    routes: Box<[Arc<Route>]>,
    index: Index,
}

impl RouteTable {
    /// Compiles what a file says, and the routes that `extensions` has; `file` is the name that problems bear. With
    /// the table come notes of what is surprising in it.
    ///
    /// # Errors
    /// All problems at once, when there is one; no part of the file is then in force.
    pub fn compile(
        definition: &GatewayDefinition,
        file: &str,
        extensions: &Extensions,
    ) -> Result<(Self, Vec<Problem>), Problems> {
        Self::compile_with(&Compilation {
            definition,
            found: &[],
            forgiving: false,
            file,
            extensions,
        })
    }

    /// As [`Self::compile`], with all that a table can be made of.
    ///
    /// # Errors
    /// All problems at once, when there is one.
    pub fn compile_with(from: &Compilation<'_>) -> Result<(Self, Vec<Problem>), Problems> {
        let (routes, notes) = compile::compile(from)?;
        Ok((Self::of(routes), notes))
    }

    /// `routes` are sorted and know their places.
    pub(crate) fn of(routes: Vec<Route>) -> Self {
        Self {
            index: Index::new(&routes),
            routes: routes.into_iter().map(Arc::new).collect(),
        }
    }

    /// The route that takes `request`; `vars` then has its variables and no others.
    pub fn find(&self, request: &dyn RequestView, vars: &mut Vars) -> Option<&Arc<Route>> {
        vars.clear();
        let subject = Subject::new(request);
        let fits = |rank: usize| self.routes.get(rank).is_some_and(|route| route.matches(&subject));
        let route = self.routes.get(self.index.first(&subject, &fits)?)?;
        if route.has_variables {
            route.capture(&subject, vars);
        }
        Some(route)
    }

    /// Which route takes `request` and why the ones before it do not, and what becomes of the request.
    #[must_use]
    pub fn explain(&self, request: &explain::OwnedRequest) -> Explanation {
        explain::explain(self, request)
    }

    /// All routes in the order in which they are matched.
    #[must_use]
    pub fn routes(&self) -> &[Arc<Route>] {
        &self.routes
    }

    /// The route named `id`.
    #[must_use]
    pub fn route(&self, id: &str) -> Option<&Arc<Route>> {
        self.routes.iter().find(|route| &*route.id == id)
    }
}

impl fmt::Debug for RouteTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RouteTable")
            .field("routes", &self.routes.len())
            .finish_non_exhaustive()
    }
}
