//! Gateway routes: what Spring Cloud Gateway YAML says, compiled to a table that a request is matched against.
//!
//! Pure: texts, a look-up function for variables and views of requests are arguments; no file, socket or clock.

mod arguments;
mod bind;
mod builder;
mod compile;
mod definition;
mod escape;
mod exchange;
mod explain;
mod extensions;
mod filter;
mod kind;
pub mod limits;
mod locator;
mod pattern;
mod placeholder;
#[allow(dead_code, reason = "the table, which comes next, forgives routes")]
mod problem;
mod predicate;
mod route;
mod status;
mod table;
mod template;
mod uri;
mod vars;
mod view;
mod yaml;

pub use arguments::{ArgumentError, Arguments};
pub use bind::{Foreign, ForwardedHeader, Given, Globals, RoutesFile, XForwarded};
pub use builder::RouteBuilder;
pub use compile::Compilation;
pub use definition::{Args, Definition, GatewayDefinition, RouteDefinition, Text};
pub use exchange::Exchange;
pub use explain::{Explanation, Outcome, OwnedRequest, Refused, Taken};
pub use extensions::Extensions;
pub use filter::Filter;
pub use locator::Locator;
pub use pattern::{HostPattern, JavaRegex, PathPattern, PatternError, RawPath, RegexError, Replacement};
pub use problem::{Place, Problem, Problems, located};
pub use predicate::Predicate;
pub use route::{Route, RouteDescription};
pub use table::RouteTable;
pub use uri::RouteUri;
pub use vars::Vars;
pub use view::{Answer, Flow, RequestEdit, RequestView, ResponseEdit};
