//! The discovery locator: a route for every service that the registry knows, `/orders/**` to `lb://orders`.
//!
//! Differences to Spring: routes come in the order in which the services are given (there: of a hash map), and
//! an instance's metadata does not become its route's.

pub(crate) mod expression;

use std::collections::HashSet;

use crate::definition::{Args, Definition, RouteDefinition, Text};
use crate::problem::Place;
use expression::Expression;

/// What Spring puts before a service's id to make its route's id.
const ID_PREFIX: &str = "ReactiveCompositeDiscoveryClient_";

/// `discovery.locator.*`, when it is enabled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Locator {
    /// Where it is enabled; its routes have this place.
    pub place: Place,
    pub(crate) lower_case_service_id: bool,
    pub(crate) id_prefix: String,
    pub(crate) uri: Expression,
    pub(crate) predicates: Vec<Step>,
    pub(crate) filters: Vec<Step>,
}

/// A predicate or filter whose arguments are made for each service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) name: String,
    pub(crate) args: StepArgs,
    pub(crate) place: Place,
}

/// As [`Args`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StepArgs {
    Positional(Vec<(Expression, Place)>),
    Named(Vec<(String, Expression, Place)>),
}

impl Default for Locator {
    fn default() -> Self {
        let place = Place::default();
        let step = |name: &str, args: Vec<Expression>| Step {
            name: name.to_owned(),
            args: StepArgs::Positional(args.into_iter().map(|arg| (arg, place)).collect()),
            place,
        };
        Self {
            place,
            lower_case_service_id: false,
            id_prefix: ID_PREFIX.to_owned(),
            uri: Expression::around("lb://", ""),
            predicates: vec![step("Path", vec![Expression::around("/", "/**")])],
            filters: vec![step(
                "RewritePath",
                vec![
                    Expression::around("/", "/?(?<remaining>.*)"),
                    Expression::literal("/${remaining}"),
                ],
            )],
        }
    }
}

impl Locator {
    /// A route for each of `services`, in their order; one that is named twice has one route.
    ///
    /// A service's id goes into paths, expressions and the URI as it is, as in Spring, where Eureka's services
    /// have their ids in capitals (`lower-case-service-id` makes the paths small, never the URI or the route's
    /// id). So a name may make a route that does not compile; whoever compiles leaves that one out.
    ///
    /// As in Spring these routes come before the file's own of the same order, so a route of the file for the same path
    /// needs an order below 0.
    #[must_use]
    pub fn routes<'s>(&self, services: impl IntoIterator<Item = &'s str>) -> Vec<RouteDefinition> {
        let mut known = HashSet::new();
        let once = services.into_iter().filter(|service| known.insert(*service));
        once.map(|service| self.route(service)).collect()
    }

    fn route(&self, service: &str) -> RouteDefinition {
        let id = if self.lower_case_service_id {
            service.to_lowercase()
        } else {
            service.to_owned()
        };
        let place = self.place;
        RouteDefinition {
            id: format!("{}{service}", self.id_prefix),
            uri: Text {
                value: self.uri.value(service),
                place,
            },
            predicates: self.predicates.iter().map(|step| step.definition(&id)).collect(),
            filters: self.filters.iter().map(|step| step.definition(&id)).collect(),
            metadata: Vec::new(),
            order: 0,
            enabled: true,
            place,
        }
    }
}

impl Step {
    fn definition(&self, service_id: &str) -> Definition {
        let text = |expression: &Expression, place: Place| Text {
            value: expression.value(service_id),
            place,
        };
        let args = match &self.args {
            StepArgs::Positional(args) if args.is_empty() => Args::None,
            StepArgs::Positional(args) => {
                Args::Positional(args.iter().map(|(arg, place)| text(arg, *place)).collect())
            }
            StepArgs::Named(args) => {
                let named = args
                    .iter()
                    .map(|(key, arg, place)| (key.clone(), text(arg, *place)));
                Args::Named(named.collect())
            }
        };
        Definition {
            name: self.name.clone(),
            args,
            place: self.place,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Locator;
    use crate::definition::{Args, Definition};

    fn args(definition: &Definition) -> Vec<&str> {
        match &definition.args {
            Args::Positional(texts) => texts.iter().map(|text| text.value.as_str()).collect(),
            Args::None | Args::Named(_) => Vec::new(),
        }
    }

    #[test]
    fn routes_are_those_that_spring_makes() {
        // protects: what `discovery.locator.enabled: true` alone means
        let mut locator = Locator::default();
        let routes = locator.routes(["ORDERS", "users", "ORDERS"]);
        assert_eq!(routes.len(), 2);
        let route = &routes[0];
        assert_eq!(route.id, "ReactiveCompositeDiscoveryClient_ORDERS");
        assert_eq!(route.uri.value, "lb://ORDERS");
        assert_eq!(route.predicates[0].name, "Path");
        assert_eq!(args(&route.predicates[0]), ["/ORDERS/**"]);
        assert_eq!(route.filters[0].name, "RewritePath");
        assert_eq!(
            args(&route.filters[0]),
            ["/ORDERS/?(?<remaining>.*)", "/${remaining}"]
        );
        assert!(route.enabled);

        locator.lower_case_service_id = true;
        let route = &locator.routes(["ORDERS"])[0];
        assert_eq!(route.uri.value, "lb://ORDERS");
        assert_eq!(args(&route.predicates[0]), ["/orders/**"]);
    }
}
