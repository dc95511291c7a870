//! The discovery locator: a route for every service that the registry knows.

use crate::definition::RouteDefinition;
use crate::problem::Place;

/// `discovery.locator.*`, when it is enabled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Locator {
    /// Where it is enabled; its routes have this place.
    pub place: Place,
}

impl Locator {
    /// A route for each of `services`, in their order.
    #[must_use]
    pub fn routes<'s>(&self, services: impl IntoIterator<Item = &'s str>) -> Vec<RouteDefinition> {
        services.into_iter().map(|_| RouteDefinition::default()).collect()
    }
}
