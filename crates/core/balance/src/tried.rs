//! What one request has tried already and must not be given again.
//!
//! A few places inline: a request that has failed on that many endpoints is answered, not tried further.

use std::sync::Arc;

use crate::attempt::Attempt;
use crate::state::EndpointState;

/// The endpoints that a request has tried.
#[derive(Debug, Clone, Default)]
pub struct Tried {
    states: [Option<Arc<EndpointState>>; Self::LEN_MAX],
    len: usize,
}

impl Tried {
    /// The most endpoints a request may try.
    pub const LEN_MAX: usize = 8;

    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the endpoint of `attempt`; `false` when there is no room left and the request should be answered.
    #[must_use]
    pub fn add(&mut self, attempt: &Attempt) -> bool {
        let Some(place) = self.states.get_mut(self.len) else {
            return false;
        };
        *place = Some(Arc::clone(attempt.state()));
        self.len += 1;
        true
    }

    /// How many it has tried.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it has tried none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether it has tried the endpoint of this state.
    #[must_use]
    pub fn contains(&self, state: &Arc<EndpointState>) -> bool {
        self.states[..self.len]
            .iter()
            .flatten()
            .any(|tried| Arc::ptr_eq(tried, state))
    }
}
