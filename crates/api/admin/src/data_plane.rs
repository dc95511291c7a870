//! What the door shows of a gateway.
//!
//! A front door does not know the gateway; whoever runs both brings the two together with this trait.

use std::fmt::Debug;

use koinon_core_route::{Explanation, OwnedRequest};

use crate::wire::{Route, Upstream};

/// A gateway as an operator asks it. Answers are of the moment; none may wait.
pub trait DataPlane: Debug + Send + Sync {
    /// The routes in force, in the order in which they are matched.
    fn routes(&self) -> Vec<Route>;
    /// Every upstream that a route names.
    fn upstreams(&self) -> Vec<Upstream>;
    /// What would become of a request.
    fn explain(&self, request: &OwnedRequest) -> Explanation;
}
