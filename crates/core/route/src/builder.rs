//! Routes made in code. A builder writes the same definition that a file would, so a route means the same and its
//! problems read the same whichever way it came.
//!
//! ```
//! use koinon_core_route::{Extensions, GatewayDefinition, Route, RouteTable};
//!
//! let route = Route::builder("orders")
//!     .path("/api/orders/**")
//!     .method("GET")
//!     .predicate("weekday", |_: &dyn koinon_core_route::RequestView| true)
//!     .strip_prefix(1)
//!     .add_request_header("X-Via", "koinon")
//!     .uri("lb://orders");
//! let extensions = Extensions::default().route(route);
//! let (table, _) = RouteTable::compile(&GatewayDefinition::default(), "code", &extensions)?;
//! assert_eq!(table.routes()[0].describe().filters, ["StripPrefix=1", "AddRequestHeader=X-Via,koinon"]);
//! # Ok::<(), koinon_core_route::Problems>(())
//! ```

use std::fmt;
use std::sync::Arc;

use crate::definition::{Args, Definition, RouteDefinition, Text};
use crate::filter::Filter;
use crate::predicate::{Matcher, Own, Predicate};
use crate::problem::Place;

/// A predicate or filter before it is compiled: by name, or an own one.
pub(crate) enum Source<T: ?Sized> {
    Named(Definition),
    Own(String, Arc<T>),
}

/// A route that is being made.
pub struct RouteBuilder {
    pub(crate) id: String,
    pub(crate) uri: Text,
    pub(crate) order: i32,
    pub(crate) place: Place,
    pub(crate) predicates: Vec<Source<dyn Matcher>>,
    pub(crate) filters: Vec<Source<dyn Filter>>,
    pub(crate) metadata: Vec<(String, String)>,
}

impl RouteBuilder {
    pub(crate) fn new(id: &str) -> Self {
        Self::from(&RouteDefinition {
            id: id.to_owned(),
            ..RouteDefinition::default()
        })
    }

    /// Where its requests go: `lb://service` or `http://host:port`.
    #[must_use]
    pub fn uri(mut self, uri: &str) -> Self {
        self.uri = text(uri);
        self
    }

    /// Lower is matched first; 0 when not given.
    #[must_use]
    pub fn order(mut self, order: i32) -> Self {
        self.order = order;
        self
    }

    /// A value that filters and the gateway may read.
    #[must_use]
    pub fn metadata(mut self, key: &str, value: &str) -> Self {
        self.metadata.push((key.to_owned(), value.to_owned()));
        self
    }

    /// The path fits `pattern`.
    #[must_use]
    pub fn path(self, pattern: &str) -> Self {
        self.predicate_named("Path", &[pattern])
    }

    /// The host fits `pattern`.
    #[must_use]
    pub fn host(self, pattern: &str) -> Self {
        self.predicate_named("Host", &[pattern])
    }

    /// The method is `method`.
    #[must_use]
    pub fn method(self, method: &str) -> Self {
        self.predicate_named("Method", &[method])
    }

    /// A value of the header matches `regexp` as a whole.
    #[must_use]
    pub fn header(self, name: &str, regexp: &str) -> Self {
        self.predicate_named("Header", &[name, regexp])
    }

    /// A value of the query's parameter matches `regexp` as a whole.
    #[must_use]
    pub fn query(self, param: &str, regexp: &str) -> Self {
        self.predicate_named("Query", &[param, regexp])
    }

    /// A predicate by the name that it has in route files, with its arguments in the order of the shortcut form.
    #[must_use]
    pub fn predicate_named(mut self, name: &str, arguments: &[&str]) -> Self {
        self.predicates.push(Source::Named(definition(name, arguments)));
        self
    }

    /// An own predicate; `name` is what descriptions call it.
    #[must_use]
    pub fn predicate(mut self, name: &str, predicate: impl Predicate + 'static) -> Self {
        let own = Arc::new(Own(Arc::new(predicate)));
        self.predicates.push(Source::Own(name.to_owned(), own));
        self
    }

    /// Takes `parts` segments from the front of the path.
    #[must_use]
    pub fn strip_prefix(self, parts: usize) -> Self {
        self.filter_named("StripPrefix", &[&parts.to_string()])
    }

    /// Puts `prefix` before the path.
    #[must_use]
    pub fn prefix_path(self, prefix: &str) -> Self {
        self.filter_named("PrefixPath", &[prefix])
    }

    /// Replaces what `regexp` finds in the path.
    #[must_use]
    pub fn rewrite_path(self, regexp: &str, replacement: &str) -> Self {
        self.filter_named("RewritePath", &[regexp, replacement])
    }

    /// Replaces the path.
    #[must_use]
    pub fn set_path(self, template: &str) -> Self {
        self.filter_named("SetPath", &[template])
    }

    /// Adds a value of a header to the request.
    #[must_use]
    pub fn add_request_header(self, name: &str, value: &str) -> Self {
        self.filter_named("AddRequestHeader", &[name, value])
    }

    /// Removes a header from the request.
    #[must_use]
    pub fn remove_request_header(self, name: &str) -> Self {
        self.filter_named("RemoveRequestHeader", &[name])
    }

    /// Passes on the client's `Host`.
    #[must_use]
    pub fn preserve_host_header(self) -> Self {
        self.filter_named("PreserveHostHeader", &[])
    }

    /// Adds a value of a header to the answer.
    #[must_use]
    pub fn add_response_header(self, name: &str, value: &str) -> Self {
        self.filter_named("AddResponseHeader", &[name, value])
    }

    /// Replaces the answer's status.
    #[must_use]
    pub fn set_status(self, status: u16) -> Self {
        self.filter_named("SetStatus", &[&status.to_string()])
    }

    /// Answers with a redirection.
    #[must_use]
    pub fn redirect_to(self, status: u16, url: &str) -> Self {
        self.filter_named("RedirectTo", &[&status.to_string(), url])
    }

    /// A filter by the name that it has in route files, with its arguments in the order of the shortcut form.
    #[must_use]
    pub fn filter_named(mut self, name: &str, arguments: &[&str]) -> Self {
        self.filters.push(Source::Named(definition(name, arguments)));
        self
    }

    /// An own filter; `name` is what descriptions call it.
    #[must_use]
    pub fn filter(mut self, name: &str, filter: impl Filter + 'static) -> Self {
        self.filters.push(Source::Own(name.to_owned(), Arc::new(filter)));
        self
    }
}

impl From<&RouteDefinition> for RouteBuilder {
    fn from(definition: &RouteDefinition) -> Self {
        let metadata = definition.metadata.iter();
        Self {
            id: definition.id.clone(),
            uri: definition.uri.clone(),
            order: definition.order,
            place: definition.place,
            predicates: definition.predicates.iter().cloned().map(Source::Named).collect(),
            filters: definition.filters.iter().cloned().map(Source::Named).collect(),
            metadata: metadata
                .map(|(key, text)| (key.clone(), text.value.clone()))
                .collect(),
        }
    }
}

impl fmt::Debug for RouteBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RouteBuilder")
            .field("id", &self.id)
            .field("uri", &self.uri.value)
            .finish_non_exhaustive()
    }
}

fn text(value: &str) -> Text {
    Text {
        value: value.to_owned(),
        place: Place::default(),
    }
}

fn definition(name: &str, arguments: &[&str]) -> Definition {
    Definition {
        name: name.to_owned(),
        args: Args::Positional(arguments.iter().map(|argument| text(argument)).collect()),
        place: Place::default(),
    }
}
