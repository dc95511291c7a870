//! A compiled route: what must hold for a request, what is done to it, where it goes.
//!
//! Immutable and shared by all workers. Neither matching nor the filters' walk allocates; a single filter may.

use std::fmt;
use std::sync::Arc;

use crate::builder::RouteBuilder;
use crate::exchange::Exchange;
use crate::filter::Filter;
use crate::predicate::{Matcher, Subject};
use crate::uri::RouteUri;
use crate::vars::Vars;
use crate::view::{Flow, RequestEdit, ResponseEdit};

/// A route of a table.
pub struct Route {
    /// Its name, unique in the table.
    pub id: Arc<str>,
    /// Lower is matched first.
    pub order: i32,
    /// Where its requests go.
    pub uri: RouteUri,
    /// Its position in [`crate::RouteTable::routes`]: what is counted or kept per route can be kept in a list.
    pub index: usize,
    /// Whether its predicates may take variables.
    pub(crate) has_variables: bool,
    pub(crate) metadata: Box<[(String, String)]>,
    pub(crate) predicates: Box<[Step<dyn Matcher>]>,
    pub(crate) filters: Box<[Step<dyn Filter>]>,
    /// The filters that see the answer, in the order in which they see it.
    pub(crate) after: Box<[Arc<dyn Filter>]>,
}

/// A predicate or filter and how it was written.
pub(crate) struct Step<T: ?Sized> {
    pub(crate) text: Arc<str>,
    pub(crate) does: Arc<T>,
}

impl<T: ?Sized> Clone for Step<T> {
    fn clone(&self) -> Self {
        Self {
            text: Arc::clone(&self.text),
            does: Arc::clone(&self.does),
        }
    }
}

impl Route {
    /// A route made in code.
    #[must_use]
    pub fn builder(id: &str) -> RouteBuilder {
        RouteBuilder::new(id)
    }

    /// The value of `key` in the route's metadata; nested keys are joined by `.`, as in `cors.maxAge`.
    #[must_use]
    pub fn metadata(&self, key: &str) -> Option<&str> {
        let found = self.metadata.iter().find(|(known, _)| known == key);
        found.map(|(_, value)| value.as_str())
    }

    /// Lets the filters see a request on its way up, in their order, until one answers it.
    pub fn before(&self, request: &mut dyn RequestEdit, exchange: &mut Exchange) -> Flow {
        for filter in &self.filters {
            let flow = filter.does.before(request, exchange);
            if matches!(flow, Flow::Answer(_)) {
                return flow;
            }
        }
        Flow::Continue
    }

    /// Lets the filters see an answer on its way down, the last of them first.
    pub fn after(&self, response: &mut dyn ResponseEdit, exchange: &Exchange) {
        for filter in &self.after {
            filter.after(response, exchange);
        }
    }

    /// Whether [`Self::after`] does anything.
    #[must_use]
    pub fn has_after(&self) -> bool {
        !self.after.is_empty()
    }

    /// The route as a person reads it.
    #[must_use]
    pub fn describe(&self) -> RouteDescription {
        RouteDescription {
            id: self.id.to_string(),
            uri: self.uri.to_string(),
            order: self.order,
            predicates: self.predicates.iter().map(|step| step.text.to_string()).collect(),
            filters: self.filters.iter().map(|step| step.text.to_string()).collect(),
            metadata: self.metadata.to_vec(),
        }
    }

    pub(crate) fn matches(&self, subject: &Subject<'_>) -> bool {
        self.predicates.iter().all(|step| step.does.matches(subject))
    }

    /// Takes the variables of a request that matches.
    pub(crate) fn capture(&self, subject: &Subject<'_>, vars: &mut Vars) {
        for step in &self.predicates {
            step.does.capture(subject, vars);
        }
    }
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Route")
            .field("index", &self.index)
            .field("is", &self.describe())
            .finish()
    }
}

/// A route in texts: predicates and filters in the order in which they are asked, default filters in their places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteDescription {
    /// Its name.
    pub id: String,
    /// Where its requests go.
    pub uri: String,
    /// Lower is matched first.
    pub order: i32,
    /// As in `Path=/a/**`.
    pub predicates: Vec<String>,
    /// As in `StripPrefix=1`.
    pub filters: Vec<String>,
    /// Keys and values.
    pub metadata: Vec<(String, String)>,
}
