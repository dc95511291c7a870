//! Gateway routes: what Spring Cloud Gateway YAML says, compiled to a table that a request is matched against.
//!
//! Pure: texts, a look-up function for variables and views of requests are arguments; no file, socket or clock.

mod bind;
mod definition;
pub mod limits;
mod locator;
#[allow(
    dead_code,
    reason = "the table, which comes next, asks patterns for their certain beginnings"
)]
mod pattern;
#[allow(dead_code, reason = "the binder, which comes next, collects problems")]
mod problem;
mod vars;
mod view;
#[allow(dead_code, reason = "the binder, which comes next, reads documents")]
mod yaml;

pub use bind::{Foreign, ForwardedHeader, Given, Globals, RoutesFile, XForwarded};
pub use definition::{Args, Definition, GatewayDefinition, RouteDefinition, Text};
pub use locator::Locator;
pub use pattern::{HostPattern, JavaRegex, PathPattern, PatternError, RawPath, RegexError, Replacement};
pub use problem::{Place, Problem, Problems, located};
pub use vars::Vars;
pub use view::{Answer, Flow, RequestEdit, RequestView, ResponseEdit};
