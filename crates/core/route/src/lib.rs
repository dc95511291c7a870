//! Gateway routes: what Spring Cloud Gateway YAML says, compiled to a table that a request is matched against.
//!
//! Pure: texts, a look-up function for variables and views of requests are arguments; no file, socket or clock.
//!
//! A file's way to a request goes like this:
//!
//! 1. [`RoutesFile::read`] makes a [`GatewayDefinition`] of a whole `application.yml`; [`Route::builder`] makes in code
//!    what a file would say.
//! 2. [`RouteTable::compile`] makes an immutable table of it, or says everything that is wrong, with file, line and route.
//! 3. [`RouteTable::find`] gives the route of a request and its variables, without allocating when it has none.
//! 4. [`Route::before`] lets the filters change the request, [`Route::after`] the answer.
//!
//! | file | idea |
//! |---|---|
//! | `yaml`, `bind`, `placeholder`, `locator` | YAML with places, then Spring's binding of it |
//! | `definition` | a route as it was written |
//! | `pattern` | path and host patterns, Java's regular expressions |
//! | `predicate`, `filter` | a file each, and the table of their names |
//! | `kind`, `arguments` | a name is looked up, its arguments are read in any of three forms |
//! | `template`, `escape` | `{variables}`, and what may stand in a request line or header |
//! | `compile`, `uri` | definitions become routes |
//! | `route`, `table` | what serves requests; `table/index` is how a route is found |
//! | `explain` | which route would take a request, and why |
//! | `builder`, `extensions` | routes, predicates and filters made in code |
//! | `problem`, `limits` | what is wrong, with its place; every bound |

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
mod predicate;
mod problem;
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
pub use predicate::Predicate;
pub use problem::{Place, Problem, Problems, located};
pub use route::{Route, RouteDescription};
pub use table::RouteTable;
pub use uri::RouteUri;
pub use vars::Vars;
pub use view::{Answer, Flow, RequestEdit, RequestView, ResponseEdit};
