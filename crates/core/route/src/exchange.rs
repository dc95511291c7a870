//! What a route's filters know of one request from its way up to its answer's way down.

use crate::vars::Vars;

/// One request's notes. Empty ones allocate nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exchange {
    /// The variables that the route's predicates took.
    pub vars: Vars,
    /// `PrefixPath` works once per exchange, however often it is listed.
    pub(crate) prefixed: bool,
}

impl Exchange {
    /// Forgets everything, and keeps the memory for the next request.
    pub fn clear(&mut self) {
        self.vars.clear();
        self.prefixed = false;
    }
}
